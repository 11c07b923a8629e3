"""
Tables of text: CSV and its relatives.

Cells are separated by a comma, a semicolon, a tab or a bar: by the one that the first line has most of.  A cell in
quotes may hold them, line feeds, and a quote as two; a quote within a cell that does not begin with one is itself.

The library's own reader is not used: it names no line for a quote that is never closed, and takes no cell above
128 KiB without a setting that holds for the whole process.

Rule: a row has a cell for each column, or it is an error with its line.

Source: RFC 4180; the first line `sep=;` is Excel's.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Final

from dragoman.batch import decoding
from dragoman.batch.decoding import plain_suffix
from dragoman.errors import SourceError

_DELIMITERS: Final = ",;\t|"
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"?')
_SAID: Final = re.compile(r"sep=(.)\r?\n?")

Record = tuple[int, list[str]]
"""Number of the line where it begins, and its cells."""


def table_rows(lines: Iterable[bytes], path: Path) -> Generator[tuple[int, Mapping[str, str]], None, None]:
    """
    Read rows by the names in the first line, each with the number of the line where it begins.

    Raises:
        SourceError: What is no table; the message names the line.
    """
    numbered = _decoded(lines, path)
    first = next(numbered, None)
    if first is None:
        return
    said = _SAID.fullmatch(first[1])
    delimiter = said[1] if said else _sniffed(first[1], tabs=plain_suffix(path) == ".tsv")
    records = _records(numbered if said else chain([first], numbered), delimiter, path)
    head = next(records, None)
    if head is None:
        return
    names = _heads(head, path)
    for at, cells in records:
        if len(cells) != len(names):
            more = "more" if len(cells) > len(names) else "fewer"
            raise _wrong(path, at, f"{len(cells)} cells, {more} than columns ({len(names)}); is a quote missing?")
        yield at, dict(zip(names, cells, strict=True))


def _decoded(lines: Iterable[bytes], path: Path) -> Iterator[tuple[int, str]]:
    for at, line in enumerate(lines, 1):
        try:
            yield at, line.decode()
        except UnicodeDecodeError as error:
            raise _wrong(path, at, f"not UTF-8 ({error.reason} at byte {error.start + 1} of the line)") from error


def _sniffed(line: str, *, tabs: bool) -> str:
    """What the first line has most of, outside quotes; a comma, or in `.tsv` a tab, where there is no difference."""
    bare = _QUOTED.sub("", line)
    if tabs and ("\t" in bare or not any(sign in bare for sign in _DELIMITERS)):
        return "\t"
    return max(_DELIMITERS, key=bare.count)


def _heads(head: Record, path: Path) -> list[str]:
    at, names = head
    if any("\0" in name for name in names):
        raise _wrong(path, at, "holds NUL bytes: is it UTF-16 without its mark? save it as UTF-8")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise _wrong(path, at, f"two columns are called {twice!r}")
    return names


def _wrong(path: Path, at: int, what: str) -> SourceError:
    return SourceError(f"{path}, line {at}: {what}", field=f"line {at}")


# --- records ----------------------------------------------------------------------------------------------------------


def _records(lines: Iterable[tuple[int, str]], delimiter: str, path: Path) -> Iterator[Record]:
    record: _Record | None = None
    for at, line in lines:
        if record is None:
            if '"' not in line:
                bare = _bare(line)
                if "\r" in bare:
                    raise _wrong(path, at, _LONE_CR)
                if bare:
                    yield at, bare.split(delimiter)
                continue
            record = _Record(at, delimiter, path)
        if record.take(at, line):
            yield record.at, record.cells
            record = None
    if record is not None:
        raise _wrong(path, record.opened, "a quote that begins a cell is never closed")


_LONE_CR: Final = "a carriage return outside quotes: save the file with line feeds at the ends of its lines"


def _bare(line: str) -> str:
    """Without what ends it, once."""
    line = line[:-1] if line.endswith("\n") else line
    return line[:-1] if line.endswith("\r") else line


class _Record:
    """A record with quotes in it, which may go on over lines."""

    def __init__(self, at: int, delimiter: str, path: Path) -> None:
        self.at = self.opened = at
        self.cells: list[str] = []
        self._delimiter = delimiter
        self._path = path
        self._open: list[str] | None = None  # pieces of a cell in quotes that is not closed yet
        self._size = 0

    def take(self, at: int, line: str) -> bool:
        """Take one more line; whether the record ends with it."""
        self._size += len(line)
        if self._size > decoding.LONGEST:
            raise decoding.too_long(self._path, self.at)
        place: int | None = 0
        while place is not None:
            if self._open is None and not line.startswith('"', place):
                place = self._plain(at, line, place)
            elif self._open is None:
                self._open, self.opened = [], at
                place = self._quoted(at, line, place + 1)
            else:
                place = self._quoted(at, line, place)
        return self._open is None

    def _plain(self, at: int, line: str, start: int) -> int | None:
        """A cell without quotes; where the next begins, or None at the end of the line."""
        end = line.find(self._delimiter, start)
        cell = line[start:end] if end >= 0 else _bare(line[start:])
        if "\r" in cell:
            raise _wrong(self._path, at, _LONE_CR)
        self.cells.append(cell)
        return None if end < 0 else end + 1

    def _quoted(self, at: int, line: str, start: int) -> int | None:
        """A cell in quotes, or some of it."""
        pieces = self._open if self._open is not None else []
        while (end := line.find('"', start)) >= 0:
            pieces.append(line[start:end])
            start = end + 2
            if not line.startswith('"', end + 1):
                return self._closed(at, line, end + 1, pieces)
            pieces.append('"')
        pieces.append(line[start:])
        return None

    def _closed(self, at: int, line: str, after: int, pieces: list[str]) -> int | None:
        self.cells.append("".join(pieces))
        self._open = None
        if line.startswith(self._delimiter, after):
            return after + 1
        if _bare(line[after:]):
            raise _wrong(self._path, at, f"text after the quote that ends cell {len(self.cells)}; is a quote missing?")
        return None
