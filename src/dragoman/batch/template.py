"""
Prompts with places for a row's fields: `"Classify: {text}"`; `{{` and `}}` are braces.

Rule: a place is a name and nothing else.  No attribute, no index, no format is taken, so a template can reach nothing
but the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any, Final

from dragoman.batch.cells import json_of
from dragoman.errors import ConfigError, SourceError

_FORMATTER: Final = Formatter()


class Template:
    """
    A prompt with places.

    Attributes:
        text: As it was written.
        names: Of the fields that it needs.

    Raises:
        ConfigError: It is none.
    """

    def __init__(self, text: str) -> None:
        if not isinstance(text, str) or not text.strip():
            raise ConfigError(f"template is {text!r}: give a text such as 'Classify: {{text}}'", field="template")
        self.text = text
        try:
            self._pieces = [_piece(*parts) for parts in _FORMATTER.parse(text)]
        except ValueError as error:
            raise ConfigError(f"template: {error}; write {{{{ for a brace", field="template") from error
        self.names = frozenset(name for _, name in self._pieces if name is not None)
        if not self.names:
            raise ConfigError("template has no place for a field of the row: write {name}", field="template")

    def fill(self, row: Mapping[str, Any], place: str) -> str:
        """
        Return the prompt for a row.

        Raises:
            SourceError: A field is missing; the message names it and the line.
        """
        texts: list[str] = []
        for literal, name in self._pieces:
            texts.append(literal)
            if name is not None:
                if name not in row:
                    there = ", ".join(map(repr, row)) or "none"
                    raise SourceError(f"{place}: no field {name!r} for the template (there: {there})", field=name)
                texts.append(_shown(row[name], name, place))
        return "".join(texts)


def _piece(literal: str, name: str | None, form: str | None, conversion: str | None) -> tuple[str, str | None]:
    if name is not None and (not name or form or conversion or any(sign in name for sign in ".[]")):
        raise ConfigError(f"template: {{{name}}} is no name of a field", field="template")
    return literal, name


def _shown(value: Any, name: str, place: str) -> str:
    if isinstance(value, str):
        return value
    try:
        return json_of(value, name).decode()
    except ConfigError as error:
        raise SourceError(f"{place}: {error}", field=name) from error
