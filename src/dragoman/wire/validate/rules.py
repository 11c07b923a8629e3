"""
What rules are made of: a problem, a request to look at, and the rules that several dialects have in common.

Rule: any JSON may come, and nothing here raises; what is of a wrong type is a problem or is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from dragoman.wire.lenient import is_array, is_object, list_of, object_of, text_of

Json = dict[str, Any]


class Problem(msgspec.Struct, frozen=True):
    """
    One thing that a provider refuses.

    Attributes:
        path: JSON path of the place (`"$.messages[2].content"`).
        text: What is wanted there.
    """

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


class Asked(msgspec.Struct, frozen=True):
    """
    A request that is looked at.

    Attributes:
        body: Its JSON.
        model: Name of the model, of the body or of the address.
    """

    body: Json
    model: str = ""


Problems = Iterator[Problem]
Rule = Callable[[Asked], Iterable[Problem]]


class Item(msgspec.Struct, frozen=True):
    """An object of a list, and where it stands."""

    path: str
    fields: Json


def items(owner: Json, name: str, path: str = "$") -> Iterator[Item]:
    """The objects of a list that is a field of `owner`; nothing where it is no list."""
    for i, value in enumerate(list_of(owner.get(name))):
        if is_object(value):
            yield Item(f"{path}.{name}[{i}]", value)


def not_empty(asked: Asked, name: str) -> Problems:
    """A list of at least one object."""
    value = asked.body.get(name)
    if not is_array(value):
        yield Problem(f"$.{name}", "give a list")
    elif not value:
        yield Problem(f"$.{name}", "give at least one")
    else:
        yield from (Problem(f"$.{name}[{i}]", "give an object") for i, item in enumerate(value) if not is_object(item))


def role_among(item: Item, roles: Collection[Any]) -> Problems:
    """A role that the dialect has."""
    role = item.fields.get("role")
    if role not in roles:
        named = ", ".join(str(role) for role in roles if role)
        yield Problem(f"{item.path}.role", f"{role!r} is no role: use {named}")


# --- calls and their results ------------------------------------------------------------------------------------------


class Named(msgspec.Struct, frozen=True):
    """The id of a call or of a result, and where it stands."""

    path: str
    id: str


class Turn(msgspec.Struct):
    """
    One turn as far as tools are concerned.

    Attributes:
        path: Where it begins.
        calls: Ids that it calls under.
        results: Ids that it answers.
    """

    path: str
    calls: list[Named] = []
    results: list[Named] = []


def unpaired(turns: Sequence[Turn]) -> Problems:
    """
    Calls and results that do not belong to each other.

    The results of a turn's calls stand in the turn after it, one for each call, and nowhere else.
    """
    none = Turn("$")
    for before, turn in zip([none, *turns], [*turns, none], strict=True):
        owed = [call.id for call in before.calls]
        given = [result.id for result in turn.results]
        for call in before.calls:
            if given.count(call.id) == 0:
                yield Problem(call.path, f"the turn after it has no result of call {call.id!r}")
        for i, result in enumerate(turn.results):
            if result.id not in owed:
                yield Problem(result.path, f"the turn before it has no call {result.id!r}")
            elif result.id in given[:i]:
                yield Problem(result.path, f"call {result.id!r} has a result already")


def repeated(named: Iterable[Named]) -> Problems:
    """Ids that were given before."""
    seen: set[str] = set()
    for one in named:
        if one.id in seen:
            yield Problem(one.path, f"the id {one.id!r} was given before")
        seen.add(one.id)


# --- texts ------------------------------------------------------------------------------------------------------------


def matches(value: Any, pattern: re.Pattern[str], path: str, wanted: str) -> Problems:
    """A text of the right letters and length."""
    if not isinstance(value, str) or not pattern.match(value):
        yield Problem(path, f"{value!r:.80} is not {wanted}")


def blank(value: Any) -> bool:
    """Whether a text says nothing."""
    return not text_of(value).strip()


FUNCTION_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
FUNCTION_NAME_IS: Final = "a name of 1 to 64 letters, digits, '_' and '-'"


# --- tools ------------------------------------------------------------------------------------------------------------

_AT_TOP: Final = ("oneOf", "anyOf", "allOf", "enum", "not")


def object_schema(schema: Any, path: str, *, properties: bool = False, plain: bool = True) -> Problems:
    """
    A JSON Schema that a tool's arguments can have.

    Args:
        schema: What was declared.
        path: Where.
        properties: Also an object without properties has to name them.
        plain: No choice of schemas at the top.
    """
    if not is_object(schema):
        yield Problem(path, "give a JSON Schema as an object")
        return
    if schema.get("type") != "object":
        yield Problem(f"{path}.type", f"{schema.get('type')!r:.40} is not 'object': a tool's arguments are one")
    elif properties and not isinstance(schema.get("properties"), dict):
        yield Problem(f"{path}.properties", "an object schema names its properties")
    for name in _AT_TOP if plain else ():
        if name in schema:
            yield Problem(f"{path}.{name}", "not at the top of a tool's schema")


def between(body: Json, name: str, low: float, high: float, path: str = "$") -> Problems:
    """A number in a range."""
    value = body.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and not low <= value <= high:
        yield Problem(f"{path}.{name}", f"{value} is not between {low:g} and {high:g}")


def only_with(body: Json, name: str, other: str, allowed: Collection[Any] = ()) -> Problems:
    """A field that makes sense only beside another one."""
    value = body.get(name)
    if value is not None and not body.get(other) and not (isinstance(value, str | bool) and value in allowed):
        yield Problem(f"$.{name}", f"only together with {other}")


def inner(value: Any, *names: str) -> Any:
    """The value at a path of objects, or None."""
    for name in names:
        value = object_of(value).get(name)
    return value
