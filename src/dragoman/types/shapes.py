"""
The shape of a value: a Python type, or a JSON Schema, as what a model can be asked for.

`shape_of` takes whatever people write for a type and gives its JSON Schema.  Pydantic models are known by what they can
do and never imported.

Rule: what cannot be described or read back is refused here, before anything is sent.

Source: JSON Schema 2020-12; msgspec, "supported types".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, cast, get_args

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.jsonable import checked_object

Schema = dict[str, Any]

# The field in which a value stands that is no object: most dialects want an object at the root.
VALUE: Final = "value"

# msgspec says `format: decimal`, which nobody else knows; a pattern is a thing that servers can hold a model to.
_DECIMAL: Final = r"^-?[0-9]{1,30}(\.[0-9]{1,30})?$"

_CACHED: Final = 512


class Regex:
    """
    A text that matches a regular expression from its first character to its last.

    >>> Regex("[A-Z]{3}-[0-9]+")
    Regex('[A-Z]{3}-[0-9]+')

    Raises:
        ConfigError: It is no regular expression.
    """

    def __init__(self, pattern: str) -> None:
        try:
            re.compile(pattern)
        except (re.error, TypeError) as error:
            raise ConfigError(f"output: {pattern!r} is no regular expression ({error})", field="output") from error
        self.pattern = pattern

    @property
    def kind(self) -> Any:
        """The same as a type."""
        return Annotated[str, msgspec.Meta(pattern=rf"^(?:{self.pattern})\Z")]

    def __repr__(self) -> str:
        return f"Regex({self.pattern!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Regex) and self.pattern == other.pattern

    def __hash__(self) -> int:
        return hash(self.pattern)


class OneOf:
    """
    One of some texts or whole numbers; for those that are known beforehand there is `Literal`.

    >>> OneOf("red", "green")
    OneOf('red', 'green')

    Raises:
        ConfigError: There are none, or one is neither text nor whole number.
    """

    def __init__(self, *values: str | int) -> None:
        wrong = [value for value in values if not isinstance(value, str | int) or isinstance(value, bool)]
        if not values or wrong:
            raise ConfigError("output: OneOf takes texts or whole numbers, one or more", field="output")
        self.values = values

    @property
    def kind(self) -> Any:
        """The same as a type."""
        return Literal[self.values]

    def __repr__(self) -> str:
        return f"OneOf({', '.join(map(repr, self.values))})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OneOf) and self.values == other.values

    def __hash__(self) -> int:
        return hash(self.values)


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a value must be.

    Attributes:
        kind: The type, as msgspec reads it; None for a JSON Schema that was given as a dict.
        schema: JSON Schema (2020-12) of the value.
        wrapped: Whether the value is no object, and so stands in the field `value` of one.
        root: JSON Schema of what the model writes: `schema`, wrapped where it must be.
        name: Short name of 1 to 64 letters, digits, `_` and `-`.
    """

    kind: Any
    schema: Schema
    wrapped: bool
    root: Schema
    name: str


def shape_of(given: object, field: str = "output") -> Shape:
    """
    Describe what people write for a type.

    Args:
        given: A type that msgspec can read (structs, dataclasses, TypedDict, NamedTuple, Literal, enums, unions,
            lists, dicts, tuples, dates, Decimal, UUID...), a pydantic model, or any of these inside another; `Regex`;
            `OneOf`; or a JSON Schema as a dict.
        field: What it is called in errors.

    Raises:
        ConfigError: It has no JSON form, or cannot be told from its like when it is read.

    >>> shape_of(list[int]).root["properties"]
    {'value': {'type': 'array', 'items': {'type': 'integer'}}}
    """
    if isinstance(given, Mapping):
        return _of_schema(checked_object(given, field))
    kind = given.kind if isinstance(given, Regex | OneOf) else given
    try:
        return _of_type(kind, _name_of(given))
    except TypeError as error:
        if "unhashable" not in str(error):
            raise _refused(given, field, error) from error
    except (ValueError, NameError, RecursionError) as error:
        raise _refused(given, field, error) from error
    raise ConfigError(f"{field} is {given!r}: give a type, a JSON Schema as a dict, or OutputFormat", field=field)


def _refused(given: object, field: str, error: Exception) -> ConfigError:
    reason = str(error).strip().replace("\n", " ")
    hint = ""
    if "more than one" in reason:
        hint = "; make them msgspec.Structs with tag=True, or members of a field with a Literal each"
    if isinstance(error, NameError):
        hint = ": define the types that it is made of at the top of a module"
    return ConfigError(f"{field}: {_told(given)} cannot be asked for: {reason}{hint}", field=field)


def _told(given: object) -> str:
    return given.__name__ if isinstance(given, type) else repr(given)[:200]


def _name_of(given: object) -> str:
    if not isinstance(given, type) or get_args(given):
        return "output"
    return re.sub(r"[^A-Za-z0-9_-]", "_", cast("type[Any]", given).__name__)[:64]


def _of_schema(schema: Schema) -> Shape:
    wrapped = not is_object_schema(schema)
    name = re.sub(r"[^A-Za-z0-9_-]", "_", str(schema.get("title") or "output"))[:64]
    return Shape(kind=None, schema=schema, wrapped=wrapped, root=_wrap(schema) if wrapped else schema, name=name)


@lru_cache(maxsize=_CACHED)
def _of_type(kind: Any, name: str) -> Shape:
    models: dict[str, Schema] = {}
    schema = msgspec.json.schema(kind, schema_hook=_describing(models))
    msgspec.json.Decoder(kind, dec_hook=read_custom)  # some types can be described and not read
    if models:
        schema = {**schema, "$defs": {**models, **schema.get("$defs", {})}}
    schema = cast("Schema", _with_patterns(schema))
    wrapped = not is_object_schema(schema)
    return Shape(kind=kind, schema=schema, wrapped=wrapped, root=_wrap(schema) if wrapped else schema, name=name)


def _with_patterns(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_with_patterns(inner) for inner in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    made = {name: _with_patterns(inner) for name, inner in cast("Schema", schema).items()}
    if isinstance(made.get("pattern"), str) and made["pattern"].endswith(r"\Z"):
        made["pattern"] = made["pattern"][:-2] + "$"  # Python's `$` matches before a last line break, too; JSON's not
    if made.get("format") == "decimal":
        del made["format"]
        made.setdefault("pattern", _DECIMAL)
    return made


# --- pydantic ---------------------------------------------------------------------------------------------------------


def is_model(kind: object) -> bool:
    """Whether a class is a pydantic model, by what it can do."""
    return isinstance(kind, type) and hasattr(kind, "model_json_schema") and hasattr(kind, "model_validate_json")


def _describing(models: dict[str, Schema]) -> Callable[[type], Schema]:
    def describe(kind: type) -> Schema:
        if not is_model(kind):
            raise TypeError(f"{kind.__name__} has no JSON form that is known")
        schema = dict(cast("Any", kind).model_json_schema(ref_template="#/$defs/{model}"))
        for name, inner in schema.pop("$defs", {}).items():
            if models.setdefault(name, inner) != inner:
                raise TypeError(f"two different models are called {name}")
        return schema

    return describe


def read_custom(kind: type, value: Any) -> Any:
    """
    Read a value as a pydantic model, by the model's own rules.  For msgspec's `dec_hook`.

    Raises:
        ValueError: It does not fit; pydantic's own error.
    """
    if not is_model(kind):
        raise NotImplementedError(f"{kind.__name__} has no JSON form that is known")
    return cast("Any", kind).model_validate_json(msgspec.json.encode(value))


# --- the root ---------------------------------------------------------------------------------------------------------


def is_object_schema(schema: Schema) -> bool:
    """Whether every value of a schema is an object, said by its `type` or by that of the definition it refers to."""
    seen: set[str] = set()
    current: Any = schema
    while isinstance(current, dict):
        rules = cast("Schema", current)
        if "$ref" not in rules:
            return rules.get("type") == "object" and not rules.keys() & {"anyOf", "oneOf", "allOf"}
        target = str(rules["$ref"])
        if target in seen:
            return False
        seen.add(target)
        current = resolve(schema, target)
    return False


def resolve(root: Schema, ref: str) -> Any:
    """Find what a reference within a schema means; None if it leads nowhere, or out of the schema."""
    if ref != "#" and not ref.startswith("#/"):
        return None
    current: Any = root
    for step in ref.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(current, list):
            listed = cast("list[Any]", current)
            current = listed[int(key)] if key.isdecimal() and int(key) < len(listed) else None
        else:
            current = cast("Schema", current).get(key) if isinstance(current, dict) else None
    return current


_ROOT_ONLY: Final = ("$defs", "definitions", "$schema", "$id")


def _wrap(schema: Schema) -> Schema:
    """The schema of an object whose field `value` is the value; definitions stay at the root."""
    inner = {name: value for name, value in schema.items() if name not in _ROOT_ONLY}
    kept = {name: _moved(value) for name, value in schema.items() if name in ("$defs", "definitions")}
    return {
        "type": "object",
        "properties": {VALUE: _moved(inner)},
        "required": [VALUE],
        "additionalProperties": False,
        **kept,
    }


def _moved(schema: Any) -> Any:
    """References to the root, or into it, follow it."""
    if isinstance(schema, list):
        return [_moved(inner) for inner in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    made = {name: _moved(inner) for name, inner in cast("Schema", schema).items()}
    ref = made.get("$ref")
    if isinstance(ref, str) and (ref == "#" or ref.startswith("#/")) and not ref.startswith(_KEPT):
        made["$ref"] = f"#/properties/{VALUE}{ref[1:]}"
    return made


_KEPT: Final = ("#/$defs/", "#/definitions/")
