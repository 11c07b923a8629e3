"""
Forms of the output file: lines of JSON, CSV, Parquet; by its name.

Lines are the payloads of the journal as they are.  A table has every row of the batch, with its error in a column.

Rule: a form takes records one after another and keeps no more than a piece of them.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, cast

import msgspec

from dragoman.batch.columns import Column, cells_of
from dragoman.batch.decoding import plain_suffix
from dragoman.batch.journal import Kind, Record
from dragoman.batch.parquet import ParquetWriter, library

Columns = tuple[Column, ...]


class Sink(Protocol):
    """An output that is being written."""

    def add(self, record: Record) -> None:
        """Write the outcome of one row."""
        ...

    def close(self) -> None:
        """Write the end; the file is its opener's to close."""
        ...

    def drop(self) -> None:
        """Let it go unfinished.  Idempotent."""
        ...


def check_sink(path: Path) -> None:
    """
    Look whether an output of this name can be written.

    Raises:
        ConfigError: It needs a library that is not installed.
    """
    if _FORMS.get(plain_suffix(path)) is _Parquet:
        library("sink")


def is_table(path: Path) -> bool:
    """Whether an output of this name has all rows, those that failed included."""
    return plain_suffix(path) in _FORMS


def open_sink(path: Path, file: BinaryIO, columns: Columns) -> Sink:
    """Begin an output of this name in an open file."""
    return _FORMS.get(plain_suffix(path), _Lines)(path, file, columns)


class _Packing:
    """What may be packed."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._packed: gzip.GzipFile | None = None
        if path.suffix.lower() == ".gz":
            self._packed = gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0, compresslevel=6)
        self.file = cast("BinaryIO", self._packed) if self._packed is not None else file

    def close(self) -> None:
        if self._packed is not None:
            self._packed.close()

    def drop(self) -> None:
        if self._packed is not None:
            cast("Any", self._packed).fileobj = None  # its destructor would write to a file that cannot be written


class _Lines:
    def __init__(self, path: Path, file: BinaryIO, columns: Columns) -> None:
        self._packing = _Packing(path, file)
        self._write = self._packing.file.write
        self.close, self.drop = self._packing.close, self._packing.drop

    def add(self, record: Record) -> None:
        if record.kind == Kind.DONE:
            self._write(record.payload)


class TableWriter:
    """
    Writes CSV, or with tabs TSV, to an open file: UTF-8, lines that end as RFC 4180 says, null as an empty cell.

    Args:
        file: Where to; it is left open.
        names: Of the columns.
        delimiter: Between cells.
    """

    def __init__(self, file: BinaryIO, names: Sequence[str], delimiter: str = ",") -> None:
        self._text = io.StringIO(newline="")
        self._file = file
        # The end of a line is what makes the library put cells with either half of it in quotes.
        self._writer = csv.writer(self._text, delimiter=delimiter, lineterminator="\r\n")
        self.write(names)

    def write(self, cells: Sequence[Any]) -> None:
        """Write one row."""
        self._writer.writerow([_cell(cell) for cell in cells])
        self._file.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple | dict):
        return msgspec.json.encode(value).decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


class _Csv:
    def __init__(self, path: Path, file: BinaryIO, columns: Columns) -> None:
        self._columns = columns
        self._packing = _Packing(path, file)
        delimiter = "\t" if plain_suffix(path) == ".tsv" else ","
        self._table = TableWriter(self._packing.file, [column.name for column in columns], delimiter)
        self.close, self.drop = self._packing.close, self._packing.drop

    def add(self, record: Record) -> None:
        self._table.write(cells_of(self._columns, record))


class _Parquet:
    def __init__(self, path: Path, file: BinaryIO, columns: Columns) -> None:
        self._columns = columns
        self._table = ParquetWriter(file, [(column.name, column.kind) for column in columns])
        self.close, self.drop = self._table.close, self._table.drop

    def add(self, record: Record) -> None:
        self._table.write(cells_of(self._columns, record))


_FORMS: Final[Mapping[str, Callable[[Path, BinaryIO, Columns], Sink]]] = {
    ".csv": _Csv,
    ".tsv": _Csv,
    ".parquet": _Parquet,
    ".pq": _Parquet,
}
