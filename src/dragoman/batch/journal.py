"""
The journal: what was sent, and what came of it.

    head     "dragoman-job 1", line feed
    record   length of the payload (4 bytes), CRC-32 of it (4), kind (1), number of the row (8), key of the row (16),
             CRC-32 of all these (4), payload; integers little-endian

An answer is in the payload of its own record, so the two are durable together or not at all.  A record is handed to
the system when it is made, which a killed process cannot undo; `sync` makes all before it survive a power cut, and is
called every few records.

Rule: a record is never changed.  A tail that was cut while it was written is recognised and cut off; damage anywhere
else is an error, because what follows it was paid for.
"""

from __future__ import annotations

import errno
import os
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast
from zlib import crc32

from dragoman.errors import BatchError, ManifestError

HEAD: Final = b"dragoman-job 1\n"
_ABOUT: Final = struct.Struct("<IIBQ16s")
_CHECK: Final = struct.Struct("<I")
_BEFORE: Final = _ABOUT.size + _CHECK.size
NO_KEY: Final = bytes(16)
_FULL: Final = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_PIECE: Final = 1 << 20


class Kind(IntEnum):
    """What a record says."""

    START = 1  # a run begins; the payload is what it was told
    SENT = 2
    DONE = 3
    FAILED = 4
    MARK = 5  # how the run stood then, for who looks at it from another process
    INTENT = 6  # of a batch at a provider, as are all that follow; see service.logbook
    SUBMITTED = 7
    ENDED = 8
    CLOSED = 9


class Record(NamedTuple):
    """One record, and where it stands in the file."""

    at: int
    kind: Kind
    number: int
    key: bytes
    payload: bytes


def journal_of(sink: str | os.PathLike[str]) -> Path:
    """Where the journal of an output file is: `OUT.job`."""
    return Path(f"{os.fspath(sink)}.job")


def read_records(path: Path) -> Iterator[Record]:
    """
    Read the records of a journal that somebody else may be writing.

    Raises:
        ManifestError: There is none, it is no journal, or it is damaged.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ManifestError(f"no journal at {path}: {error.strerror}", field="sink") from error
    with file:
        yield from _scan(file, path)


def _scan(file: BinaryIO, path: Path) -> Iterator[Record]:
    size = os.fstat(file.fileno()).st_size
    head = file.read(len(HEAD))
    if head != HEAD and not HEAD.startswith(head):
        raise ManifestError(f"{path} is no journal of a batch: take another output, or move it away", field="sink")
    at = len(head)
    while head == HEAD and at + _BEFORE <= size:
        before = file.read(_BEFORE)
        length, crc, kind, number, key = _ABOUT.unpack_from(before)
        right = _CHECK.unpack_from(before, _ABOUT.size)[0] == crc32(before[: _ABOUT.size])
        after = at + _BEFORE + length
        if right and after > size:
            return  # cut while it was written
        payload = file.read(length) if right else b""
        if not right or crc32(payload) != crc:
            if (right and after == size) or _empty(file, before + payload):
                return
            raise ManifestError(
                f"{path} is damaged at byte {at}: give a copy of it, or cut it there (truncate -s {at}); the rows "
                "after that are then paid again",
                field="sink",
            )
        yield Record(at, Kind(kind), number, key, payload)
        at = after


def _empty(file: BinaryIO, piece: bytes) -> bool:
    """Whether there is nothing but zeros from here on: a tail that a power cut left without its bytes."""
    while piece:
        if piece.strip(b"\0"):
            return False
        piece = file.read(_PIECE)
    return True


class Journal:
    """
    The journal of one run.  Only one process may have it open.

    Args:
        path: Where it is; None for one that nobody shall find again.

    Attributes:
        path: Likewise.
        end: Length of what was written.
        synced: Length of what survives a power cut.

    Raises:
        ManifestError: Another process has it, or it is no journal.
        BatchError: It cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._file = _opened(path)
        self._fd = self._file.fileno()
        self._held: list[bytes] = []
        self._syncing = threading.Lock()
        self.end = self.synced = 0

    def records(self) -> Iterator[Record]:
        """Read what is there, to be called once, before anything is appended; a torn tail is cut off."""
        self._file.seek(0)
        end = 0
        for record in _scan(self._file, self.path or Path("journal")):
            end = record.at + _BEFORE + len(record.payload)
            yield record
        self.end = max(end, len(HEAD))
        try:
            if end == 0:
                os.ftruncate(self._fd, 0)
                self._write(HEAD, 0)
            os.ftruncate(self._fd, self.end)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self.sync()

    def append(self, kind: Kind, number: int, key: bytes, payload: bytes = b"") -> int:
        """
        Write a record, and return where it stands.

        Raises:
            BatchError: It cannot be written; the journal is as it was before.
        """
        record = _packed(kind, number, key, payload)
        self._held.append(record)
        self.flush()
        return self.end - len(record)

    def hold(self, kind: Kind, number: int, key: bytes) -> None:
        """Write a record without payload together with the next one, or when `flush` is called."""
        self._held.append(_packed(kind, number, key, b""))

    def flush(self) -> None:
        """
        Write what is held.

        Raises:
            BatchError: It cannot be written; the journal is as it was before, and nothing is held any more.
        """
        if not self._held:
            return
        data = b"".join(self._held)
        self._held.clear()
        self._write(data, self.end)
        self.end += len(data)

    def _write(self, data: bytes, at: int) -> None:
        view, done = memoryview(data), 0
        try:
            while done < len(data):
                done += os.pwrite(self._fd, view[done:], at + done)
        except OSError as error:
            with suppress(OSError):  # what is left of it is a torn tail, which is cut off when it is opened again
                os.ftruncate(self._fd, at)
            raise unwritable(self.path, error) from error

    def sync(self) -> None:
        """Make all that was written survive a power cut.  May be called in another thread."""
        end = self.end
        if self.path is not None:
            try:
                os.fdatasync(self._fd) if hasattr(os, "fdatasync") else os.fsync(self._fd)
            except OSError as error:
                raise unwritable(self.path, error) from error
        with self._syncing:  # one that began earlier may end later
            self.synced = max(self.synced, end)

    def read(self, at: int) -> Record:
        """Read the record that stands there."""
        before = os.pread(self._fd, _BEFORE, at)
        length, _, kind, number, key = _ABOUT.unpack_from(before)
        pieces, have = list[bytes](), 0
        while have < length and (piece := os.pread(self._fd, length - have, at + _BEFORE + have)):
            pieces.append(piece)
            have += len(piece)
        return Record(at, Kind(kind), number, key, b"".join(pieces))

    def unlock(self) -> None:
        """Let others run the batch; what is there can still be read."""
        if self.path is not None:
            _lock(self._file, self.path, free=True)

    def close(self) -> None:
        """Let it go.  Idempotent."""
        self._file.close()


def _packed(kind: Kind, number: int, key: bytes, payload: bytes) -> bytes:
    about = _ABOUT.pack(len(payload), crc32(payload), kind, number, key)
    return b"".join((about, _CHECK.pack(crc32(about)), payload))


def _opened(path: Path | None) -> BinaryIO:
    try:
        if path is None:
            return cast("BinaryIO", tempfile.TemporaryFile(prefix="dragoman-batch-"))
        opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        file: BinaryIO = os.fdopen(opened, "r+b", buffering=1 << 16)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        _lock(file, path)
    except BaseException:
        file.close()
        raise
    sync_folder(path)
    return file


def _lock(file: BinaryIO, path: Path, *, free: bool = False) -> None:
    try:
        import fcntl  # not on Windows, where nothing guards against two runs of one batch
    except ImportError:
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN if free else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ManifestError(
            f"another process is running this batch ({path}): wait for it, or take another output", field="sink"
        ) from error


def is_locked(path: Path) -> bool:
    """Whether a process has the journal open to write it."""
    try:
        with path.open("rb") as file:
            _lock(cast("BinaryIO", file), path)
    except ManifestError:
        return True
    return False


def sync_folder(path: Path) -> None:
    """Make a file's name survive a power cut, too."""
    with suppress(OSError):  # some file systems cannot, and the data are safe all the same
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def unwritable(path: Path | None, error: OSError) -> BatchError:
    """The error for a file that cannot be written."""
    where = "the temporary folder" if path is None else str(path)
    if error.errno in _FULL:
        return BatchError(
            f"no room left to write {where} ({error.strerror}): the batch has stopped, and nothing that it had kept is "
            "lost; make room and run it again",
            field="sink",
        )
    return BatchError(f"cannot write {where}: {error.strerror}", field="sink")
