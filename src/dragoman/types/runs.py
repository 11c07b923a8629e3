"""
A run with tools: what it gives, and the events that are not the model's.

A round is one answer of the model.  A run has as many as the model needs: as long as it calls tools, they are run and
their results sent back.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.attempts import Attempt
from dragoman.types.cost import Cost
from dragoman.types.events import Event
from dragoman.types.messages import Message, ToolCall, ToolResult
from dragoman.types.requests import SettingsDict
from dragoman.types.responses import ChatResponse
from dragoman.types.timeouts import check_seconds
from dragoman.types.usage import Usage


class RoundStarted(msgspec.Struct, frozen=True, tag_field="event", tag="round"):
    """The model is asked again; `number` counts from 1."""

    number: int


class ToolStarted(msgspec.Struct, frozen=True, tag_field="event", tag="tool_started"):
    """A tool begins to run.  `call` is what the model asked for, or what the approval hook made of it."""

    call: ToolCall


class ToolEnded(msgspec.Struct, frozen=True, tag_field="event", tag="tool_ended"):
    """
    A call has its result.  Calls that were not run (no such tool, bad arguments, denied) have no `ToolStarted`.

    Attributes:
        call: The call.
        result: What the model is told; `is_error` where it failed.
        seconds: How long the tool ran.
    """

    call: ToolCall
    result: ToolResult
    seconds: float = 0.0


RunEvent = Event | RoundStarted | ToolStarted | ToolEnded
"""One piece of a streamed run."""


class RunResponse(ChatResponse, frozen=True, kw_only=True, omit_defaults=True):
    """
    The last answer of a run, with what all its rounds have used.

    `usage`, `cost`, `attempts` and `notices` are those of all rounds together; everything else is the last answer's.

    Attributes:
        messages: The whole exchange, from the first message that was given to this answer.  Every tool call in it
            has a result, so it can be asked further as it is.
        rounds: Each answer of the model, in order, with its own usage and cost.
    """

    messages: tuple[Message, ...] = ()
    rounds: tuple[ChatResponse, ...] = ()


Approval = bool | str | Mapping[str, Any]
"""Yes or no; a text is a no with its reason; a mapping is a yes with other arguments."""

Approve = Callable[[ToolCall], "Approval | Awaitable[Approval]"]
"""Asked before each call that could be made, one after another."""

OnError = Literal["tell", "raise"] | Callable[[ToolCall, BaseException], "str | Awaitable[str]"]
"""What happens when a tool fails: the model is told, the run stops, or the model is told what the function says."""


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a run goes.

    Attributes:
        max_rounds: How many answers the model may give, the last one included.
        max_cost: US dollars.  No further round is begun when they are spent; the last one may go beyond.
        parallel: How many tools may run at once.
        tool_timeout: Seconds for one call of a tool that has no `timeout` of its own; None for what the run has left.
        approve: Asked before each call; see `Approve`.
        on_error: What happens when a tool fails; see `OnError`.

    Raises:
        ConfigError: A value that cannot be; `.field` names it.
    """

    max_rounds: int = 10
    max_cost: float | Decimal | None = None
    parallel: int = 8
    tool_timeout: float | None = None
    approve: Approve | None = None
    on_error: OnError = "tell"

    def __post_init__(self) -> None:
        check_seconds(self.tool_timeout, "tool_timeout")
        _check_whole(self.max_rounds, "max_rounds")
        _check_whole(self.parallel, "parallel")
        _check_cost(self.max_cost)
        if self.approve is not None and not callable(self.approve):
            raise ConfigError(f"approve is {self.approve!r}: give a function of a ToolCall", field="approve")
        if self.on_error not in ("tell", "raise") and not callable(self.on_error):
            raise ConfigError(f"on_error is {self.on_error!r}: give 'tell', 'raise' or a function", field="on_error")


def _check_whole(value: object, field: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{field} is {value!r}: give a whole number, 1 or more", field=field)


def _check_cost(value: object) -> None:
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if value is not None and not (number and math.isfinite(value) and value > 0):  # type: ignore[arg-type, operator]
        raise ConfigError(f"max_cost is {value!r}: give US dollars, more than 0", field="max_cost")


class RunDict(SettingsDict, total=False):
    """Keywords of a run: `RunOptions`, and all settings of a call."""

    max_rounds: int
    max_cost: float | Decimal | None
    parallel: int
    tool_timeout: float | None
    approve: Approve | None
    on_error: OnError


def run_options(keywords: Mapping[str, Any]) -> tuple[RunOptions, dict[str, Any]]:
    """Part keywords into options of the run and settings of its calls."""
    names = RunOptions.__struct_fields__
    options = {name: value for name, value in keywords.items() if name in names and value is not None}
    return RunOptions(**options), {name: value for name, value in keywords.items() if name not in names}


def run_response(
    rounds: Sequence[ChatResponse], messages: tuple[Message, ...], attempts: tuple[Attempt, ...]
) -> RunResponse:
    """The answers of all rounds as one; the last gives everything that cannot be added."""
    last = rounds[-1]
    values = {name: getattr(last, name) for name in ChatResponse.__struct_fields__}
    values |= {
        "usage": summed_usage([answer.usage for answer in rounds]),
        "cost": total_cost(rounds),
        "cost_parts": _summed_parts([answer.cost_parts for answer in rounds]),
        "attempts": attempts,
        "notices": tuple(dict.fromkeys(notice for answer in rounds for notice in answer.notices)),
        "messages": messages,
        "rounds": tuple(rounds),
    }
    return RunResponse(**values)


def total_cost(answers: Iterable[ChatResponse]) -> Decimal | None:
    """US dollars of all; None if the price of one is not known."""
    costs = [answer.cost for answer in answers]
    known = [cost for cost in costs if cost is not None]
    return sum(known, start=Decimal(0)) if len(known) == len(costs) else None


# What a provider that says nothing of it has most likely not done; of the two totals that cannot be said.
_PARTS: Final = (
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
)


def summed_usage(usages: Sequence[Usage]) -> Usage:
    """
    Tokens of several answers together.

    A total is None if one answer does not say it; a part of a total, if none does.  `details` stays with each answer.
    """
    if len(usages) == 1:
        return usages[0]
    parts: dict[str, Any] = {name: _known([getattr(usage, name) for usage in usages]) for name in _PARTS}
    return Usage(
        input_tokens=_all([usage.input_tokens for usage in usages]),
        output_tokens=_all([usage.output_tokens for usage in usages]),
        **parts,
    )


def _all(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _known(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _summed_parts(bills: Sequence[Cost | None]) -> Cost | None:
    known = [bill for bill in bills if bill is not None]
    if len(known) < len(bills):
        return None
    names = Cost.__struct_fields__
    return Cost(**{name: sum((getattr(bill, name) for bill in known), start=Decimal(0)) for name in names})
