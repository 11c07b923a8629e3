"""
The middleware that waits for its turn, innermost of all: one turn, one request.

A refusal for a limit is not slept off here or by the retry: the call is given a place at the head of the line
(`context.place`), the retry asks again at once, and the wait happens in that line.

Rule: nothing is waited for that cannot be in time.  Such a call fails at once with the wait that it would have taken.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar, cast

from dragoman.errors import DeadlineError, DragomanError
from dragoman.policy.base import Context, Ending, Handler, Opened
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.cost import Estimator, actual
from dragoman.policy.limit.grants import Cost, Refuse
from dragoman.policy.limit.headers import Dialect, Snapshot, snapshots
from dragoman.policy.limit.limiter import ScopeKey
from dragoman.policy.limit.pacer import Pacer, Permit, Place, ProcessPacer
from dragoman.policy.limit.queue import counted
from dragoman.policy.limit.refusals import refusal
from dragoman.policy.limit.turns import Priority
from dragoman.types.messages import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from dragoman.types.requests import ChatRequest
from dragoman.types.usage import Usage

T = TypeVar("T")

_log: Final = logging.getLogger("dragoman.limit")


# Seconds for which an answer that tells of plenty, or nothing, speaks for those that follow it.
_CALM: Final = 0.01
_PLENTY: Final = 0.75


class Subject:
    """
    What a limit is about, and what is known of its costs.

    Attributes:
        key: What the provider counts together.
        dialect: How it writes its limits.
        limits: Those that the user knows.
        estimator: Of one model's costs.
    """

    __slots__ = ("_calm_until", "dialect", "estimator", "key", "limits", "warned")

    def __init__(self, key: ScopeKey, dialect: Dialect, limits: Sequence[Limit] = ()) -> None:
        self._calm_until = 0.0
        self.key = key
        self.dialect = dialect
        self.limits = limits
        self.estimator = Estimator()
        self.warned = False

    def told(self, context: Context) -> Sequence[Snapshot]:
        """What the last answer says of limits; while there is plenty, not every answer is asked."""
        now = context.runtime.now()
        if now < self._calm_until:
            return ()
        told = snapshots(self.dialect, context.headers)
        self._calm_until = now + _CALM if all(map(_plenty, told)) else 0.0
        return told

    def warn(self, max_tokens: int | None) -> None:
        """Say once, in the log, that `max_tokens` alone makes the limit much smaller than it could be."""
        if max_tokens is not None and not self.warned and self.estimator.wasteful(max_tokens, self.dialect):
            self.warned = True
            _log.warning(
                "%s charges max_tokens=%s against its limit of tokens, and %s answers with %d or so: a smaller "
                "max_tokens lets more calls through",
                self.key.provider,
                max_tokens,
                self.key.pool,
                self.estimator.output,
            )


class Pacing:
    """
    Paces the calls of one client.

    Args:
        pacer: Knows whose turn it is.
        subject: What limit a call to this model falls under, or None for one without any.
    """

    def __init__(self, pacer: Pacer, subject: Callable[[str, Context], Subject | None]) -> None:
        self._pacer = pacer
        self._subject = subject

    def rate(self, model: str, unit: str, context: Context) -> float | None:
        """How many of a unit each second calls to this model may take; None where that is not known in this process."""
        subject, pacer = self._subject(model, context), self._pacer
        if subject is None or not isinstance(pacer, ProcessPacer):
            return None
        return pacer.rate(subject.key, unit, context.runtime.now())

    def wrap(self, handler: Handler) -> Handler:
        """The middleware for chat."""

        async def handle(request: ChatRequest, context: Context) -> Opened:
            subject = self._subject(request.model, context)
            if subject is None:
                return await handler(request, context)
            chars, most = length_of(request), request.max_tokens
            cost = subject.estimator.estimate(chars, most, subject.dialect)
            permit = await self._permit(subject, cost, request.priority or "normal", context)
            try:
                opened = await handler(request, context)
            except BaseException as error:
                _ended(permit, error, subject, context)
                raise
            told = subject.told(context)
            if opened.response is not None:
                _settle(permit, subject, chars, most, Ending(usage=opened.response.usage), told)
            else:
                if told:
                    permit.heard(told)
                context.at_end(partial(_settle, permit, subject, chars, most))
            return opened

        return handle

    async def plain(
        self, once: Callable[[], Awaitable[T]], model: str, chars: int, context: Context, priority: Priority = "normal"
    ) -> T:
        """
        Do what makes one request that is not chat, in its turn.

        Args:
            once: What makes it.
            model: `provider/model`, or `provider/` where it is about none.
            chars: Length of its texts.
            context: The call.
            priority: Class.
        """
        subject = self._subject(model, context)
        if subject is None:
            return await once()
        prompt = max(1.0, chars / subject.estimator.chars_per_token)
        cost = {"requests": 1.0, "tokens": prompt, "input": prompt}
        permit = await self._permit(subject, cost, priority, context)
        value = await _under(permit, once, subject, context)
        usage: Usage = getattr(value, "usage", None) or Usage()
        tokens = usage.input_tokens
        spent = None if tokens is None else {"tokens": float(tokens), "input": float(tokens)}
        permit.settled(spent, subject.told(context))
        return value

    async def _permit(self, subject: Subject, cost: Cost, priority: Priority, context: Context) -> Permit:
        """
        Wait for leave.

        Raises:
            DeadlineError: It would not come in time.
        """
        runtime, place, until = context.runtime, context.place, _until(context)
        if context.signal is not None:
            runtime = counted(runtime, partial(context.signal, "queue_depth", provider=subject.key.provider))
        if place is None:
            got = await self._pacer.admit(subject.key, subject.limits, cost, runtime, priority, until)
            if type(got) is not Refuse:
                context.paced += cast("Permit", got).waited
                context.waited += cast("Permit", got).waited
        else:
            context.place = None
            since = runtime.now()
            got = await self._pacer.again(cast("Place", place), runtime)
            waited = runtime.now() - since
            context.paced += waited
            context.waited += waited
        if type(got) is Refuse:
            raise _too_late(got, subject.key, context)
        return cast("Permit", got)


async def _under(permit: Permit, once: Callable[[], Awaitable[T]], subject: Subject, context: Context) -> T:
    """Do what was permitted; what fails gives its permit back."""
    try:
        return await once()
    except BaseException as error:
        _ended(permit, error, subject, context)
        raise


def _ended(permit: Permit, error: BaseException, subject: Subject, context: Context) -> None:
    if isinstance(error, DragomanError):
        _failed(permit, error, subject, context)
    else:
        permit.released()


def _until(context: Context) -> float | None:
    """When the request must have gone: before the deadline, or sooner where another target may be asked instead."""
    total = context.clocks.total_until
    if context.patience is None:
        return total
    soon = context.runtime.now() + context.patience
    return soon if total is None else min(soon, total)


def _failed(permit: Permit, error: DragomanError, subject: Subject, context: Context) -> None:
    """If it was refused for a limit, the call is given a place in the line, or is told why it is given none."""
    said = refusal(error)
    if said is None:
        permit.released()
        return
    told = snapshots(subject.dialect, context.headers)
    place = permit.refused(said, told, _until(context))
    if type(place) is not Refuse:
        context.place = place
        context.at_end(lambda ending: cast("Place", place).leave())
    elif place.reason == "too_large":
        error.retryable = False  # it is larger than the limit itself
    elif error.retry_after is None:
        error.retry_after = place.wait


def _settle(
    permit: Permit, subject: Subject, chars: int, max_tokens: int | None, ending: Ending, told: Sequence[Snapshot] = ()
) -> None:
    """What it really cost; a settled answer teaches what the next will cost."""
    usage = ending.usage
    if usage.input_tokens is not None and ending.error is None:
        subject.estimator.learn(chars, usage)
        subject.warn(max_tokens)
    permit.settled(actual(usage, max_tokens, subject.dialect), told)


def _plenty(shot: Snapshot) -> bool:
    return shot.limit is not None and shot.remaining is not None and shot.remaining >= _PLENTY * shot.limit


def _too_late(refused: Refuse, key: ScopeKey, context: Context) -> DeadlineError:
    left = (_until(context) or float("inf")) - context.runtime.now()
    limit = f"its limit on {refused.dimension}" if refused.dimension else "its limits"
    return DeadlineError(
        f"{limit} would let the call go in {refused.wait or 0.0:.1f} s, and {max(0.0, left):.1f} s are left for all "
        "of it: nothing was sent; raise timeout=, or send less at once",
        provider=key.provider,
        model=key.pool or None,
        retry_after=refused.wait,
        attempts=tuple(context.attempts),
    )


# --- how long a prompt is ---------------------------------------------------------------------------------------------

# In characters: what a picture, a page or some seconds of sound take, as many tokens as providers charge for one of
# medium size.  The first answers correct it.
_MEDIUM: Final = 3000


def length_of(request: ChatRequest) -> int:
    """Characters of a prompt, tools included; media count as a text of medium length."""
    total = 0
    for message in request.messages:
        for part in message.parts:
            total += len(part.text) if type(part) is Text else _part(part)
    for tool in request.tools or ():
        total += len(tool.name) + len(tool.description or "") + 40 * len(tool.parameters or ())
    return total


def _part(part: Part) -> int:
    if type(part) is Text:
        return len(part.text)
    return _LENGTHS[type(part)](part)


def _results(part: ToolResult) -> int:
    return sum(_part(inner) for inner in part.parts)


def _medium(part: object) -> int:
    return _MEDIUM


def _text(part: Reasoning | Refusal) -> int:
    return len(part.text)


def _call(part: ToolCall) -> int:
    return len(part.name) + len(part.arguments_json)


_LENGTHS: Final[dict[type, Callable[..., int]]] = {
    Reasoning: _text,
    Refusal: _text,
    ToolCall: _call,
    ToolResult: _results,
    Image: _medium,
    Audio: _medium,
    File: _medium,
    Opaque: _medium,
}
