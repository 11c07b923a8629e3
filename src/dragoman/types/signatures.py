"""
What a function takes, as JSON Schema and as types.

Rule: the schema that a model is shown and the types that its arguments are converted by come from the same place, so
that what is allowed by the one is taken by the other.

Types may be whatever msgspec can describe, and classes that describe themselves as pydantic's models do
(`model_json_schema`, `model_validate`), which are known by their shape: pydantic is never imported.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, cast, get_args, get_origin, get_type_hints

import msgspec

from dragoman.errors import ConfigError

_REF: Final = "#/$defs/{name}"

# What `annotated_types` and pydantic's `Field` call the limits that `msgspec.Meta` knows.
_LIMITS: Final = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern")
_WORDS: Final = ("title", "description")


def parameters_of(fn: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """
    The parameters that a model fills in, by name.

    Raises:
        ConfigError: It is no function, or has parameters that cannot be passed by name.
    """
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"tool {_name(fn)}: it has no signature ({error})", field="tools") from error
    found = {name: parameter for name, parameter in signature.parameters.items() if name != "self"}
    for name, parameter in found.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ConfigError(f"tool {_name(fn)}: parameter {name} must be passable by name", field=name)
    return found


def types_of(fn: Callable[..., Any]) -> dict[str, Any]:
    """
    The type of each parameter, its limits and descriptions in msgspec's terms; `Any` where there is no annotation.

    Raises:
        ConfigError: It is no function, or an annotation cannot be resolved.
    """
    try:
        hints = get_type_hints(fn, include_extras=True)
    except NameError as error:
        raise ConfigError(f"tool {_name(fn)}: annotation {error.name!r} cannot be resolved") from error
    except TypeError as error:
        raise ConfigError(f"tool {_name(fn)}: give a function or a method ({error})", field="tools") from error
    return {name: _marked(hints.get(name, Any)) for name in parameters_of(fn)}


def schema_of(fn: Callable[..., Any], about: Mapping[str, str]) -> dict[str, Any]:
    """
    The JSON Schema of a function's arguments.

    Args:
        fn: The function.
        about: What its docstring says of each argument; what an annotation says wins.

    Raises:
        ConfigError: A parameter has no JSON form, or cannot be passed by name.
    """
    types, parameters = types_of(fn), parameters_of(fn)
    schemas, definitions = _described_types(fn, list(types.values()))
    properties: dict[str, Any] = {}
    for (name, parameter), schema in zip(parameters.items(), schemas, strict=True):
        properties[name] = _described(schema, about.get(name)) | _default(parameter)
    required = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return schema | ({"$defs": definitions} if definitions else {})


def _name(fn: object) -> str:
    return str(getattr(fn, "__qualname__", type(fn).__name__))


# --- annotations ------------------------------------------------------------------------------------------------------


def _marked(kind: Any) -> Any:
    """Read what people write in `Annotated`: a text as a description, limits of other libraries as ours."""
    if get_origin(kind) is not Annotated:
        return kind
    base, *notes = get_args(kind)
    marks = [mark for note in notes for mark in _marks(note)]
    return Annotated[(base, *marks)] if marks else base


def _marks(note: object) -> list[msgspec.Meta]:
    if isinstance(note, msgspec.Meta):
        return [note]
    if isinstance(note, str):
        return [msgspec.Meta(description=note)]
    # pydantic's FieldInfo keeps its limits in `metadata`, one object each, as annotated_types makes them.
    sources = [note, *_listed(getattr(note, "metadata", ()))]
    facts = {
        name: value for source in sources for name in _LIMITS if (value := getattr(source, name, None)) is not None
    }
    facts |= {name: value for name in _WORDS if isinstance(value := getattr(note, name, None), str)}
    return [msgspec.Meta(**facts)] if facts else []


def _listed(value: object) -> list[Any]:
    return list(cast("list[Any]", value)) if isinstance(value, list | tuple) else []


# --- schemas ----------------------------------------------------------------------------------------------------------


def _described_types(fn: Callable[..., Any], types: list[Any]) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    described = _SelfDescribed()
    try:
        schemas, definitions = msgspec.json.schema_components(types, schema_hook=described, ref_template=_REF)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"tool {_name(fn)}: {error}") from error
    twice = sorted(name for name, schema in described.found.items() if definitions.get(name, schema) != schema)
    if twice:
        raise ConfigError(f"tool {_name(fn)}: two types are called {twice[0]}: rename one", field="tools")
    return schemas, {**definitions, **described.found}


class _SelfDescribed:
    """The schemas of classes that describe themselves; what they refer to is collected in `found`."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    def __call__(self, kind: type) -> dict[str, Any]:
        describe = getattr(kind, "model_json_schema", None)
        if describe is None:
            # msgspec's own words for it; NotImplementedError is what it expects of a hook.
            raise NotImplementedError
        schema = dict(cast("Mapping[str, Any]", describe(ref_template=_REF.replace("{name}", "{model}"))))
        self.found |= cast("dict[str, Any]", schema.pop("$defs", {}))
        return schema


def _described(schema: dict[str, Any], text: str | None) -> dict[str, Any]:
    if not text or "description" in schema:
        return dict(schema)
    # JSON Schema before 2019-09 ignores what stands beside a $ref; vendors validate by either.
    return {"allOf": [schema], "description": text} if "$ref" in schema else schema | {"description": text}


def _default(parameter: inspect.Parameter) -> dict[str, Any]:
    if parameter.default is parameter.empty:
        return {}
    try:
        return {"default": msgspec.to_builtins(parameter.default)}
    except TypeError:
        return {}
