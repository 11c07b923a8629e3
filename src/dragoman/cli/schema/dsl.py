"""
Schemas in a line: `vendor, date, total float, items[]: {name, qty int, price float}`.

    field       = name [ "[]" ] [ "?" ] [ type ] [ "?" ] [ ":" ( "{" fields "}" | words ) ]
    type        = "str" | "int" | "float" | "bool" | "date" | "a|b|c" (one of these words)
    fields      = field { ( "," | line feed ) field }

Words behind the colon describe the field for the model; they end at the next comma, or at the end of the line where the
fields stand on lines.  A field named `date` without a type is a date.  `?` is a field that may be missing or null.

Rule: what is made is a type of msgspec, so that an answer is held to it without any other library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal, NamedTuple, NoReturn

import msgspec

from dragoman.errors import ConfigError

TYPES: Final[Mapping[str, Any]] = {"str": str, "int": int, "float": float, "bool": bool, "date": date}
_NAME: Final = re.compile(r"[^\W\d][\w-]*")
_TYPE: Final = re.compile(r"[^\s,:{}\[\]?|]+(?:\|[^\s,:{}\[\]?|]+)*")
_DEEPEST: Final = 32


class Field(NamedTuple):
    """
    One field.

    Attributes:
        name: As it stands in the JSON.
        kind: Its type.
        optional: Whether it may be missing.
        about: What it is, for the model.
    """

    name: str
    kind: Any
    optional: bool
    about: str


def parse_dsl(text: str, name: str = "Answer") -> type[msgspec.Struct]:
    """
    Make a type of a schema in a line.

    Raises:
        ConfigError: It is none; the message shows where.

    >>> parse_dsl("vendor, total float").__struct_fields__
    ('vendor', 'total')
    """
    reader = _Reader(text)
    fields = reader.fields(depth=0)
    if not reader.at_end():
        reader.wrong("a comma, or the end")
    return struct_of(name, fields)


def struct_of(name: str, fields: list[Field]) -> type[msgspec.Struct]:
    """The type that has these fields."""
    wanted = [_defined(f"field_{number}", field) for number, field in enumerate(fields)]
    # Names in JSON need not be names in Python, so all are given from outside, and repr shows what users wrote.
    renamed = {f"field_{number}": field.name for number, field in enumerate(fields)}
    plain = all(field.name.isidentifier() and not _reserved(field.name) for field in fields)
    if plain:
        wanted = [_defined(field.name, field) for field in fields]
    return msgspec.defstruct(name, wanted, rename=None if plain else renamed, kw_only=True, omit_defaults=True)


def _reserved(name: str) -> bool:
    import keyword  # only here

    return keyword.iskeyword(name) or name.startswith("__")


def _defined(name: str, field: Field) -> tuple[str, Any] | tuple[str, Any, Any]:
    kind: Any = field.kind
    if field.about:
        described: Any = Annotated[kind, msgspec.Meta(description=field.about)]
        kind = described
    return (name, kind | None, None) if field.optional else (name, kind)


class _Reader:
    """Reads from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def at_end(self) -> bool:
        self._blank()
        return self._at >= len(self._text)

    def fields(self, depth: int) -> list[Field]:
        """Fields up to a closing brace or the end."""
        if depth > _DEEPEST:
            self.wrong(f"no more than {_DEEPEST} levels")
        found: list[Field] = []
        while True:
            self._separators()
            if self._at >= len(self._text) or self._text[self._at] == "}":
                break
            found.append(self._field(depth))
            if any(field.name == found[-1].name for field in found[:-1]):
                self.wrong(f"another name: {found[-1].name!r} is there twice")
        if not found:
            self.wrong("a field")
        return found

    def _field(self, depth: int) -> Field:
        name = self._take(_NAME, "the name of a field")
        many = self._skip("[]")
        optional = self._skip("?")
        self._blank(lines=False)
        kind: Any = self._type(name)
        many = self._skip("[]") or many
        optional = self._skip("?") or optional
        self._blank(lines=False)
        about = ""
        if self._skip(":"):
            self._blank(lines=False)
            kind, about = self._behind_colon(name, kind, depth)
        elif self._text[self._at : self._at + 1] not in ("", ",", "\n", "}", "\r"):
            self.wrong("a comma")
        return Field(name, list[kind] if many else kind, optional, about)

    def _type(self, name: str) -> Any:
        found = _TYPE.match(self._text, self._at)
        if found is None:
            return date if name == "date" else str
        self._at = found.end()
        return self._kind(found[0])

    def _kind(self, word: str) -> Any:
        if "|" in word:
            return Literal[tuple(dict.fromkeys(word.split("|")))]
        if word not in TYPES:
            self._at -= len(word)
            self.wrong(f"a type ({', '.join(TYPES)}, or a|b|c), and not {word!r}")
        return TYPES[word]

    def _behind_colon(self, name: str, kind: Any, depth: int) -> tuple[Any, str]:
        if self._skip("{"):
            inner = self.fields(depth + 1)
            if not self._skip("}"):
                self.wrong("a closing brace")
            return struct_of(name.replace("-", "_").title().replace("_", "") or "Item", inner), ""
        end = re.compile(r"[\n}]" if "\n" in self._text else r"[,}]").search(self._text, self._at)
        stop = len(self._text) if end is None else end.start()
        about, self._at = self._text[self._at : stop].strip().rstrip(","), stop
        return (TYPES[about], "") if about in TYPES else (kind, about)

    def _take(self, pattern: re.Pattern[str], what: str) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            self.wrong(what)
        self._at = found.end()
        return found[0]

    def _skip(self, text: str) -> bool:
        self._blank(lines=text == "}")
        if not self._text.startswith(text, self._at):
            return False
        self._at += len(text)
        return True

    def _blank(self, *, lines: bool = True) -> None:
        blanks = " \t\r\n" if lines else " \t"
        while self._at < len(self._text) and self._text[self._at] in blanks:
            self._at += 1

    def _separators(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in " \t\r\n,":
            self._at += 1

    def wrong(self, wanted: str) -> NoReturn:
        """
        Say what should stand here.

        Raises:
            ConfigError: Always.
        """
        shown = f"{self._text[: self._at]}»{self._text[self._at :]}"
        raise ConfigError(f"schema: {wanted} should stand at »: {shown}", field="schema")
