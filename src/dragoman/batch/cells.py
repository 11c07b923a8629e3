"""
Cells of a table as the fields of a row.

In a table of text everything is text, and a column that has nothing to say for a row is empty.  So an empty cell of a
field that may be missing is missing, a setting is read as JSON if it is, and messages and bodies are JSON.

Rule: only fields whose meaning is known are touched; what a template takes stays as it was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError, SourceError
from dragoman.types.requests import SETTING_NAMES

_MAY_MISS: Final = frozenset({"model", "system", "dimensions", "kind", "url", "method", *SETTING_NAMES})
_WORDS: Final = frozenset({"user", "service_tier", "tool_choice", "kind", "model", "system", "url", "method"})
_JSON: Final = frozenset({"body", "messages"})
_OR_TEXT: Final = frozenset({"messages", "stop"})  # a list, or one text


def json_of(value: object, field: str) -> bytes:
    """
    A value of a row as JSON.

    Raises:
        ConfigError: It is none: an object of Python, or half a surrogate pair.
    """
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{field} is no JSON value: {error}", field=field) from error


def fields_of(cells: Mapping[str, Any], place: str) -> dict[str, Any]:
    """
    Read the cells of a row that no template takes.

    Raises:
        SourceError: A body, or messages, that are no JSON.
    """
    fields: dict[str, Any] = {}
    for name, cell in cells.items():
        if cell == "" and name in _MAY_MISS:
            continue
        fields[name] = _read(name, cell, place) if isinstance(cell, str) else cell
    return fields


def _read(name: str, cell: str, place: str) -> Any:
    if name not in _JSON and (name in _WORDS or name not in _MAY_MISS):
        return cell
    if name in _OR_TEXT and not cell.lstrip().startswith("["):
        return cell
    try:
        return msgspec.json.decode(cell)
    except msgspec.DecodeError as error:
        if name not in _JSON:
            return cell  # a word, which the setting itself will judge
        raise SourceError(f"{place}: {name} is no JSON ({error})", field=name) from error
