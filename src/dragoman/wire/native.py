"""
A dialect's own state in `native`: what it is for which wire, and how it is told from what neutral values say.

Rule: what came in a dialect leaves in it unchanged.  `difference` finds what the neutral form does not say, `over` puts
it back; what the provider did not write is not sent to it (`own` with `replay=False`).

Source: docs/decisions/0004.
"""

from __future__ import annotations

from typing import Any

from dragoman.types.messages import Message, Native
from dragoman.types.providers import Provider
from dragoman.wire.lenient import object_of

Json = dict[str, Any]


def replays(message: Message, provider: Provider) -> bool:
    """Whether a message's native state may be sent: the provider that is asked wrote it, or people did."""
    return message.origin is None or message.origin.partition("/")[0] == provider.name


def own(native: Native | None, wire: str, replay: bool = True) -> Json:
    """A dialect's fields of a `native`; none where the target is not who wrote them."""
    return object_of(native.get(wire)) if native and replay else {}


def is_ours(native: Native | None, wire: str, replay: bool = True) -> bool:
    """Whether a part came in this dialect: only then does `native` name it, be it with nothing."""
    return native is not None and replay and wire in native


def difference(came: Json, made: Json) -> Json:
    """
    What to put over `made` to get `came`; None says that a field is not there.

    >>> difference({"a": 1, "b": {"x": 1, "y": 2}}, {"b": {"x": 1}, "c": 3})
    {'a': 1, 'b': {'y': 2}, 'c': None}
    """
    rest: Json = {}
    for name, value in came.items():
        other = made.get(name)
        if value is None or (value == other and isinstance(value, bool) == isinstance(other, bool)):
            continue
        joined = _is_object(value) and _is_object(other)
        rest[name] = difference(object_of(value), object_of(other)) if joined else value
    return rest | {name: None for name, value in made.items() if value is not None and came.get(name) is None}


def over(made: Json, rest: Json) -> Json:
    """
    Put a difference over what was made.

    >>> over({"b": {"x": 1}, "c": 3}, {"a": 1, "b": {"y": 2}, "c": None})
    {'b': {'x': 1, 'y': 2}, 'a': 1}
    """
    joined = dict(made)
    for name, value in rest.items():
        below = made.get(name)
        joined[name] = over(object_of(below), object_of(value)) if _is_object(below) and _is_object(value) else value
    return {name: value for name, value in joined.items() if value is not None}


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
