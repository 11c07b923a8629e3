"""
What is written so far, in a file, so that a killed run goes on.

    {"kind": "start", ...}     what was asked, as digests
    {"kind": "text", ...}      pieces of the text as they came, at intervals
    {"kind": "round", ...}     the end of each round
    {"kind": "outline", ...}   the plan of a report
    {"kind": "done", ...}      the whole answer

One JSON object a line, appended and synced to the disk.  A last line that is not whole was being written when the
process died, and is taken away.  The question itself and credentials are not in it; what the model wrote is.

Rule: a file that is not understood is never written to.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError, StoreError
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.types.writing import WriteOptions
from dragoman.writing.draft import RoundRecord, TextRecord

VERSION: Final = 1

# What may differ from run to run: how the question is asked, and how far, not what it is.
_HOW: Final = frozenset({"stream", "timeout", "priority", "reuse", "max_tokens", "reasoning", "service_tier"})
_OPTIONS: Final = ("format", "outline", "words", "numbering")


class StartRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="start"):
    """
    Attributes:
        version: Of this format.
        asked: Name of each part of the question to its digest.
    """

    version: int
    asked: dict[str, str]


class OutlineRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="outline"):
    """The plan of a report, as JSON."""

    outline: Any


class DoneRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="done"):
    """The text is finished."""

    answer: ChatResponse


Line = StartRecord | TextRecord | RoundRecord | OutlineRecord | DoneRecord


def digests(request: ChatRequest, options: WriteOptions) -> dict[str, str]:
    """What was asked, so that it can be compared and not read."""
    fields = {name: getattr(request, name) for name in ChatRequest.__struct_fields__ if name not in _HOW}
    fields |= {name: getattr(options, name) for name in _OPTIONS}
    written = {name: msgspec.json.encode(value, order="sorted") for name, value in fields.items()}
    empty = (b"null", b"false")
    return {name: hashlib.sha256(data).hexdigest()[:32] for name, data in written.items() if data not in empty}


class Checkpoint:
    """
    An open checkpoint.

    Args:
        path: Of the file; it is made if it is not there, for its owner only.
        asked: `digests` of the question.

    Raises:
        ConfigError: The file belongs to another question, is none of ours or damaged, or another process writes it.
        StoreError: The disk does not take it.

    Attributes:
        lines: What stood in the file, its start apart.
    """

    def __init__(self, path: str | os.PathLike[str], asked: dict[str, str]) -> None:
        self.path = Path(path)
        self.lines: list[Line] = []
        self._lock = threading.Lock()
        self._file: int | None = _opened(self.path)
        try:
            self._start(asked)
        except BaseException:
            self.close()
            raise

    def _start(self, asked: dict[str, str]) -> None:
        assert self._file is not None  # it was just opened
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise ConfigError(f"checkpoint {self.path} is no file: give the path of one", field="checkpoint")
        _lock(self._file, self.path)
        if hasattr(os, "fchmod"):
            os.fchmod(self._file, 0o600)
        data = _read(self._file)
        lines, good = _parsed(data, self.path)
        if good < len(data):
            os.ftruncate(self._file, good)
        os.lseek(self._file, good, os.SEEK_SET)
        if not lines:
            self.append(StartRecord(VERSION, asked))
            _sync_folder(self.path)
            return
        self._compare(lines[0], asked)
        self.lines = lines[1:]

    def _compare(self, start: Line, asked: dict[str, str]) -> None:
        if not isinstance(start, StartRecord) or start.version != VERSION:
            raise ConfigError(f"{self.path} is no checkpoint of this version: give another path", field="checkpoint")
        names = sorted(start.asked.keys() | asked.keys())
        other = [name for name in names if start.asked.get(name) != asked.get(name)]
        if other:
            raise ConfigError(
                f"{self.path} belongs to another question: {', '.join(other)} is different; ask the same again, "
                f"or give another path",
                field="checkpoint",
            )

    def append(self, *lines: Line) -> None:
        """
        Write, and wait until the disk has it.

        Raises:
            StoreError: It has not; what stood there before is whole.
        """
        data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        with self._lock:
            if self._file is None:
                return  # it was left while this was on its way
            at = os.lseek(self._file, 0, os.SEEK_CUR)
            try:
                _write(self._file, data)
                os.fsync(self._file)
            except OSError as error:
                os.ftruncate(self._file, at)
                os.lseek(self._file, at, os.SEEK_SET)
                text = f"checkpoint {self.path} cannot be written: {error.strerror}"
                raise StoreError(text, field="checkpoint") from error

    def close(self) -> None:
        """Let go of the file.  Idempotent, from any thread."""
        with self._lock:
            file, self._file = self._file, None
            if file is not None:
                os.close(file)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as error:
        text = f"checkpoint {path} cannot be opened: {error.strerror}; give the path of a file that may be written"
        raise ConfigError(text, field="checkpoint") from error


def _lock(file: int, path: Path) -> None:
    """One process writes: a second one would mix its text into the first one's."""
    try:
        import fcntl  # not on Windows, where the file is not locked
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        text = f"checkpoint {path} is in use by another run: wait for it, or give another path"
        raise ConfigError(text, field="checkpoint") from error


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


_FIRST: Final = b'{"kind":"start"'

_decode: Final[Callable[[bytes], Line]] = msgspec.json.Decoder(Line).decode


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
            text = f"{path} is damaged in line {len(lines) + 1}, or no checkpoint: remove it, or give another path"
            raise ConfigError(text, field="checkpoint") from error
        good = end + 1
    if not lines and data[: len(_FIRST)] != _FIRST[: len(data)]:
        raise ConfigError(f"{path} is no checkpoint: give another path", field="checkpoint")
    return lines, good
