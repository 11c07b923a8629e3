"""
What is paid already, in a file beside the output, so that a run that was killed goes on.

    {"kind":"start","version":1,"kit":"translation"}
    {"kind":"paid","cost":"0.0012","input_tokens":900,"output_tokens":420}
    {"kind":"done","key":"...","text":"...","findings":[...]}

One JSON object a line.  The lines of an answer are appended in one write and synced to the disk; a last line that is
not whole was being written when the process died, and is taken away.  A segment's key is a digest of everything that
its text depends on, so a changed segment is asked again, and all others are not.

Rule: a file that is not understood is never written to.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from dragoman.errors import ConfigError, StoreError
from dragoman.kits.findings import Finding
from dragoman.types.usage import Usage

VERSION: Final = 1


class StartRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="start"):
    """The version of this format, and the kit that writes it."""

    version: int
    kit: str


class PaidRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="paid"):
    """What one answer took; `cost` in US dollars, None where the price is not known."""

    cost: Decimal | None
    usage: Usage


class DoneRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="done", omit_defaults=True):
    """
    A segment that is finished.

    Attributes:
        key: Digest of what its text depends on.
        text: With marks.
        findings: What is wrong with it.
        attempts: How often it was asked for.
        kept: Whether the text is the source's.
    """

    key: str
    text: str
    findings: tuple[Finding, ...] = ()
    attempts: int = 1
    kept: bool = False


Line = StartRecord | PaidRecord | DoneRecord
_FIRST: Final = b'{"kind":"start"'
_decode: Final[Callable[[bytes], Line]] = msgspec.json.Decoder(Line).decode


class Journal:
    """
    What is paid; in a file, or in memory only.

    Args:
        path: Of the file; it is made if it is not there, for its owner only.  None for memory.
        kit: Who writes it.

    Raises:
        ConfigError: The file is none of ours, or damaged, or another process writes it.
        StoreError: The disk does not take it.

    Attributes:
        done: What is finished, by key.
        paid: What earlier runs have paid.
    """

    def __init__(self, path: Path | None, kit: str) -> None:
        self.done: dict[str, DoneRecord] = {}
        self.paid: list[PaidRecord] = []
        self._path = path
        self._lock = threading.Lock()
        self._file: int | None = None if path is None else _opened(path)
        try:
            self._start(kit)
        except BaseException:
            self.close()
            raise

    def _start(self, kit: str) -> None:
        if self._file is None or self._path is None:
            return
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise ConfigError(f"job {self._path} is no file: give the path of one", field="job")
        _lock(self._file, self._path)
        lines, good = _parsed(_read(self._file), self._path)
        os.ftruncate(self._file, good)
        os.lseek(self._file, good, os.SEEK_SET)
        if not lines:
            self.append(StartRecord(VERSION, kit))
            _sync_folder(self._path)
            return
        start = lines[0]
        if not isinstance(start, StartRecord) or start.version != VERSION or start.kit != kit:
            raise ConfigError(f"{self._path} is no journal of the kit {kit}: give another path", field="job")
        for line in lines:
            if isinstance(line, DoneRecord):
                self.done[line.key] = line
            elif isinstance(line, PaidRecord):
                self.paid.append(line)

    def append(self, *lines: Line) -> None:
        """
        Keep lines, and wait until the disk has them.

        Raises:
            StoreError: It has not; what stood there before is whole.
        """
        self.done.update((line.key, line) for line in lines if isinstance(line, DoneRecord))
        data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        with self._lock:
            if self._file is None:
                return
            at = os.lseek(self._file, 0, os.SEEK_CUR)
            try:
                _write(self._file, data)
                os.fsync(self._file)
            except OSError as error:
                os.ftruncate(self._file, at)
                os.lseek(self._file, at, os.SEEK_SET)
                raise StoreError(f"job {self._path} cannot be written: {error.strerror}", field="job") from error

    def close(self) -> None:
        """Let go of the file.  Idempotent."""
        with self._lock:
            file, self._file = self._file, None
            if file is not None:
                os.close(file)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as error:
        text = f"job {path} cannot be opened: {error.strerror}; give the path of a file that may be written"
        raise ConfigError(text, field="job") from error


def _lock(file: int, path: Path) -> None:
    """One process writes: a second one would pay everything again."""
    try:
        import fcntl  # not on Windows, where the file is not locked
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigError(f"job {path} is in use by another run: wait for it", field="job") from error


def _read(file: int) -> bytes:
    pieces: list[bytes] = []
    while piece := os.read(file, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync_folder(path: Path) -> None:
    """The name of a new file is in its folder, which has to reach the disk, too."""
    if os.name != "posix":
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _parsed(data: bytes, path: Path) -> tuple[list[Line], int]:
    """The lines of a file, and how many bytes of it are whole lines."""
    lines: list[Line] = []
    good = 0
    while (end := data.find(b"\n", good)) >= 0:
        try:
            lines.append(_decode(data[good:end]))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if end + 1 == len(data) and lines:
                return lines, good  # a page of the last line did not reach the disk
            text = f"{path} is damaged in line {len(lines) + 1}, or no journal: remove it, or give another path"
            raise ConfigError(text, field="job") from error
        good = end + 1
    if not lines and data[: len(_FIRST)] != _FIRST[: len(data)]:
        raise ConfigError(f"{path} is no journal: give another path", field="job")
    return lines, good
