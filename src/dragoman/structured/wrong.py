"""
All that is wrong with a value, and where, in words that a model can act on.

msgspec stops at the first error.  Where a value does not fit, its parts are looked at one by one, so that one more
question to the model mends them all.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, Literal, cast, get_args, get_origin

import msgspec

from dragoman.structured.kinds import bare, element_of, fields_of, required_of, value_of
from dragoman.types.shapes import read_custom

# More of them help nobody.
MOST: Final = 20
_AT: Final = re.compile(r" - at `\$?([^`]*)`\Z")
_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def errors_of(value: Any, kind: Any, path: str = "$") -> tuple[str, ...]:
    """Say what is wrong with a value that is to be of a type; empty if nothing is."""
    return tuple(islice(_errors(value, kind, path), MOST))


def place(path: str, key: str | int) -> str:
    """The path of a part."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if _KEY.match(key) else f"{path}[{msgspec.json.encode(key).decode()}]"


def _errors(value: Any, kind: Any, path: str) -> Iterator[str]:
    try:
        msgspec.convert(value, kind, dec_hook=read_custom)
    except (msgspec.ValidationError, ValueError, TypeError, RecursionError) as error:
        inner = list(islice(_inner(value, kind, path), MOST))
        yield from inner or _told(error, value, kind, path)


def _inner(value: Any, kind: Any, path: str) -> Iterator[str]:
    """What is wrong with the parts."""
    if isinstance(value, list):
        for i, item in enumerate(cast("list[Any]", value)):
            element = element_of(kind, i)
            if element is not None:
                yield from _errors(item, element, place(path, i))
    elif isinstance(value, dict):
        yield from _in_object(cast("dict[str, Any]", value), kind, path)


def _in_object(value: dict[str, Any], kind: Any, path: str) -> Iterator[str]:
    fields = fields_of(kind)
    if fields is None:
        inner = value_of(kind)
        for key, item in value.items() if inner is not None else ():
            yield from _errors(item, inner, place(path, key))
        return
    for name in sorted(required_of(kind) - value.keys()):
        yield f"{place(path, name)}: it is required, and missing"
    for name, (_, inner) in fields.items():
        if name in value:
            yield from _errors(value[name], inner, place(path, name))


def _told(error: Exception, value: Any, kind: Any, path: str) -> Iterator[str]:
    cause = error.__cause__
    details = getattr(cause, "errors", None) or getattr(error, "errors", None)
    found = _AT.search(str(error))
    where = path + (found[1] if found else "")
    if callable(details):  # pydantic's own list
        for told in cast("list[dict[str, Any]]", details()):
            inner = where
            for key in told.get("loc", ()):
                inner = place(inner, key)
            yield f"{inner}: {told.get('msg')}"
        return
    yield f"{where}: {_AT.sub('', str(error)).replace('`', '')}{_allowed(kind)}"


def _allowed(kind: Any) -> str:
    kind = bare(kind)
    values: list[Any] = []
    if get_origin(kind) is Literal:
        values = list(get_args(kind))
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        values = [member.value for member in kind]
    return f"; allowed are {', '.join(msgspec.json.encode(one).decode() for one in values)}" if values else ""
