"""
Answers as objects: the fields of a JSON object as attributes, all the way down.

A class is a table: which fields are objects themselves, and which are None where they were not sent.  What the table
does not name is kept as it came, an attribute like the others, and a plain dict below.

Rule: the shapes are those of the openai library, so that code which reads its objects reads these.

Source: openai-python 3.54, `openai.types`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final, cast

import msgspec

Maker = Callable[[Any], Any]


class BaseModel:
    """
    A JSON object.

    Equal to another of its class with the same fields.  Attributes may be set.
    """

    _inner: ClassVar[dict[str, Maker]] = {}
    _empty: ClassVar[tuple[str, ...]] = ()

    def __init__(self, fields: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        for name, value in {**(fields or {}), **more}.items():
            make = self._inner.get(name)
            self.__dict__[name] = make(value) if make is not None and value is not None else value

    def __init_subclass__(cls, *, inner: Mapping[str, Maker] | None = None, empty: str = "") -> None:
        """
        Args:
            inner: What makes the fields that are objects.
            empty: Names of the fields that are None where they were not sent.
        """
        cls._inner = {**cls._inner, **(inner or {})}
        cls._empty = tuple(dict.fromkeys((*cls._empty, *empty.split())))
        for name in empty.split():
            setattr(cls, name, None)

    # Only for type checkers: what is looked up here is not there.
    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and other._public() == self._public()

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self._fields().items())

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._fields().items())
        return f"{type(self).__name__}({fields})"

    @property
    def model_extra(self) -> dict[str, Any]:
        """Fields that the openai library does not name."""
        known = {*self._inner, *self._empty, *_KNOWN}
        return {name: value for name, value in self._public().items() if name not in known}

    @property
    def model_fields_set(self) -> set[str]:
        """Names of the fields that were sent."""
        return set(self._public())

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Any = None,
        exclude: Any = None,
        by_alias: bool | None = None,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
        **others: Any,
    ) -> dict[str, Any]:
        """
        The fields as a dict, objects below included.

        Args:
            mode: Either is the same here.
            include: Names of fields to keep, at the top.
            exclude: Names of fields to leave out, at the top.
            by_alias: Either is the same here.
            exclude_unset: Leave out what was not sent.
            exclude_defaults: The same: only None is a default.
            exclude_none: Leave out None.
            **others: Pydantic's other arguments mean nothing here.
        """
        fields = self._public() if exclude_unset or exclude_defaults else self._fields()
        below: dict[str, Any] = {"exclude_unset": exclude_unset or exclude_defaults, "exclude_none": exclude_none}
        return {
            name: _dumped(value, below)
            for name, value in fields.items()
            if (include is None or name in include)
            and (exclude is None or name not in exclude)
            and not (exclude_none and value is None)
        }

    def model_dump_json(self, *, indent: int | None = None, **options: Any) -> str:
        """The same as JSON."""
        data = msgspec.json.encode(self.model_dump(mode="json", **options), enc_hook=plain)
        return (msgspec.json.format(data, indent=indent) if indent else data).decode()

    def to_dict(self, *, exclude_unset: bool = True, exclude_none: bool = False, **options: Any) -> dict[str, Any]:
        """The fields that were sent, as a dict."""
        return self.model_dump(exclude_unset=exclude_unset, exclude_none=exclude_none)

    def to_json(self, *, indent: int | None = 2, exclude_unset: bool = True, **options: Any) -> str:
        """The same as JSON."""
        return self.model_dump_json(indent=indent, exclude_unset=exclude_unset)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Any:
        """Return a copy, with some fields replaced."""
        other = type(self).__new__(type(self))
        other.__dict__.update(type(self)(self.model_dump(exclude_unset=True)).__dict__ if deep else self.__dict__)
        other.__dict__.update(update or {})
        return other

    def _public(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def _fields(self) -> dict[str, Any]:
        sent = self._public()
        return sent | {name: None for name in self._empty if name not in sent}


# Fields that all objects of a kind have, and that need no table.
_NAMES: Final = """
    id object created created_at model choices index finish_reason message delta role type name arguments input text
    annotations call_id status code param
"""
_KNOWN: Final = frozenset(_NAMES.split())


def plain(value: Any) -> Any:
    """
    What a value is in JSON: for objects of ours, of pydantic and of the official SDKs.

    Raises:
        TypeError: It has no JSON form.
    """
    if isinstance(value, BaseModel):
        return value.to_dict()
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return dump(mode="json", exclude_unset=True)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _dumped(value: Any, below: Mapping[str, Any]) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(**below)
    if isinstance(value, list):
        return [_dumped(item, below) for item in cast("list[Any]", value)]
    if callable(getattr(value, "model_dump", None)):  # the value of a user's own type
        return value.model_dump(mode="json")
    return value


def listed(make: Maker) -> Maker:
    """Makes the items of a list."""

    def each(values: Any) -> Any:
        return [make(value) for value in cast("list[Any]", values)] if isinstance(values, list) else values

    return each


def kinds(table: Mapping[str, Maker], otherwise: Maker) -> Maker:
    """Makes objects whose field `type` says what they are."""

    def make(value: Any) -> Any:
        kind = cast("dict[str, Any]", value).get("type", "") if isinstance(value, dict) else ""
        return table.get(kind, otherwise)(value)

    return make


def deep(value: Any) -> Any:
    """Makes objects of objects of a kind that has no table here."""
    if isinstance(value, dict):
        return BaseModel({name: deep(item) for name, item in cast("dict[str, Any]", value).items()})
    if isinstance(value, list):
        return [deep(item) for item in cast("list[Any]", value)]
    return value
