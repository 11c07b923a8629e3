"""
Parquet, both ways.

Rule: a piece at a time is in memory, both in reading and in writing, whatever the size of the file and of its row
groups.  The library is imported when a file of this kind is named, and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

from dragoman.errors import ConfigError, SourceError

# Rows that are taken out of a file at once.
_AT_ONCE: Final = 256
# Bytes of a column that are read ahead.
_AHEAD: Final = 1 << 18
# A group of rows is written when it has so many rows, or about so many bytes.
_GROUP: Final = 8192
_HEAVY: Final = 4 << 20
# US dollars to the millionth of a millionth.
_CENT: Final = Decimal("1e-12")


class _Library(NamedTuple):
    pa: Any
    pq: Any


def library(field: str) -> _Library:
    """
    The library.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        return _Library(import_module("pyarrow"), import_module("pyarrow.parquet"))
    except ImportError as error:
        raise ConfigError('Parquet needs a library: pip install "dragoman[data]"', field=field) from error


def parquet_rows(file: BinaryIO, path: Path) -> Generator[Mapping[str, Any], None, None]:
    """
    Read rows; a cell that is null is left out.

    Raises:
        SourceError: It is no Parquet, or damaged, or holds what Python has no value for.
    """
    pa, pq = library("source")
    number = 0
    try:
        table = pq.ParquetFile(file, pre_buffer=False, buffer_size=_AHEAD)
        names: list[str] = table.schema_arrow.names
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise SourceError(f"{path}: two columns are called {twice!r}", field="source")
        for batch in table.iter_batches(batch_size=_AT_ONCE, use_threads=False):
            for row in batch.to_pylist():
                yield {name: value for name, value in row.items() if value is not None}
                number += 1
    except (pa.ArrowException, UnicodeDecodeError, ValueError, OSError) as error:
        raise SourceError(f"cannot read {path} from row {number} on: {error}", field=f"row {number}") from error


class ParquetWriter:
    """
    Writes rows to an open file.

    Args:
        file: Where to; it is left open.
        columns: Name and kind of each: `text`, `whole`, `number`, `truth`, `dollars`, `vector`, `vectors`.
    """

    def __init__(self, file: BinaryIO, columns: Sequence[tuple[str, str]]) -> None:
        self._pa, pq = library("sink")
        self._schema = self._pa.schema([(name, _TYPES[kind](self._pa)) for name, kind in columns])
        self._kinds = [kind for _, kind in columns]
        self._cells: list[list[Any]] = [[] for _ in columns]
        self._weight = 0
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, cells: Sequence[Any]) -> None:
        """Write one row; None is null."""
        for column, kind, cell in zip(self._cells, self._kinds, cells, strict=True):
            value = _fitting(kind, cell)
            column.append(value)
            self._weight += len(value) if isinstance(value, str) else 8 * (1 + _length(value))
        if len(self._cells[0]) >= _GROUP or self._weight >= _HEAVY:
            self._flush()

    def _flush(self) -> None:
        if not self._cells[0]:
            return
        arrays = [self._pa.array(cells, field.type) for cells, field in zip(self._cells, self._schema, strict=True)]
        self._writer.write_table(self._pa.Table.from_arrays(arrays, schema=self._schema))
        self._cells = [[] for _ in self._cells]
        self._weight = 0

    def close(self) -> None:
        """Write what is left, and the end.  Idempotent."""
        self._flush()
        self._writer.close()

    def drop(self) -> None:
        """Let it go unfinished."""
        self._cells = [[] for _ in self._cells]
        self._writer.is_open = False  # its destructor would write to a file that cannot be written


_TYPES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "text": lambda pa: pa.large_string(),
    "json": lambda pa: pa.large_string(),
    "whole": lambda pa: pa.int64(),
    "number": lambda pa: pa.float64(),
    "truth": lambda pa: pa.bool_(),
    "dollars": lambda pa: pa.decimal128(38, 12),
    "vector": lambda pa: pa.list_(pa.float32()),
    "vectors": lambda pa: pa.list_(pa.list_(pa.float32())),
}


def _fitting(kind: str, value: Any) -> Any:
    """What a column of that kind can hold of it; a number beyond 64 bits is null there."""
    if kind == "dollars" and value is not None:
        return Decimal(value).quantize(_CENT)
    if kind == "whole" and value is not None and not -(1 << 63) <= value < 1 << 63:
        return None
    return value


def _length(value: Any) -> int:
    if not isinstance(value, list | tuple):
        return 0
    items = cast("Sequence[Any]", value)
    return sum(1 + _length(item) for item in items) if items and isinstance(items[0], list) else len(items)
