"""
Tools: what a model may ask to be called.

`Tool` is the value that travels.  `tool(fn)` makes one from a Python function: the schema comes from the signature, the
descriptions from the docstring.

Docstring rule: the text before the first section is the tool's description; a Google-style `Args:` section, or
Sphinx-style `:param name:` lines, describe the arguments.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from functools import update_wrapper
from typing import Annotated, Any, Generic, ParamSpec, TypeVar, cast, get_args, get_origin, get_type_hints, overload

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.jsonable import checked_object

P = ParamSpec("P")
R = TypeVar("R")

# What all vendors accept (OpenAI: 64 characters of this set; Anthropic: 128).
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_SECTION = re.compile(r"\s*(Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?)\s*:\s*\Z")
_GOOGLE_ITEM = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
_SPHINX_ITEM = re.compile(r"\s*:param\s+(?:[^:]*\s)?(\w+)\s*:\s*(.*)")


class Tool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    The declaration of a tool.

    Attributes:
        name: 1 to 64 letters, digits, `_` or `-`.
        description: What it does and when to use it.
        parameters: JSON Schema of its arguments, an object schema; None for a tool without arguments.
        strict: Ask the provider to hold the model to the schema, where it can.
        native: Wire name to fields that only that dialect knows.  A tool whose `kind` is `native` is nothing but
            these: a provider's server-side tool.
        kind: `function`, `custom` (free text instead of JSON arguments) or `native`.
    """

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    kind: str = "function"
    native: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.parameters is not None:
            checked_object(self.parameters, "tools[].parameters")
        if not isinstance(self.name, str) or (self.kind == "function" and not _NAME.match(self.name)):
            raise ConfigError(
                f"tool name {self.name!r}: use 1 to 64 letters, digits, underscores or hyphens", field="tools[].name"
            )


class ToolFunction(Generic[P, R]):
    """
    A Python function together with its declaration.

    Calling it calls the function.  `declaration` is the `Tool` that models are shown.
    """

    def __init__(self, function: Callable[P, R], declaration: Tool) -> None:
        self.function = function
        self.declaration = declaration
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<tool {self.declaration.name}>"


@overload
def tool(function: Callable[P, R], /) -> ToolFunction[P, R]: ...
@overload
def tool(
    *, name: str | None = None, description: str | None = None, strict: bool | None = None
) -> Callable[[Callable[P, R]], ToolFunction[P, R]]: ...
def tool(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool | None = None,
) -> ToolFunction[P, R] | Callable[[Callable[P, R]], ToolFunction[P, R]]:
    """
    Make a tool of a function, as `@tool` or `@tool(name=..., description=..., strict=...)`.

    Parameter types may be whatever msgspec can describe: plain types, `Literal`, enums, unions, lists, dicts,
    dataclasses, `msgspec.Struct`, `Annotated[..., msgspec.Meta(...)]`.  A parameter without annotation takes any JSON.

    Raises:
        ConfigError: Positional-only or `*args` parameters, or a type with no JSON form.

    >>> @tool
    ... def weather(city: str, days: int = 1) -> str:
    ...     "Forecast for a city."
    >>> weather.declaration.parameters["required"]
    ['city']
    """

    def wrap(fn: Callable[P, R]) -> ToolFunction[P, R]:
        return ToolFunction(fn, _declare(fn, name, description, strict))

    return wrap if function is None else wrap(function)


def _declare(fn: Callable[..., Any], name: str | None, description: str | None, strict: bool | None) -> Tool:
    text, about = _read_docstring(inspect.getdoc(fn) or "")
    return Tool(
        name=name or str(getattr(fn, "__name__", "tool")),
        description=description or text or None,
        parameters=_schema(fn, about),
        strict=strict,
    )


def _schema(fn: Callable[..., Any], about: Mapping[str, str]) -> dict[str, Any]:
    hints = _hints(fn)
    properties: dict[str, Any] = {}
    required: list[str] = []
    arguments = [parameter for parameter in inspect.signature(fn).parameters.values() if parameter.name != "self"]
    types = [hints.get(argument.name, Any) for argument in arguments]
    schemas, definitions = _describe(fn, types)
    for argument, schema in zip(arguments, schemas, strict=True):
        if argument.kind not in (argument.POSITIONAL_OR_KEYWORD, argument.KEYWORD_ONLY):
            raise ConfigError(
                f"tool {fn.__qualname__}: parameter {argument.name} must be passable by name", field=argument.name
            )
        properties[argument.name] = _described(schema, about.get(argument.name))
        if argument.default is argument.empty:
            required.append(argument.name)
        else:
            properties[argument.name] |= _default(argument.default)
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return schema | ({"$defs": definitions} if definitions else {})


def _hints(fn: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(fn, include_extras=True)
    except NameError as error:
        raise ConfigError(f"tool {fn.__qualname__}: annotation {error.name!r} cannot be resolved") from error
    except TypeError as error:
        what = getattr(fn, "__qualname__", type(fn).__name__)
        raise ConfigError(f"tool {what}: give a function or a method ({error})", field="tools") from error


def _describe(fn: Callable[..., Any], types: Iterable[Any]) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    plain = [_with_text(kind) for kind in types]
    try:
        return msgspec.json.schema_components(plain, ref_template="#/$defs/{name}")
    except TypeError as error:
        raise ConfigError(f"tool {fn.__qualname__}: {error}") from error


def _with_text(kind: Any) -> Any:
    """Read `Annotated[T, "some text"]`, as people write it, as a description."""
    if get_origin(kind) is Annotated:
        base, *notes = get_args(kind)
        marks = tuple(msgspec.Meta(description=note) if isinstance(note, str) else note for note in notes)
        return Annotated[(base, *marks)]
    return kind


def _described(schema: dict[str, Any], text: str | None) -> dict[str, Any]:
    if not text or "description" in schema:
        return dict(schema)
    # JSON Schema before 2019-09 ignores what stands beside a $ref; vendors validate by either.
    return {"allOf": [schema], "description": text} if "$ref" in schema else schema | {"description": text}


def _default(value: object) -> dict[str, Any]:
    try:
        return {"default": msgspec.to_builtins(value)}
    except TypeError:
        return {}


def _read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Split a docstring into its description and what it says of each parameter."""
    description: list[str] = []
    about: dict[str, str] = {}
    section: str | None = None
    current: str | None = None
    for line in text.splitlines():
        if heading := _SECTION.match(line):
            section, current = heading[1], None
        elif sphinx := _SPHINX_ITEM.match(line):
            section, current = "Args", str(sphinx[1])
            about[current] = sphinx[2].strip()
        elif section is None:
            description.append(line)
        elif section in ("Args", "Arguments", "Parameters"):
            current = _argument_line(line.strip(), current, about)
    return "\n".join(description).strip(), about


def _argument_line(line: str, current: str | None, about: dict[str, str]) -> str | None:
    if not line or line.startswith(":"):
        return None
    if item := _GOOGLE_ITEM.match(line):
        about[item[1]] = item[2].strip()
        return item[1]
    if current:
        about[current] = f"{about[current]} {line}".strip()
    return current


def as_tool(value: object, field: str) -> Tool:
    """
    Take whatever people write for a tool and give its declaration.

    A `Tool`, a `@tool` function, a plain function, or an OpenAI-style dict (`{"type": "function", "function": {...}}`).

    Raises:
        ConfigError: None of these.
    """
    if isinstance(value, Tool):
        return value
    if isinstance(value, ToolFunction):
        return cast("ToolFunction[..., Any]", value).declaration
    if isinstance(value, Mapping):
        return _from_mapping(cast("Mapping[str, Any]", value), field)
    if callable(value):
        return _declare(value, None, None, None)
    raise ConfigError(f"{field} is {type(value).__name__}: give a function, @tool or Tool", field=field)


def _from_mapping(value: Mapping[str, Any], field: str) -> Tool:
    inner = value.get("function", value)
    body: Mapping[str, Any] = cast("Mapping[str, Any]", inner) if isinstance(inner, Mapping) else {}
    if not isinstance(body.get("name"), str):
        raise ConfigError(
            f"{field} has no function name: {{'type': 'function', 'function': {{'name': ...}}}}", field=field
        )
    schema = body.get("parameters", body.get("input_schema"))
    return Tool(name=body["name"], description=body.get("description"), parameters=schema, strict=body.get("strict"))
