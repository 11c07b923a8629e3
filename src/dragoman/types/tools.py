"""
Tools: what a model may ask to be called.

`Tool` is the value that travels.  `tool(fn)` makes one from a Python function: the schema comes from the signature, the
descriptions from the docstring.

`docstrings` says what is read of a docstring, `signatures` how types are described.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.jsonable import checked_object
from dragoman.types.signatures import schema_of
from dragoman.types.timeouts import check_seconds

P = ParamSpec("P")
R = TypeVar("R")

# What all vendors accept (OpenAI: 64 characters of this set; Anthropic: 128).
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


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

    Calling it calls the function.

    Attributes:
        function: The function itself.
        declaration: The `Tool` that models are shown.
        timeout: Seconds that one call may take in `Client.run`; None for what the run says.
    """

    def __init__(self, function: Callable[P, R], declaration: Tool, *, timeout: float | None = None) -> None:
        check_seconds(timeout, "timeout")
        self.function = function
        self.declaration = declaration
        self.timeout = timeout
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<tool {self.declaration.name}>"


@overload
def tool(function: Callable[P, R], /) -> ToolFunction[P, R]: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool | None = None,
    timeout: float | None = None,
) -> Callable[[Callable[P, R]], ToolFunction[P, R]]: ...
def tool(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    strict: bool | None = None,
    timeout: float | None = None,
) -> ToolFunction[P, R] | Callable[[Callable[P, R]], ToolFunction[P, R]]:
    """
    Make a tool of a function, as `@tool` or `@tool(name=..., description=..., strict=..., timeout=...)`.

    Parameter types may be whatever msgspec can describe: plain types, `Literal`, enums, unions, lists, dicts,
    dataclasses, `msgspec.Struct`, `Annotated[..., msgspec.Meta(...)]`; and pydantic's models and fields.  A parameter
    without annotation takes any JSON.

    Raises:
        ConfigError: Positional-only or `*args` parameters, or a type with no JSON form.

    >>> @tool
    ... def weather(city: str, days: int = 1) -> str:
    ...     "Forecast for a city."
    >>> weather.declaration.parameters["required"]
    ['city']
    """

    def wrap(fn: Callable[P, R]) -> ToolFunction[P, R]:
        return ToolFunction(fn, declare(fn, name, description, strict), timeout=timeout)

    return wrap if function is None else wrap(function)


def declare(
    fn: Callable[..., Any], name: str | None = None, description: str | None = None, strict: bool | None = None
) -> Tool:
    """What models are shown of a function; see `tool`."""
    from dragoman.types.docstrings import read_docstring  # its patterns cost 1 ms, which only who has tools pays

    text, about = read_docstring(inspect.getdoc(fn) or "")
    return Tool(
        name=name or str(getattr(fn, "__name__", "tool")),
        description=description or text or None,
        parameters=schema_of(fn, about),
        strict=strict,
    )


def as_tool(value: object, field: str) -> Tool:
    """
    Take whatever people write for a tool and give its declaration.

    A `Tool`, a `@tool` function, a plain function, an OpenAI-style dict (`{"type": "function", "function": {...}}`), or
    anything that has its `declaration` (a tool of an MCP server).

    Raises:
        ConfigError: None of these.
    """
    if isinstance(value, Tool):
        return value
    declared = getattr(value, "declaration", None)
    if isinstance(declared, Tool):
        return declared
    if isinstance(value, Mapping):
        return _from_mapping(cast("Mapping[str, Any]", value), field)
    if callable(value):
        return declare(value)
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
