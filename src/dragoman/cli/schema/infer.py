"""
The schema that some values have in common.

Rule: a field is optional if it is missing or null in one of the values, and of two types the wider one holds (int and
float are float, a date and a text are a text); what has nothing in common is any value.

A value is first folded into a `Seen`, so that any number of samples takes the memory of one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, Final, cast

import msgspec

from dragoman.errors import ConfigError

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_NAME: Final = re.compile(r"[^\W\d][\w-]*\Z")
_JSON_TYPES: Final = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}


class Seen(msgspec.Struct):
    """
    What was seen at one place of the values.

    Attributes:
        values: How many values were there, null ones not counted.
        kinds: Types of those that are neither object nor list.
        objects: How many were objects.
        fields: Of the objects.
        lists: How many were lists.
        element: Of the lists.
        nulls: How many were null.
    """

    values: int = 0
    kinds: set[str] = msgspec.field(default_factory=lambda: set[str]())
    objects: int = 0
    fields: dict[str, Seen] = msgspec.field(default_factory=lambda: dict[str, Seen]())
    lists: int = 0
    element: Seen | None = None
    nulls: int = 0


def look(values: Iterable[Any]) -> Seen:
    """
    Fold values into what was seen.

    Raises:
        ConfigError: There are none.
    """
    seen = Seen()
    for value in values:
        _add(seen, value)
    if not seen.values:
        raise ConfigError("there is nothing to infer a schema from: give JSON objects, one per line", field="file")
    return seen


def _add(seen: Seen, value: Any) -> None:
    if value is None:
        seen.nulls += 1
        return
    seen.values += 1
    if isinstance(value, dict):
        seen.objects += 1
        for name, inner in cast("dict[str, Any]", value).items():
            _add(seen.fields.setdefault(name, Seen()), inner)
    elif isinstance(value, list):
        seen.lists += 1
        seen.element = seen.element or Seen()
        for inner in cast("list[Any]", value):
            _add(seen.element, inner)
    else:
        seen.kinds.add(_kind(value))


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "date" if _is_date(value) else "str"
    return type(value).__name__  # bool, int, float


def _is_date(text: str) -> bool:
    if not _DATE.match(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def kind_of(seen: Seen) -> str | None:
    """The one type of what was seen, where it is neither object nor list; None if there is no such type."""
    if seen.objects or seen.lists:
        return None
    kinds = seen.kinds
    for wider in (frozenset(("int", "float")), frozenset(("str", "date"))):
        if kinds == wider:
            return "float" if "float" in wider else "str"
    return next(iter(kinds)) if len(kinds) == 1 else None


def optional(seen: Seen, of: Seen) -> bool:
    """Whether a field of an object may be missing or null."""
    return seen.nulls > 0 or seen.values < of.objects


# --- as JSON Schema ---------------------------------------------------------------------------------------------------


def as_schema(seen: Seen) -> dict[str, Any]:
    """What was seen, as a JSON Schema."""
    if seen.objects and not seen.lists and not seen.kinds:
        return _object(seen)
    if seen.lists and not seen.objects and not seen.kinds:
        return {"type": "array", "items": as_schema(seen.element) if seen.element and seen.element.values else {}}
    kind = kind_of(seen)
    if kind == "date":
        return {"type": "string", "format": "date"}
    return {"type": _JSON_TYPES[kind]} if kind else {}


def _object(seen: Seen) -> dict[str, Any]:
    fields = {name: _or_null(inner) for name, inner in seen.fields.items()}
    required = [name for name, inner in seen.fields.items() if inner.values + inner.nulls == seen.objects]
    return {"type": "object", "properties": fields, "required": required}


def _or_null(seen: Seen) -> dict[str, Any]:
    schema = as_schema(seen)
    return {"anyOf": [schema, {"type": "null"}]} if seen.nulls and schema else schema


# --- in the short form ------------------------------------------------------------------------------------------------


def as_dsl(seen: Seen) -> str:
    """
    What was seen, in the short form.

    Raises:
        ConfigError: It has no short form; `.field` is `dsl`.
    """
    if not seen.objects or seen.lists or seen.kinds:
        _no_short_form("the values are not all objects")
    return _fields(seen, "$")


def _fields(seen: Seen, path: str) -> str:
    if not seen.fields:
        _no_short_form(f"{path} has no fields")
    return ", ".join(_field(name, inner, seen, f"{path}.{name}") for name, inner in seen.fields.items())


def _field(name: str, seen: Seen, of: Seen, path: str) -> str:
    if not _NAME.match(name):
        _no_short_form(f"{path} has letters that a name of the short form cannot have")
    mark = "?" if optional(seen, of) else ""
    if seen.lists and not seen.objects and not seen.kinds:
        element = seen.element or Seen()
        return f"{name}[]{mark}{_behind(element, name, f'{path}[]')}"
    return f"{name}{mark}{_behind(seen, name, path)}"


def _behind(seen: Seen, name: str, path: str) -> str:
    if seen.objects and not seen.lists and not seen.kinds:
        return f": {{{_fields(seen, path)}}}"
    kind = kind_of(seen) if seen.values else "str"
    if kind is None:
        _no_short_form(f"{path} has values of several types, or lists within lists")
    usual = "date" if name == "date" else "str"
    return "" if kind == usual else f" {kind}"


def _no_short_form(why: str) -> Any:
    raise ConfigError(f"{why}: take --form json", field="dsl")


def samples(text: str) -> list[Any]:
    """
    The values of a file: one JSON value, a list of them, or one on each line.

    Raises:
        ConfigError: It is not JSON; the line is named.
    """
    whole = _decoded(text)
    if whole is not None:
        return cast("list[Any]", whole) if isinstance(whole, list) else [whole]
    return [_line(line, number) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def _line(line: str, number: int) -> Any:
    decode: Callable[[str], Any] = msgspec.json.decode
    try:
        return decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(f"line {number} is no JSON: {error}", field="file") from error
