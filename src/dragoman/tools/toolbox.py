"""
Which tools a run has, and what each needs to be called.

Rule: what a model is shown can be called.  A declaration without a function is refused before anything is sent; only
tools that the provider runs itself (`kind="native"`) need none.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol, cast, runtime_checkable

import msgspec

from dragoman.errors import ConfigError
from dragoman.tools.arguments import Arguments, BadCallError
from dragoman.types.messages import ToolCall
from dragoman.types.tools import Tool, ToolFunction, declare


@runtime_checkable
class Callee(Protocol):
    """
    A tool that takes whatever JSON object the model sends, as one that runs elsewhere does.

    Attributes:
        declaration: What models are shown.
    """

    declaration: Tool

    async def invoke(self, arguments: Mapping[str, Any]) -> Any:
        """Call it; what it raises is told to the model."""
        ...


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """
    A tool that can be called.

    Attributes:
        name: As the model says it.
        prepare: Makes, of a call, what runs it; raises BadCallError if the arguments do not fit.
        suspends: Whether it is `async def`; else it blocks, and runs in a thread.
        timeout: Seconds for one call, or None.
    """

    name: str
    prepare: Callable[[ToolCall], Callable[[], Any]]
    suspends: bool
    timeout: float | None = None


class Toolbox:
    """
    The tools of a run, by name.

    Args:
        tools: As the caller gave them.

    Raises:
        ConfigError: One cannot be called, or two have the same name.
    """

    def __init__(self, tools: object) -> None:
        self._bound: dict[str, Bound] = {}
        for at, tool in enumerate(_listed(tools)):
            bound = _bound(tool, f"tools[{at}]")
            if bound is None:
                continue
            if bound.name in self._bound:
                raise ConfigError(f"two tools are called {bound.name}: rename one", field=f"tools[{at}]")
            self._bound[bound.name] = bound

    def check(self, declared: Iterable[Tool]) -> None:
        """
        Hold what models are shown to what can be called.

        Raises:
            ConfigError: A declaration, perhaps of the client's defaults, has no function.
        """
        for tool in declared:
            if tool.kind != "native" and tool.name not in self._bound:
                raise ConfigError(f"the tool {tool.name} has no function: give it as tools=[...]", field="tools")

    def find(self, call: ToolCall) -> Bound:
        """
        The tool of a call.

        Raises:
            BadCallError: There is none of that name.
        """
        bound = self._bound.get(call.name)
        if bound is None:
            names = ", ".join(self._bound) or "none"
            raise BadCallError(f"There is no tool called {call.name}. The tools are: {names}.")
        return bound


def _listed(tools: object) -> list[object]:
    if tools is None:
        return []
    if isinstance(tools, str | Mapping) or not isinstance(tools, Iterable):
        kind = type(cast("object", tools)).__name__
        raise ConfigError(f"tools is {kind}: give a list of functions", field="tools")
    return list(cast("Iterable[object]", tools))


def _bound(tool: object, field: str) -> Bound | None:
    """What can be called of what people write; None for what the provider runs."""
    if isinstance(tool, ToolFunction):
        made = cast("ToolFunction[..., Any]", tool)
        return _of_function(made.function, made.declaration, made.timeout)
    if isinstance(tool, Callee):
        return Bound(name=tool.declaration.name, prepare=partial(_callee, tool), suspends=True)
    if isinstance(tool, Tool) and tool.kind == "native":
        return None
    if isinstance(tool, Tool | Mapping) or not callable(tool):
        raise ConfigError(
            f"{field} is {type(cast('object', tool)).__name__}: give a function to be called", field=field
        )
    return _of_function(tool, declare(tool), None)


def _of_function(fn: Callable[..., Any], declaration: Tool, timeout: float | None) -> Bound:
    arguments = Arguments(fn)

    def prepare(call: ToolCall) -> Callable[[], Any]:
        return partial(fn, **arguments.read(call))

    return Bound(name=declaration.name, prepare=prepare, suspends=is_async(fn), timeout=timeout)


def _callee(tool: Callee, call: ToolCall) -> Callable[[], Any]:
    arguments = call.arguments
    if not isinstance(arguments, dict):
        raise BadCallError(f"The arguments for {call.name} are no JSON object. Call it again.")
    return partial(tool.invoke, cast("dict[str, Any]", arguments))


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether calling it blocks for no longer than it takes to make a coroutine."""
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(fn, "__call__", None))  # noqa: B004
