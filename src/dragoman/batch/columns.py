"""
The columns of an output that is a table.

    id, text or the fields of the typed value and the whole of it as JSON or vectors, error, model, tokens, cost, time

Rule: the columns are known before the first row, so that a table is written as it goes.  A field that is no simple
value is JSON in its cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, Final, NamedTuple, cast

import msgspec

from dragoman.batch.journal import Record
from dragoman.batch.lines import Line, read_line, row_of
from dragoman.types.batches import BatchRow
from dragoman.types.requests import OutputFormat

_KINDS: Final = {"string": "text", "integer": "whole", "number": "number", "boolean": "truth"}
_RIGHT: Final[Mapping[str, tuple[type, ...]]] = {
    "text": (str,),
    "whole": (int,),
    "number": (int, float),
    "truth": (bool,),
}


class Outcome(NamedTuple):
    """A row's outcome, and its line."""

    row: BatchRow
    line: Line


class Column(NamedTuple):
    """
    One column.

    Attributes:
        name: In the first line.
        kind: Of its cells, as `ParquetWriter` names them.
        read: Takes the cell out of an outcome.
    """

    name: str
    kind: str
    read: Callable[[Outcome], Any]


def columns_of(form: OutputFormat | None, *, embed: bool, chat: bool) -> tuple[Column, ...]:
    """
    Columns of a batch.

    Args:
        form: Of its typed values; None for text.
        embed: Whether it has vectors.
        chat: Whether it has answers in words.
    """
    middle: list[Column] = []
    if chat and (form is None or (form.schema is None and form.type is None)):
        middle.append(Column("text", "text", attrgetter("row.text")))
    elif chat:
        middle.append(Column("output", "text", _output))
    if embed:
        middle += [Column("embedding", "vector", _only), Column("embeddings", "vectors", _several)]
    taken = {"id", *(column.name for column in (*middle, *_AFTER))}
    fields = [Column(_free(name, taken), kind, _field(name, kind)) for name, kind in _fields(form)] if chat else []
    return (Column("id", "text", attrgetter("row.id")), *fields, *middle, *_AFTER)


def cells_of(columns: tuple[Column, ...], record: Record) -> list[Any]:
    """The cells of one outcome."""
    line = read_line(record.payload)
    outcome = Outcome(row_of(record, line), line)
    return [column.read(outcome) for column in columns]


def _fields(form: OutputFormat | None) -> Iterator[tuple[str, str]]:
    """Name and kind of each field of a typed value that has some."""
    schema = cast("Mapping[str, Any]", form.schema if form is not None and form.schema is not None else {})
    named = str(schema.get("$ref", "")).rpartition("/")[2]
    schema = schema.get("$defs", {}).get(named, schema)
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        for name, one in cast("Mapping[str, Any]", properties).items():
            yield name, _kind(one)


def _kind(schema: object) -> str:
    """Of a field: that of its simple type, null aside; `json` for all else."""
    types = _types(schema) - {"null"}
    return _KINDS.get(types.pop(), "json") if len(types) == 1 else "json"


def _types(schema: object) -> set[str]:
    if not isinstance(schema, Mapping):
        return {"any"}
    one = cast("Mapping[str, Any]", schema)
    if "anyOf" in one:
        return {name for part in cast("list[Any]", one["anyOf"]) for name in _types(part)}
    said: Any = one.get("type", "any")
    return set(cast("list[str]", said)) if isinstance(said, list) else {said}


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"output_{name}"
    taken.add(name)
    return name


def _field(name: str, kind: str) -> Callable[[Outcome], Any]:
    right = _RIGHT.get(kind)

    def read(outcome: Outcome) -> Any:
        value = outcome.line.output
        if not isinstance(value, Mapping):
            return None
        cell = cast("Mapping[str, Any]", value).get(name)
        if right is None:
            return None if cell is None else msgspec.json.encode(cell).decode()
        fits = isinstance(cell, right) and (kind == "truth") == isinstance(cell, bool)
        return cell if fits else None  # `output` has it as it is

    return read


def _output(outcome: Outcome) -> str | None:
    value = outcome.line.output
    return outcome.row.text if value is None else msgspec.json.encode(value).decode()


def _only(outcome: Outcome) -> Any:
    vectors = outcome.row.vectors
    return vectors[0] if len(vectors) == 1 else None


def _several(outcome: Outcome) -> Any:
    vectors = outcome.row.vectors
    return list(vectors) if len(vectors) > 1 else None


def _error(outcome: Outcome) -> str | None:
    error = outcome.row.error
    return None if error is None else f"{error.kind}: {error.message}"


def _cost(outcome: Outcome) -> str | None:
    return None if outcome.row.cost is None else format(outcome.row.cost, "f")


_AFTER: Final = (
    Column("error", "text", _error),
    Column("model", "text", attrgetter("line.model")),
    Column("input_tokens", "whole", attrgetter("row.usage.input_tokens")),
    Column("output_tokens", "whole", attrgetter("row.usage.output_tokens")),
    Column("cost", "dollars", _cost),
    Column("latency_ms", "number", attrgetter("row.latency_ms")),
)
