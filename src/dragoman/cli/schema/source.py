"""
A schema as people give it: a line of the short form, JSON, or a file with either.

Rule: what begins with `{` is JSON Schema; what names a file that is there is its content; all else is the short form.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec

from dragoman.cli.schema.dsl import parse_dsl
from dragoman.errors import ConfigError
from dragoman.types.shapes import Schema, shape_of

# A line of the short form may be longer than a file name can be.
_LONGEST_NAME = 1024
_FIELD = "items"


def read_schema(given: str) -> Any:
    """
    Make a type of the short form, or a dict of a JSON Schema.

    Raises:
        ConfigError: It is neither, or a file cannot be read.

    >>> read_schema('{"type": "object"}')
    {'type': 'object'}
    """
    text = _content(given).strip()
    if not text:
        raise ConfigError("schema is empty: write 'vendor, total float', or give a JSON Schema", field="schema")
    if not text.startswith("{"):
        return parse_dsl(text)
    try:
        return cast("Schema", msgspec.json.decode(text, type=dict))
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(f"schema is no JSON: {error}", field="schema") from error


def several(schema: Any) -> Any:
    """
    The same for a list of such values.

    Models keep to an object at the root better than to a list, and a schema with references must stay whole, so a JSON
    Schema becomes the elements of the field `items`.
    """
    if not isinstance(schema, dict):
        return list[schema]
    whole = cast("Schema", schema)
    kept = {name: whole[name] for name in ("$schema", "$defs", "definitions") if name in whole}
    element = {name: value for name, value in whole.items() if name not in kept}
    return kept | {
        "type": "object",
        "properties": {_FIELD: {"type": "array", "items": element}},
        "required": [_FIELD],
        "additionalProperties": False,
    }


def elements(value: Any) -> Any:
    """The list within a value of a schema that `several` has made."""
    if isinstance(value, dict) and list(cast("dict[str, Any]", value)) == [_FIELD]:
        return cast("dict[str, Any]", value)[_FIELD]
    return cast("Any", value)


def json_schema(schema: Any) -> Schema:
    """The JSON Schema of what `read_schema` gives."""
    return shape_of(schema, "schema").schema


def _content(given: str) -> str:
    if given.lstrip().startswith("{") or "\n" in given or len(given) > _LONGEST_NAME:
        return given
    path = Path(given)
    if not path.is_file():
        if given.endswith((".json", ".schema", ".txt")):
            raise ConfigError(f"schema: there is no file {given}", field="schema")
        return given
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"schema: {given} cannot be read: {getattr(error, 'strerror', None) or error}", field="schema"
        ) from error
