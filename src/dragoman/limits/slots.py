"""
Bytes in a memory-mapped file that processes of one host share, one writer at a time.

The file has two slots.  A write goes to the one that is not the newest, its head last; a reader takes the newest whose
checksum holds.  So whoever is killed in the middle of a write has written nothing.

The kernel drops the lock of a process that dies.  A process that is stopped keeps it, so nobody waits for it for ever:
`lock` says after `patience` that it was not to be had.

Rule: `read` and `write` only between `lock` and `unlock`.  A forked child opens the file anew and never unlocks the
description that it shares with its parent.
"""

from __future__ import annotations

import mmap
import os
import stat
import struct
import time
from collections.abc import Callable
from typing import Final, Protocol, cast
from zlib import crc32

from dragoman.errors import ConfigError

SLOT: Final = 16_384
SIZE: Final = 2 * SLOT
_HEAD: Final = struct.Struct("<QII")  # sequence, length, checksum of both and of what follows
_BOTH: Final = struct.Struct("<QI")
# Seconds between two tries; a lock is held for some microseconds, unless its holder was put aside by the scheduler.
_FIRST_PAUSE, _LONGEST_PAUSE = 2e-5, 1e-3


class Flock(Protocol):
    """What of the module `fcntl` is used."""

    LOCK_EX: int
    LOCK_NB: int
    LOCK_UN: int
    flock: Callable[[int, int], None]


def fcntl() -> Flock:
    """
    The module that locks files.

    Raises:
        ConfigError: This system has none.
    """
    try:
        import fcntl as module  # not on Windows
    except ImportError as error:
        raise ConfigError(
            "limit='host' needs file locks of a Unix system, and this one has none: give limit='process', or a "
            "redis:// or postgresql:// URL",
            field="limit",
        ) from error
    return cast("Flock", module)


class SlotFile:
    """
    One file.

    Args:
        path: Where it is; it is made if it is not there.

    Attributes:
        opened: How often it was opened: again, if it was removed meanwhile.

    Raises:
        ConfigError: It cannot be opened, or is not this user's alone.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fcntl = fcntl()
        self.opened = 0
        self._open()

    def _open(self) -> None:
        self._file = -1
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._file = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise ConfigError(f"cannot open {self._path} to share limits: {error.strerror}", field="limit") from error
        try:
            self._check()
            self._map = mmap.mmap(self._file, SIZE)
            self.opened += 1
        except BaseException:
            os.close(self._file)
            self._file = -1
            raise

    def _check(self) -> None:
        found = os.fstat(self._file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise ConfigError(
                f"{self._path} is not a file of this user alone (mode 0600), so limits are not shared by it: remove it",
                field="limit",
            )
        if found.st_size < SIZE:
            self._fill(found.st_size)

    def _fill(self, size: int) -> None:
        """Have room before it is mapped: a mapped page for which the disk has no room ends the process."""
        try:
            os.pwrite(self._file, bytes(SIZE - size), size)
        except OSError as error:
            raise ConfigError(f"cannot write {self._path} to share limits: {error.strerror}", field="limit") from error

    def lock(self, patience: float) -> bool:
        """Be the only one: whether that was possible within so many seconds, or later if it was seldom looked at."""
        if self._file < 0:
            self._open()
        until, pause = time.monotonic() + patience, _FIRST_PAUSE
        looks = int(patience / _LONGEST_PAUSE / 4)
        flock, how = self._fcntl.flock, self._fcntl.LOCK_EX | self._fcntl.LOCK_NB
        while True:
            try:
                flock(self._file, how)
            except (BlockingIOError, PermissionError):
                looks -= 1
                if looks < 0 and time.monotonic() >= until:
                    return False
                time.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * 2)
            else:
                if self._stands():
                    return True

    def _stands(self) -> bool:
        """Whether the locked file is still the one at its path; if not, it is opened anew and not locked."""
        found = os.fstat(self._file)
        if found.st_nlink and found.st_size >= SIZE:
            return True
        self.unlock()
        self.close()
        self._open()
        return False

    def unlock(self) -> None:
        """Let others."""
        self._fcntl.flock(self._file, self._fcntl.LOCK_UN)

    @property
    def sequence(self) -> int:
        """Number of the newest write, as far as its head tells."""
        first: int = _HEAD.unpack_from(self._map, 0)[0]
        second: int = _HEAD.unpack_from(self._map, SLOT)[0]
        return max(first, second)

    def read(self) -> tuple[int, bytes]:
        """The newest whole write and its number; nothing and 0 if there is none."""
        found = [self._slot(0), self._slot(SLOT)]
        return max(found)

    def write(self, data: bytes, sequence: int) -> None:
        """Write what is to be found instead; `sequence` is the number that `read` gave, plus one."""
        at = SLOT if sequence % 2 else 0
        check = crc32(data, crc32(_BOTH.pack(sequence, len(data))))
        start = at + _HEAD.size
        self._map[start : start + len(data)] = data
        _HEAD.pack_into(self._map, at, sequence, len(data), check)

    def _slot(self, at: int) -> tuple[int, bytes]:
        sequence, length, check = _HEAD.unpack_from(self._map, at)
        start = at + _HEAD.size
        if length > SLOT - _HEAD.size:
            return 0, b""
        data = self._map[start : start + length]
        if crc32(data, crc32(_BOTH.pack(sequence, length))) != check or not sequence:
            return 0, b""
        return sequence, data

    def close(self) -> None:
        """Idempotent.  The lock is dropped with the last description of it, so a child does not drop its parent's."""
        if self._file >= 0:
            self._map.close()
            os.close(self._file)
            self._file = -1
