"""
What a Python type says of the parts of its values: of fields by their name in JSON, of elements by their place.

A type that is not understood says nothing, and its values are looked at as a whole.
"""

from __future__ import annotations

import dataclasses
import types
from functools import lru_cache
from typing import Annotated, Any, Final, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

import msgspec

Fields = dict[str, tuple[str, Any]]
"""Name in JSON to the name in Python and the type."""

_LISTS: Final = (list, set, frozenset, tuple)


@lru_cache(maxsize=1024)
def bare(kind: Any) -> Any:
    """A type without `Annotated` and without `None`; a union of several others is None, which says nothing."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        others = [one for one in get_args(kind) if one is not type(None)]
        return bare(others[0]) if len(others) == 1 else None
    return kind


@lru_cache(maxsize=1024)
def fields_of(kind: Any) -> Fields | None:
    """The fields of a type whose values are objects with known names; None for any other."""
    kind = bare(kind)
    return _fields_of(cast("Any", kind)) if isinstance(kind, type) else None


def _fields_of(kind: type[Any]) -> Fields | None:
    if issubclass(kind, msgspec.Struct):
        if kind.__struct_config__.array_like:
            return None
        return {field.encode_name: (field.name, field.type) for field in msgspec.structs.fields(kind)}
    if dataclasses.is_dataclass(kind) or is_typeddict(kind):
        hints = get_type_hints(kind, include_extras=True)
        return {name: (name, _stripped(hint)) for name, hint in hints.items()}
    return None


def _stripped(hint: Any) -> Any:
    """`Required[T]` and `NotRequired[T]` as T."""
    name = getattr(get_origin(hint), "_name", None) or getattr(hint, "__name__", "")
    return get_args(hint)[0] if name in ("Required", "NotRequired", "ReadOnly") and get_args(hint) else hint


def required_of(kind: Any) -> frozenset[str]:
    """Names in JSON of the fields that must be there."""
    kind = bare(kind)
    if not isinstance(kind, type):
        return frozenset()
    if issubclass(cast("type[Any]", kind), msgspec.Struct):
        return frozenset(field.encode_name for field in msgspec.structs.fields(kind) if field.required)
    if is_typeddict(kind):
        return frozenset(cast("Any", kind).__required_keys__)
    if dataclasses.is_dataclass(kind):
        none = dataclasses.MISSING
        given = (field for field in dataclasses.fields(kind) if field.default is none and field.default_factory is none)
        return frozenset(field.name for field in given)
    return frozenset()


def element_of(kind: Any, place: int) -> Any:
    """The type of an element of a list; None if it is not known."""
    kind = bare(kind)
    origin, args = get_origin(kind), get_args(kind)
    if origin in _LISTS and args:
        if origin is not tuple:
            return args[0]
        if len(args) == 2 and args[1] is Ellipsis:
            return args[0]
        return args[place] if place < len(args) else None
    if isinstance(kind, type) and hasattr(kind, "_fields") and issubclass(kind, tuple):
        named = cast("Any", kind)
        names = cast("tuple[str, ...]", named._fields)
        return get_type_hints(named, include_extras=True).get(names[place]) if place < len(names) else None
    return None


def value_of(kind: Any) -> Any:
    """The type of the values of a dict; None if it is not known."""
    kind = bare(kind)
    args = get_args(kind)
    return args[1] if get_origin(kind) is dict and len(args) == 2 else None


def is_list(kind: Any) -> bool:
    """Whether its values are lists of one type."""
    kind = bare(kind)
    args = get_args(kind)
    origin = get_origin(kind)
    return origin in (list, set, frozenset) or (origin is tuple and len(args) == 2 and args[1] is Ellipsis)
