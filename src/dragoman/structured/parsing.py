"""
Ask for a value, read it, and ask again with the errors.

Rule: the number of answers is bounded, and so is the time: later ones get what the first has left of the call's.  Each
answer is in the ledger, and what it cost in the sum.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from decimal import Decimal
from typing import Any, Final

import msgspec

from dragoman.errors import (
    ConfigError,
    ContentFilterError,
    DragomanError,
    RefusalError,
    SchemaError,
    TruncatedError,
)
from dragoman.structured.reading import Misfit, Reading, given_by_tool
from dragoman.types.http import Notice
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest, OutputFormat
from dragoman.types.responses import ChatResponse, FinishReason
from dragoman.types.usage import Usage

ATTEMPTS: Final = 3
"""Answers that a model may give by default: the first, and two after it was told what is wrong."""

Ask = Callable[[ChatRequest], Awaitable[ChatResponse]]


async def parse(
    ask: Ask, request: ChatRequest, *, attempts: int = ATTEMPTS, now: Callable[[], float], until: float | None
) -> ChatResponse:
    """
    Return an answer with its `output`.

    Args:
        ask: Sends one request and returns its whole answer.
        request: Its `output` has a type.
        attempts: Most answers that the model may give.
        now: The clock, in seconds.
        until: When they must all be there, on that clock; None for no limit.

    Raises:
        ConfigError: The type cannot be held to, or `attempts` is no whole number of 1 or more; nothing was sent.
        SchemaError: No answer satisfies the type; `.answers` has them all.
        TruncatedError: The answer broke off; `.partial` has what came.
        RefusalError: The model refused.
        ContentFilterError: The provider's filter stopped the answer.
        DragomanError: As `Client.chat`.
    """
    if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
        raise ConfigError(f"attempts is {attempts!r}: give a whole number, 1 or more", field="attempts")
    form = request.output
    assert form is not None  # whoever calls has seen that it is typed
    reading = Reading(form)
    answers: list[ChatResponse] = []
    asked = request
    while True:
        answers.append(await _asked(ask, asked, answers))
        try:
            return conclude(reading, form, answers)
        except Misfit as misfit:
            left = None if until is None else until - now()
            if len(answers) >= attempts or (left is not None and left <= 0):
                raise schema_error(form, answers, misfit) from None
            asked = _again(request, answers[-1], misfit, left)


async def _asked(ask: Ask, request: ChatRequest, answers: list[ChatResponse]) -> ChatResponse:
    """One answer; an error knows of those before it."""
    try:
        return await ask(request)
    except DragomanError as error:
        if answers:
            error.attempts = (*(attempt for answer in answers for attempt in answer.attempts), *error.attempts)
            error.partial = error.partial or merged(answers)
        raise


def conclude(reading: Reading, form: OutputFormat, answers: list[ChatResponse]) -> ChatResponse:
    """
    Read the last answer; those before it were not right.

    An answer that calls tools has no value yet: it is returned with none.

    Raises:
        Misfit: It is not the value that was asked for.
        DragomanError: It ended in a way in which it cannot be.
    """
    answer = answers[-1]
    _check_end(answer, form, answers)
    if answer.tool_calls and given_by_tool(answer) is None:
        return merged(answers)
    value = reading.of(answer)
    return msgspec.structs.replace(merged(answers), output=value)


# --- how it ended -----------------------------------------------------------------------------------------------------

_ENDS: Final[dict[FinishReason, tuple[type[DragomanError], str]]] = {
    "length": (TruncatedError, "the answer hit the output limit before {name} was whole: raise max_tokens"),
    "pause": (TruncatedError, "the answer paused before {name} was whole"),
    "error": (TruncatedError, "the provider broke off before {name} was whole"),
    "refusal": (RefusalError, "the model refused to write {name}"),
    "content_filter": (ContentFilterError, "the provider's content filter stopped the answer with {name}"),
}


def _check_end(answer: ChatResponse, form: OutputFormat, answers: list[ChatResponse]) -> None:
    reason: FinishReason = answer.finish_reason
    if answer.refusal and not answer.text:
        reason = "refusal"
    if reason not in _ENDS:
        return
    kind, words = _ENDS[reason]
    message = words.format(name=_called(form))
    if reason == "refusal" and answer.refusal:
        message += f": {answer.refusal[:500]}"
    raise kind(message, **_facts(answers))


def _called(form: OutputFormat) -> str:
    return form.name or ("the JSON" if form.kind == "json_object" else "the value")


def _facts(answers: list[ChatResponse]) -> dict[str, Any]:
    whole = merged(answers)
    model = whole.attempts[-1].model if whole.attempts else whole.model
    return {
        "provider": whole.provider,
        "model": model,
        "request_id": whole.request_id,
        "attempts": whole.attempts,
        "partial": whole,
    }


def schema_error(form: OutputFormat, answers: list[ChatResponse], misfit: Misfit) -> SchemaError:
    """The error that says why the last answer is none."""
    times = f"{len(answers)} answers" if len(answers) > 1 else "the answer"
    shown = "; ".join(misfit.errors[:3])
    more = f" (and {len(misfit.errors) - 3} more)" if len(misfit.errors) > 3 else ""
    error = SchemaError(f"{_called(form)} did not come in {times}: {shown}{more}", **_facts(answers))
    error.errors, error.answers = misfit.errors, tuple(answers)
    return error


# --- asking again -----------------------------------------------------------------------------------------------------


def _again(request: ChatRequest, answer: ChatResponse, misfit: Misfit, left: float | None) -> ChatRequest:
    """The question, the last answer, and what is wrong with it; never the whole history, which would grow."""
    errors = "\n".join(f"- {error}" for error in misfit.errors)
    words = f"This JSON does not fit. What is wrong with it:\n{errors}\n\nWrite the whole JSON again, corrected."
    said = (answer.message,) if answer.message.parts else ()
    # A call must be answered by its result, and by nothing else.
    told = [Message.tool(call, words, is_error=True) for call in answer.tool_calls] or [Message.user(words)]
    asked = request.directed(messages=(*request.messages, *said, *told))
    return asked if left is None else msgspec.structs.replace(asked, timeout=left)


# --- all answers together ---------------------------------------------------------------------------------------------


def merged(answers: list[ChatResponse]) -> ChatResponse:
    """The last answer, with the ledger, usage and cost of all."""
    last = answers[-1]
    if len(answers) == 1:
        return last
    notices = dict.fromkeys(notice for answer in answers for notice in answer.notices)
    mended = Notice("output", f"{len(answers) - 1} answers before this one did not fit", adapted=False)
    return msgspec.structs.replace(
        last,
        usage=_sum_usage([answer.usage for answer in answers]),
        cost=_sum([answer.cost for answer in answers]),
        cost_parts=None,
        attempts=tuple(attempt for answer in answers for attempt in answer.attempts),
        notices=(*notices, mended),
    )


def _sum_usage(usages: list[Usage]) -> Usage:
    names = [name for name in Usage.__struct_fields__ if name != "details"]
    return Usage(**{name: _sum([getattr(usage, name) for usage in usages]) for name in names})


def _sum(numbers: Iterable[Any]) -> Any:
    """The sum, or None where one is not known."""
    known = list(numbers)
    return None if None in known else sum(known, Decimal(0) if isinstance(known[0], Decimal) else 0)
