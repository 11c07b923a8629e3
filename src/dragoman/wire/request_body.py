"""
Reading the body of a request, as a server: typed, with the place of what is wrong.

Rule: what a request says and its neutral form does not is kept, so that decoding and encoding again gives an equal
body.  `unsaid` finds it, `overlay` puts it back under what was made.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any, Final, TypeVar

import msgspec

from dragoman.errors import ConfigError
from dragoman.wire.lenient import object_of

T = TypeVar("T")

_MISSING: Final = re.compile(r"missing required field `(\w+)`")


def read_body(body: bytes, kind: type[T]) -> tuple[dict[str, Any], T]:
    """
    Decode a body as JSON and as `kind`.

    Raises:
        ConfigError: Not JSON, or not of that type; `.field` says where.
    """
    try:
        raw = msgspec.json.decode(body)
        return raw, msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise refused(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"the body is not JSON ({error}): send one JSON object", field="body") from error


def refused(error: msgspec.ValidationError, place: str = "") -> ConfigError:
    """The error for a field below `place` that is missing or of the wrong type, with its path in the body."""
    text, _, path = str(error).partition(" - at `")
    missing = _MISSING.search(text)
    below = path.rstrip("`").removeprefix("$") + (f".{missing[1]}" if missing else "")
    field = f"{place}{below}".removeprefix(".") or "body"
    return ConfigError(f"{field}: {text}", field=field)


def unsaid(raw: dict[str, Any], said: dict[str, Any], elsewhere: Container[str] = ()) -> dict[str, Any]:
    """
    What of a body (or of an object in it) its neutral form does not say.

    Args:
        raw: As it came; explicit nulls say nothing.
        said: What the neutral form is written as.
        elsewhere: Fields that are kept in another place.

    >>> unsaid({"a": 1, "o": {"x": 1, "y": 2}, "n": None}, {"a": 1, "o": {"x": 1}})
    {'o': {'y': 2}}
    """
    rest: dict[str, Any] = {}
    for key, value in raw.items():
        if key in elsewhere or value is None:
            continue
        if key not in said:
            rest[key] = value
        elif inner := unsaid(object_of(value), object_of(said[key])):
            rest[key] = inner
    return rest


def overlay(native: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    """
    Put `made` over `native`: what was made wins, and two objects are joined field by field.

    >>> overlay({"a": 1, "o": {"x": 1}}, {"a": 2, "o": {"y": 2}})
    {'a': 2, 'o': {'x': 1, 'y': 2}}
    """
    merged = {**native, **made}
    for key in native.keys() & made.keys():
        below, above = native[key], made[key]
        if isinstance(below, dict) and isinstance(above, dict):
            merged[key] = overlay(object_of(below), object_of(above))
    return merged
