"""
Handlers and middleware.

A handler *opens* an answer: it returns when the first content is there (or the whole body, for a plain call).  A
middleware takes a handler and returns one, so it sits before the first delivered event and never between events.  What
must happen at the very end (accounting, settling) is registered with `Context.at_end`, and runs exactly once.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Final, Protocol

import msgspec

from dragoman.errors import DragomanError
from dragoman.policy.deadline import Clocks
from dragoman.runtime import Runtime
from dragoman.secrets.secret import Secret
from dragoman.types.attempts import Attempt
from dragoman.types.events import Event
from dragoman.types.http import Notice
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse, FinishReason
from dragoman.types.usage import Usage


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """
    How a call ended.

    Attributes:
        finish_reason: Of the complete answer; None if it was not complete.
        usage: As far as the provider told.
        error: What went wrong, or None.  An answer that its reader left has neither error nor finish reason.
        provider: Name of the row that answered, or None if none did.
        model: Model name as sent, likewise.
        cost: US dollars of the complete answer, or None if a price is not known.
    """

    finish_reason: FinishReason | None = None
    usage: Usage = Usage()
    error: DragomanError | None = None
    provider: str | None = None
    model: str | None = None
    cost: Decimal | None = None


_NO_HEADERS: Final[Mapping[str, str]] = {}


class Context:
    """
    What belongs to one call and is not part of the request.

    Attributes:
        runtime: Clock and waits; the only way to wait.
        clocks: The call's deadlines.
        strict: Refuse to adapt instead of noticing.
        attempts: Ledger of the requests sent so far.
        notices: What was adapted so far.
        key: Idempotency key, the same for every attempt.
        waited: Seconds spent before the next request is sent, for its line in the ledger.
        paced: The part of them that was spent in the line of a limit.
        headers: Of the last answer, names in lower case; empty before there was one.
        credential: The key to use instead of the provider's own, or None.
        place: Where in the line of its limit the call stands again after it was refused, or None.
        cached: What the client's cache did: `hit`, `miss`...; None if it was not asked.
        extra_headers: Sent with every request of the call, beside those of its dialect; names in lower case.
        plan: The plan that the call is asked by (a `policy.route.way.Way`), or None where it is one model.
        most: How many lines the ledger may have when nothing is sent again; None where only the retry policy counts.
        patience: Seconds that one wait for a turn or another attempt may take; None for what the deadline allows.
        slots: Where the lines of this branch stand, for requests that are under way beside others; else None.
        exact: The request as another program has written it (an `exact.Exact`), or None.
        signal: Tells observers of what belongs to no call (`observe.base.Signal`), or None if nobody listens.
        encoded: The request as it was encoded last (a `call.Encoded`), so that no attempt does it again, or None.
    """

    plan: object | None = None
    most: int | None = None
    patience: float | None = None
    slots: list[int] | None = None
    exact: object | None = None
    encoded: object | None = None
    signal: Callable[..., None] | None = None
    waited = 0.0
    paced = 0.0
    headers: Mapping[str, str] = _NO_HEADERS
    credential: Secret | None = None
    place: object | None = None
    cached: str | None = None
    extra_headers: Mapping[str, str] = _NO_HEADERS
    _ending: Ending | None = None

    def __init__(self, runtime: Runtime, clocks: Clocks, *, strict: bool = False) -> None:
        self.runtime = runtime
        self.clocks = clocks
        self.strict = strict
        self.attempts: list[Attempt] = []
        self.notices: list[Notice] = []
        self.key = f"dragoman-{os.urandom(16).hex()}"
        self._hooks: list[Callable[[Ending], None]] = []

    def branch(self) -> Context:
        """
        Make the context of one of several ways to answer the same call.

        Ledger, deadlines, idempotency key and extra headers are the call's; notices and end are the branch's own.
        """
        other = Context(self.runtime, self.clocks, strict=self.strict)
        other.attempts, other.key, other.extra_headers = self.attempts, self.key, self.extra_headers
        other.plan, other.most, other.patience, other.slots = self.plan, self.most, self.patience, self.slots
        other.signal = self.signal
        return other

    def at_end(self, hook: Callable[[Ending], None]) -> None:
        """
        Have `hook` called once, when the answer is at its end, left, or failed; at once if it already is.

        It must not wait, and may be called in any thread.
        """
        if self._ending is None:
            self._hooks.append(hook)
        else:
            hook(self._ending)

    def end(self, ending: Ending) -> None:
        """Call the hooks, the first time; later calls do nothing."""
        if self._ending is None:
            self._ending = ending
            hooks, self._hooks = self._hooks, []
            for hook in hooks:
                hook(ending)


class Opened(Protocol):
    """
    An answer whose first content has arrived.

    Attributes:
        response: The whole answer of a plain call; None for a stream.
    """

    response: ChatResponse | None

    async def more(self) -> list[Event]:
        """Return the next events of a stream, the first ones included; an empty list at its end."""
        ...

    def folded(self) -> ChatResponse:
        """Return the answer so far."""
        ...

    def abandon(self) -> None:
        """Close the upstream now, if it is open.  Idempotent, never waits, from any thread."""
        ...


Handler = Callable[[ChatRequest, Context], Awaitable[Opened]]
Middleware = Callable[[Handler], Handler]
