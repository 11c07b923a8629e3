"""
Where rows come from: a file, or anything in Python that gives values.

A file is read line by line, again each time that it is asked for; so it is looked through before anything is spent.
UTF-8 with or without a mark at its start, and UTF-16 with one, are read.

Rule: what cannot be read is a `SourceError` with the line, and never a row less.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sized
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

import msgspec

from dragoman.errors import SourceError

LONGEST: Final = 256 << 20
"""Bytes that a line may have: what a provider takes as a body is far less."""

_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Given(NamedTuple):
    """
    One row as it was given.

    Attributes:
        number: Place in the input, from 0.
        place: The same in words: `line 7`.
        value: What stands there.
        line: Its bytes, where it is JSON of a file.
    """

    number: int
    place: str
    value: Any
    line: bytes | None = None


Rows = Generator[Given, None, None]
"""What reads rows; who does not read to the end closes it, and so the file."""


class Source:
    """
    Rows, in order.

    Args:
        given: Path of a file (`.jsonl`, `.csv`, `.tsv`), or an iterable of rows.

    Attributes:
        path: Of the file, or None.
        again: Whether it can be read more than once.

    Raises:
        SourceError: It is none, or cannot be opened.
    """

    def __init__(self, given: str | os.PathLike[str] | Iterable[Any]) -> None:
        self.path: Path | None = None
        self._values: Iterable[Any] = ()
        if isinstance(given, str | os.PathLike):
            self.path = Path(given)
            _check_file(self.path)
            self.again = True
        elif isinstance(given, Iterable) and not isinstance(given, Mapping | bytes):
            self._values = given
            self.again = isinstance(given, Sized)  # a generator has no length, and gives its rows once
        else:
            kind = type(cast("object", given)).__name__
            raise SourceError(f"source is {kind}: give the path of a file, or a list of rows", field="source")

    def __iter__(self) -> Rows:
        if self.path is None:
            return (Given(number, f"row {number}", value) for number, value in enumerate(self._values))
        return _READERS.get(self.path.suffix.lower(), _json_lines)(self.path)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise SourceError(f"{path} is a directory: give a file of rows", field="source")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise SourceError(f"{path} is empty: give at least one row", field="source")
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}", field="source") from error


# --- lines of JSON ----------------------------------------------------------------------------------------------------


def _json_lines(path: Path) -> Rows:
    decode = msgspec.json.Decoder().decode
    number = 0
    with path.open("rb") as file, closing(_lines(file, path)) as lines:
        for at, line in enumerate(lines, 1):
            text = line.strip()
            if not text:
                continue
            try:
                value = decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise SourceError(f"{path}, line {at}: not JSON ({error})", field=f"line {at}") from error
            yield Given(number, f"line {at}", value, text)
            number += 1


def _lines(file: BinaryIO, path: Path) -> Generator[bytes, None, None]:
    start = file.read(3)
    file.seek(3 if start == codecs.BOM_UTF8 else 0)
    if start.startswith(_UTF16):
        yield from _recoded(file, path)
        return
    at = 0
    while line := file.readline(LONGEST + 1):
        at += 1
        if len(line) > LONGEST:
            raise SourceError(f"{path}, line {at}: longer than {LONGEST >> 20} MiB", field=f"line {at}")
        yield line


def _recoded(file: BinaryIO, path: Path) -> Generator[bytes, None, None]:
    text = io.TextIOWrapper(file, encoding="utf-16", newline="\n")
    try:
        for line in text:
            yield line.encode()
    except UnicodeError as error:
        raise SourceError(f"{path}: not UTF-16 ({error})", field="source") from error
    finally:
        text.detach()  # the file is its opener's to close


# --- tables -----------------------------------------------------------------------------------------------------------


def _table(delimiter: str) -> Callable[[Path], Rows]:
    def read(path: Path) -> Rows:
        with path.open("rb") as raw:
            encoding = "utf-16" if raw.read(2) in _UTF16 else "utf-8-sig"
        with path.open("r", encoding=encoding, newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter, strict=True)
            try:
                _check_heads(path, reader.fieldnames)
                for number, row in enumerate(reader):
                    yield Given(number, f"line {reader.line_num}", _cells(path, reader.line_num, row))
            except (csv.Error, UnicodeError) as error:
                at = f"line {reader.line_num + 1}"
                raise SourceError(f"{path}, {at}: {error}", field=at) from error

    return read


def _check_heads(path: Path, heads: Iterable[str] | None) -> None:
    names = list(heads or ())
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SourceError(f"{path}, line 1: two columns are called {twice!r}", field="line 1")


def _cells(path: Path, at: int, row: Mapping[Any, Any]) -> Mapping[str, str]:
    """A row must have a cell for each column: a quote that is missing shows itself so."""
    if None in row or None in row.values():
        more = "more" if None in row else "fewer"
        raise SourceError(f"{path}, line {at}: {more} cells than columns; is a quote missing?", field=f"line {at}")
    return row


_READERS: Final[Mapping[str, Callable[[Path], Rows]]] = {".csv": _table(","), ".tsv": _table("\t")}
