"""
A file of JSON objects, one a line, to which one process appends.

Lines that belong together are appended in one write and synced to the disk; a last line that is not whole was being
written when the process died, and is taken away.

Rule: a file that is not understood is never written to.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import msgspec

from dragoman.errors import ConfigError, StoreError

T = TypeVar("T")

_FIRST: Final = b'{"kind":"start"'


class LineFile(Generic[T]):
    """
    An open file.

    Args:
        path: It is made if it is not there, for its owner only.
        decode: Reads a line.
        field: Name of the argument that the path was given as.
        called: What such a file is called.

    Raises:
        ConfigError: It cannot be opened, is no file, or another process writes it.
    """

    def __init__(self, path: Path, decode: Callable[[bytes], T], *, field: str, called: str) -> None:
        self.path = path
        self._decode = decode
        self._field = field
        self._called = called
        self._lock = threading.Lock()
        self._file: int | None = self._opened()
        try:
            self._claim(self._file)
        except BaseException:
            self.close()
            raise

    def _opened(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            why = f"{error.strerror}; give the path of a file that may be written"
            raise self._wrong(f"{self._field} {self.path} cannot be opened: {why}") from error

    def _claim(self, file: int) -> None:
        """One process writes: a second one would mix its lines into the first one's, or pay everything again."""
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise self._wrong(f"{self._field} {self.path} is no file: give the path of one")
        try:
            import fcntl  # not on Windows, where the file is not locked
        except ImportError:
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            text = f"{self._field} {self.path} is in use by another run: wait for it, or give another path"
            raise self._wrong(text) from error

    def read(self) -> list[T]:
        """
        All whole lines; what follows the last is taken away.

        Raises:
            ConfigError: The file is damaged, or no such file; it is as it was.
        """
        if self._file is None:
            return []
        data = _read(self._file)
        lines, good = self._parsed(data)
        if good < len(data):
            os.ftruncate(self._file, good)
        os.lseek(self._file, good, os.SEEK_SET)
        return lines

    def _parsed(self, data: bytes) -> tuple[list[T], int]:
        """The lines of a file, and how many bytes of it are whole lines."""
        lines: list[T] = []
        good = 0
        while (end := data.find(b"\n", good)) >= 0:
            try:
                lines.append(self._decode(data[good:end]))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                if end + 1 == len(data) and lines:
                    return lines, good  # a page of the last line did not reach the disk
                where = f"{self.path} is damaged in line {len(lines) + 1}"
                raise self._wrong(f"{where}, or no {self._called}: remove it, or give another path") from error
            good = end + 1
        if not lines and data[: len(_FIRST)] != _FIRST[: len(data)]:
            raise self._wrong(f"{self.path} is no {self._called}: give another path")
        return lines, good

    def begin(self, line: Any) -> None:
        """Write the first line of a new file, whose name has to reach the disk, too.  Errors as `append`."""
        self.append(line)
        if os.name != "posix":
            return
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def append(self, *lines: Any) -> None:
        """
        Write, and wait until the disk has it.  After `close` this does nothing.

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
                text = f"{self._field} {self.path} cannot be written: {error.strerror}"
                raise StoreError(text, field=self._field) from error

    def for_owner_only(self) -> None:
        """Nobody else may read it, also if it was there before."""
        if self._file is not None and hasattr(os, "fchmod"):
            os.fchmod(self._file, 0o600)

    def close(self) -> None:
        """Let go of the file.  Idempotent, from any thread."""
        with self._lock:
            file, self._file = self._file, None
            if file is not None:
                os.close(file)

    def _wrong(self, text: str) -> ConfigError:
        return ConfigError(text, field=self._field)


def _read(file: int) -> bytes:
    pieces: list[bytes] = []
    while piece := os.read(file, 1 << 20):
        pieces.append(piece)
    return b"".join(pieces)


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
