"""
One check per setting, which gives the value that is kept: of `"low"` the `ReasoningSettings`, of a dict the `Tool`.

Rule: what cannot be is a `ConfigError` that names the setting and what to give instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, cast, get_args

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.jsonable import checked_object
from dragoman.types.messages import CacheMark
from dragoman.types.setting_values import Effort, OutputFormat, Priority, ReasoningSettings, Verbosity
from dragoman.types.timeouts import check_seconds
from dragoman.types.tools import Tool, as_tool


def _number(low: float, high: float) -> Callable[[Any, str], Any]:
    def check(value: Any, field: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or not _between(low, value, high):
            raise ConfigError(f"{field} is {value!r}: give a number {_range(low, high)}", field=field)
        return value

    return check


def _between(low: float, value: float, high: float) -> bool:
    # Infinity is no limit that a provider knows, and JSON cannot say it.
    return low <= value <= high and abs(value) != math.inf


def _whole(low: int) -> Callable[[Any, str], Any]:
    def check(value: Any, field: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise ConfigError(f"{field} is {value!r}: give a whole number, {low} or more", field=field)
        return value

    return check


def _range(low: float, high: float) -> str:
    return f"of {low:g} or more" if high == math.inf else f"from {low:g} to {high:g}"


def _typed(kind: Any, wanted: str, then: Callable[[Any, str], Any] | None = None) -> Callable[[Any, str], Any]:
    def check(value: Any, field: str) -> Any:
        try:
            converted = msgspec.convert(value, kind)
            return then(converted, field) if then else converted
        except msgspec.ValidationError as error:
            raise ConfigError(f"{field} is {value!r}: give {wanted}", field=field) from error

    return check


def _texts(value: Any, field: str) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    texts = cast("Sequence[Any]", value) if isinstance(value, Sequence) else (None,)
    if not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"{field} is {value!r}: give a text or a list of texts", field=field)
    return tuple(texts)


def _tools(value: Any, field: str) -> tuple[Tool, ...]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        kind = type(cast("object", value)).__name__
        raise ConfigError(f"{field} is {kind}: give a list of tools", field=field)
    listed = cast("Iterable[object]", value)
    return tuple(as_tool(item, f"{field}[{i}]") for i, item in enumerate(listed))


def _reasoning(value: Any, field: str) -> ReasoningSettings:
    if isinstance(value, ReasoningSettings):
        return value
    if isinstance(value, str) and value in get_args(Effort):
        return ReasoningSettings(effort=value)  # type: ignore[arg-type]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return ReasoningSettings(budget_tokens=value)
    if isinstance(value, Mapping):
        try:
            return msgspec.convert(dict(cast("Mapping[str, Any]", value)), ReasoningSettings)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{field}: {error}", field=field) from error
    efforts = ", ".join(get_args(Effort))
    raise ConfigError(
        f"{field} is {value!r}: give one of {efforts}, a number of tokens, or ReasoningSettings", field=field
    )


def _output(value: Any, field: str) -> OutputFormat:
    if isinstance(value, OutputFormat):
        return value if value.type is None or value.schema is not None else typed_output(value.type, field, value)
    if isinstance(value, Mapping):
        schema = dict(cast("Mapping[str, Any]", value))
        return OutputFormat(schema=schema, name=str(schema.get("title") or "output"))
    return typed_output(value, field)


def typed_output(given: object, field: str = "output", form: OutputFormat | None = None) -> OutputFormat:
    """
    Make the format of an answer that is read as a type.

    Args:
        given: A type, or a JSON Schema as a dict.
        field: What it is called in errors.
        form: What else is known of the format.

    Raises:
        ConfigError: No value of it can be asked for.
    """
    if form is not None and form.kind != "json_schema":
        return form
    from dragoman.types.shapes import shape_of  # who asks for text need not load this

    shape = shape_of(given, field)
    form = form or OutputFormat()
    return msgspec.structs.replace(form, type=given, schema=shape.root, name=form.name or shape.name)


def _cache(value: Any, field: str) -> CacheMark | None:
    if isinstance(value, CacheMark):
        return value
    if isinstance(value, bool):
        return CacheMark() if value else None
    if isinstance(value, str):
        return CacheMark(value)
    raise ConfigError(f"{field} is {value!r}: give True, a lifetime such as '1h', or CacheMark", field=field)


def _seconds(value: Any, field: str) -> Any:
    check_seconds(value, field)
    return value


def _reuse(value: Any, field: str) -> Any:
    if isinstance(value, bool) or value == "refresh":
        return value
    if isinstance(value, int | float) and 0 <= value < math.inf:
        return float(value)
    raise ConfigError(f"{field} is {value!r}: give True, False, 'refresh' or a number of seconds", field=field)


CHECKS: Final[dict[str, Callable[[Any, str], Any]]] = {
    "temperature": _number(0, math.inf),
    "top_p": _number(0, 1),
    "top_k": _whole(0),
    "max_tokens": _whole(0),
    "stop": _texts,
    "seed": _typed(int, "a whole number"),
    "frequency_penalty": _number(-math.inf, math.inf),
    "presence_penalty": _number(-math.inf, math.inf),
    "logit_bias": _typed(dict[str, float], "a dict of token id (as text) to number", checked_object),
    "logprobs": _typed(bool, "True or False"),
    "top_logprobs": _whole(0),
    "n": _whole(1),
    "tools": _tools,
    "tool_choice": _typed(str, "'auto', 'none', 'required' or the name of a tool"),
    "parallel_tool_calls": _typed(bool, "True or False"),
    "reasoning": _reasoning,
    "verbosity": _typed(Verbosity, "'low', 'medium' or 'high'"),
    "output": _output,
    "cache": _cache,
    "service_tier": _typed(str, "a text"),
    "metadata": checked_object,
    "user": _typed(str, "a text"),
    "timeout": _seconds,
    "priority": _typed(Priority, "'interactive', 'normal' or 'batch'"),
    "reuse": _reuse,
    "extra": checked_object,
    "native": checked_object,
}
