"""
Where rows come from: a file, or anything in Python that gives values.

A file is read a line at a time, again each time that it is asked for; so it is looked through before anything is
spent.  `decoding` has what a file may be written in, `tables` and `parquet` the forms beside JSON.

Rule: what cannot be read is a `SourceError` with the line, and never a row less.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Callable, Generator, Iterable, Mapping, Sized
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

import msgspec

from dragoman.batch.decoding import Watch, check_file, empty, lines_of, plain_suffix, unpacked
from dragoman.batch.parquet import library, parquet_rows
from dragoman.batch.tables import table_rows
from dragoman.errors import SourceError

# Rows after which is looked whether the file is still the same.
_OFTEN: Final = 256


class Given(NamedTuple):
    """
    One row as it was given.

    Attributes:
        number: Place in the input, from 0.
        place: The same in words: `line 7`.
        value: What stands there.
        line: Its bytes, where it is JSON of a file.
        table: Whether it is of a table: its fields are cells.
        prefix: What its prompt begins with, by a name that those beside it have, too, where rows are sorted by that.
    """

    number: int
    place: str
    value: Any
    line: bytes | None = None
    table: bool = False
    prefix: bytes | None = None


Rows = Generator[Given, None, None]
"""What reads rows; who does not read to the end closes it, and so the file."""


class Source:
    """
    Rows, in order.

    Args:
        given: Path of a file (`.jsonl`, `.csv`, `.tsv`, `.parquet`; the first three also with `.gz`), or an iterable or
            async iterable of rows.

    Attributes:
        path: Of the file, or None.
        again: Whether it can be read more than once.
        values: The rows, where they are in no file: an iterator of them may let wait.

    Raises:
        SourceError: It is none, or cannot be opened.
        ConfigError: It needs a library that is not installed.
    """

    def __init__(self, given: str | os.PathLike[str] | Iterable[Any] | AsyncIterable[Any]) -> None:
        self.path: Path | None = None
        self.values: Iterable[Any] | AsyncIterable[Any] = ()
        self.again = True
        if isinstance(given, str | os.PathLike):
            self.path = Path(given)
            check_file(self.path)
            self._read = _READERS.get(plain_suffix(self.path), _json_lines)
            self._watch = Watch(self.path)
            if self._read is _parquet:
                library("source")
        elif isinstance(given, Iterable | AsyncIterable) and not isinstance(given, Mapping | bytes | bytearray):
            self.values = given
            self.again = isinstance(given, Sized)  # a generator has no length, and gives its rows once
        else:
            kind = type(cast("object", given)).__name__
            raise SourceError(f"source is {kind}: give the path of a file, or a list of rows", field="source")

    def __iter__(self) -> Rows:
        if self.path is not None:
            return self._rows(self.path)
        assert isinstance(self.values, Iterable)  # async ones are read by a `Feed`
        return (Given(number, f"row {number}", value) for number, value in enumerate(self.values))

    def place(self, number: int) -> str:
        """Where a row is, in words; its number where the source cannot be read again."""
        if self.path is not None:
            with closing(iter(self)) as rows:
                for given in rows:
                    if given.number == number:
                        return given.place
        return f"row {number}"

    def _rows(self, path: Path) -> Rows:
        number = -1
        try:
            file = path.open("rb")
        except OSError as error:
            raise SourceError(f"cannot read {path}: {error.strerror}", field="source") from error
        with file, closing(self._read(file, path)) as rows:
            self._watch.check(file)
            try:
                for given in rows:
                    number = given.number
                    if number % _OFTEN == 0:
                        self._watch.check(file)
                    yield given
            except SourceError:
                self._watch.check(file)  # half of the old and half of the new may look like anything
                raise
            self._watch.check(file)
        if number < 0:
            raise empty(path)


# --- one function for each form ---------------------------------------------------------------------------------------

_HINTS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\0", "; it holds NUL bytes: is it UTF-16 without its mark, or cut by a crash?"),
    (b"\\ud", "; half a surrogate pair is no text"),
    (b"\\uD", "; half a surrogate pair is no text"),
)


def _json_lines(file: BinaryIO, path: Path) -> Rows:
    decode = msgspec.json.Decoder().decode
    number = 0
    with unpacked(file, path) as plain, closing(lines_of(plain, path)) as lines:
        for at, line in enumerate(lines, 1):
            text = line.strip()
            if not text:
                continue
            try:
                value = decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise _no_json(path, at, text, error) from error
            yield Given(number, f"line {at}", value, text)
            number += 1


def _no_json(path: Path, at: int, text: bytes, error: Exception) -> SourceError:
    hint = next((words for sign, words in _HINTS if sign in text), "")
    if not hint and at == 1 and text[:1] in (b"[", b"{"):
        hint = "; give one object per line"
    return SourceError(f"{path}, line {at}: not JSON ({error}){hint}", field=f"line {at}")


def _table(file: BinaryIO, path: Path) -> Rows:
    with unpacked(file, path) as plain, closing(lines_of(plain, path)) as lines:
        for number, (at, cells) in enumerate(table_rows(lines, path)):
            yield Given(number, f"line {at}", cells, table=True)


def _parquet(file: BinaryIO, path: Path) -> Rows:
    for number, cells in enumerate(parquet_rows(file, path)):
        yield Given(number, f"row {number}", cells, table=True)


_READERS: Final[Mapping[str, Callable[[BinaryIO, Path], Rows]]] = {
    ".csv": _table,
    ".tsv": _table,
    ".parquet": _parquet,
    ".pq": _parquet,
}
