"""
Files of rows as lines of bytes, whatever they were written in.

UTF-8 with or without a mark at its start is given as it is, UTF-16 with a mark is made UTF-8, and a name that ends in
`.gz` is unpacked.  A line is bounded, so that memory is.

Rule: what cannot be read is a `SourceError` with the line.  A file that changes between two looks at it, or under one,
is an error too, and never a mixture of two files.
"""

from __future__ import annotations

import codecs
import gzip
import io
import os
import stat
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from dragoman.errors import SourceError

LONGEST: Final = 256 << 20
"""Bytes that a line, or a record of a table, may have: a whole batch file of OpenAI may have 200 MB."""

Lines = Generator[bytes, None, None]

_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def check_file(path: Path) -> None:
    """
    Look whether rows can be read from there more than once.

    Raises:
        SourceError: They cannot: no such file, a directory, a pipe, no permission, nothing in it.
    """
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise SourceError(f"{path} is a directory: give a file of rows", field="source")
        if not stat.S_ISREG(kind):
            raise SourceError(
                f"{path} is a pipe or a device, which can be read only once: give a file (on the command line `-` "
                "reads standard input)",
                field="source",
            )
        with path.open("rb") as file:
            if not file.read(1):
                raise empty(path)
    except (OSError, ValueError) as error:  # a name with a NUL byte is a ValueError
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise SourceError(f"cannot read {path}: {why}", field="source") from error


def empty(path: Path) -> SourceError:
    """The error for a file without rows."""
    return SourceError(f"{path} is empty: give at least one row", field="source")


class Watch:
    """Notices that a file is not what it was when it was first opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = None

    def check(self, file: BinaryIO) -> None:
        """
        Look at it again.

        Raises:
            SourceError: It has changed.
        """
        now = os.fstat(file.fileno())
        seen = (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns)
        if self._seen is not None and seen != self._seen:
            raise SourceError(
                f"{self._path} was changed while the batch was reading it: run the batch again when it stays as it is; "
                "what was answered is kept",
                field="source",
            )
        self._seen = seen


def plain_suffix(path: Path) -> str:
    """What the name says of the form, without `.gz`: `.jsonl` of `in.jsonl.gz`."""
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


@contextmanager
def unpacked(raw: BinaryIO, path: Path) -> Generator[BinaryIO, None, None]:
    """The bytes of a file, or what is packed in them."""
    if path.suffix.lower() != ".gz":
        yield raw
        return
    with gzip.GzipFile(fileobj=raw, mode="rb") as file:
        yield cast("BinaryIO", file)


def lines_of(file: BinaryIO, path: Path) -> Lines:
    """
    Read lines, with what ends them, in UTF-8 as far as they are text.

    Raises:
        SourceError: A line is too long, or the file is damaged.
    """
    at = 0
    try:
        start = file.read(3)
        file.seek(3 if start == codecs.BOM_UTF8 else 0)
        read = _recoded(file) if start.startswith(_UTF16) else _bounded(file)
        for at, line in enumerate(read, 1):
            if len(line) > LONGEST:
                raise too_long(path, at)
            yield line
    except (UnicodeDecodeError, UnicodeEncodeError) as error:
        where = f"line {at + 1}"
        raise SourceError(f"{path}, {where}: not UTF-16 ({error.reason})", field=where) from error
    except (EOFError, zlib.error, OSError) as error:
        where = f"line {at + 1}"
        raise SourceError(f"cannot read {path}, {where}: {error}", field=where) from error


def too_long(path: Path, at: int) -> SourceError:
    """The error for a line, or a record of a table, that no request can be."""
    where = f"line {at}"
    return SourceError(f"{path}, {where}: longer than {LONGEST >> 20} MiB, which no row may be", field=where)


def _bounded(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(LONGEST + 1):
        yield line


def _recoded(file: BinaryIO) -> Iterator[bytes]:
    # Half a surrogate pair passes the reading and fails the writing, where the line is known.
    text = io.TextIOWrapper(file, encoding="utf-16", errors="surrogatepass", newline="\n")
    try:
        while line := text.readline(LONGEST + 1):
            yield line.encode()
    finally:
        text.detach()  # the file is its opener's to close
