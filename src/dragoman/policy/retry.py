"""
Sending again, knowingly.

One owner: this middleware is the only place that repeats a request, and every attempt stands in the call's ledger.  It
sits before the first delivered event; nothing is ever repeated after that.

What is repeated: a connection that could not be made, a status that says "later" (408, 409, 425, 429, 5xx, 529) or an
error event that says the same before any content, and, once, a connection that ended before a valid status line came.
What is not: a clock that ran out after sending, a quota, a bad request or key, an answer that was cut.  The provider's
word (`x-should-retry`, `Retry-After`) decides where it has one.

A storm is stopped by a budget for each provider: repeats cost a token, successes and time earn some back, so that a
total outage is not met with three times the load.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import uuid4

import msgspec

from dragoman.errors import ConfigError, DragomanError, StreamInterrupted
from dragoman.policy.base import Context, Handler, Middleware, Opened
from dragoman.types.requests import ChatRequest

T = TypeVar("T")


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """
    How often and how soon a request is sent again.

    The wait before attempt n + 1 is random between 0 and `min(cap, base * 2 ** n)` seconds (full jitter); a provider's
    `Retry-After` is obeyed instead.  A wait that does not fit the call's deadline is not begun: the error is raised at
    once, with `retry_after` where the provider gave one.

    Attributes:
        attempts: Requests for one call at the most, the first included.
        base: Seconds, see above.
        cap: Seconds, see above.
        unanswered: How often to send again after the connection ended before any answer, although the provider may have
            begun to work (and to charge).

    Source of the jitter: M. Brooker, "Exponential Backoff And Jitter".
    """

    attempts: int = 3
    base: float = 0.5
    cap: float = 30.0
    unanswered: int = 1

    def __post_init__(self) -> None:
        for name, low in (("attempts", 1), ("base", 0), ("cap", 0), ("unanswered", 0)):
            value: object = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or value < low:
                raise ConfigError(f"retry.{name} is {value!r}: give a number of {low} or more", field=f"retry.{name}")

    def delay(self, attempt: int, error: DragomanError, rnd: float, unanswered: int = 0) -> float | None:
        """
        Seconds before the next attempt, or None to give up.

        Args:
            attempt: Number of the attempt that failed, from 0.
            error: How.
            rnd: A random number from 0 to 1.
            unanswered: How many attempts of this call have already ended without an answer.
        """
        if attempt + 1 >= self.attempts or not self._again(error, unanswered):
            return None
        if error.retry_after is not None:
            return error.retry_after
        return rnd * min(self.cap, self.base * 2.0**attempt)

    def _again(self, error: DragomanError, unanswered: int) -> bool:
        if isinstance(error, StreamInterrupted):
            return not error.answered and unanswered < self.unanswered
        return error.retryable


class RetryBudget:
    """
    Tokens that repeats cost, for one provider.  Thread-safe.

    Begins with `size`; a success earns `per_success`, each second `per_second`, up to `size` again.
    """

    def __init__(self, size: float = 10.0, per_success: float = 0.2, per_second: float = 0.05) -> None:
        self._size = size
        self._per_success = per_success
        self._per_second = per_second
        self._tokens = size
        self._at: float | None = None
        self._lock = threading.Lock()

    def take(self, now: float) -> bool:
        """Pay for one repeat; False if there is nothing left."""
        with self._lock:
            if self._at is not None:
                self._earn((now - self._at) * self._per_second)
            self._at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True

    def succeeded(self) -> None:
        """A request was answered."""
        with self._lock:
            self._earn(self._per_success)

    def _earn(self, tokens: float) -> None:
        self._tokens = min(self._size, self._tokens + tokens)


class Repeater:
    """
    Carries a policy out, for one client: chat goes through `wrap`, everything else through a call of it.

    Args:
        policy: What is decided by; None for never.
    """

    def __init__(self, policy: Retry | None) -> None:
        self._policy = policy or Retry(attempts=1)
        self._budgets: dict[str, RetryBudget] = {}

    @property
    def attempts(self) -> int:
        """Requests for one call at the most."""
        return self._policy.attempts

    def wrap(self, handler: Handler) -> Handler:
        """The middleware."""

        def handle(request: ChatRequest, context: Context) -> Awaitable[Opened]:
            return self(lambda: handler(request, context), context)

        return handle

    async def __call__(self, once: Callable[[], Awaitable[T]], context: Context) -> T:
        """Do what makes one request, until it succeeds or should not be done again."""
        attempt = unanswered = 0
        while True:
            try:
                value = await once()
            except DragomanError as error:
                wait = self._policy.delay(attempt, error, chance(), unanswered)
                if wait is None or _spent(context):
                    raise
                if context.place is not None:  # the wait is that of the line in which it has a place
                    attempt += 1
                    continue
                if not _affordable(wait, self._budgets, error, context):
                    raise
                unanswered += isinstance(error, StreamInterrupted)
                attempt += 1
                context.waited = wait
                await context.runtime.sleep(wait)
                continue
            if attempt or self._budgets:
                self._succeeded(context)
            return value

    def _succeeded(self, context: Context) -> None:
        for attempted in context.attempts[-1:]:
            if attempted.provider in self._budgets:
                self._budgets[attempted.provider].succeeded()


def retrying(policy: Retry) -> Middleware:
    """Make the middleware that carries `policy` out."""
    return Repeater(policy).wrap


def _spent(context: Context) -> bool:
    """
    Whether the call has no request left for this target.

    Several targets share the attempts of a call: each leaves one for every target that may be asked after it.
    """
    return context.most is not None and len(context.attempts) >= context.most


def _affordable(wait: float, budgets: dict[str, RetryBudget], error: DragomanError, context: Context) -> bool:
    """Whether the wait fits the call's deadline, its patience and the provider's budget."""
    now, until = context.runtime.now(), context.clocks.total_until
    if until is not None and now + wait >= until:
        return False
    if context.patience is not None and wait > context.patience:
        return False
    return budgets.setdefault(error.provider or "", RetryBudget()).take(now)


def chance() -> float:
    """A random number from 0 to 1, that no seed of the program makes the same in many processes."""
    return (uuid4().int >> 80) / 2**48
