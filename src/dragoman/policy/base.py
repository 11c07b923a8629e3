"""
Handlers and middleware.

A handler *opens* an answer: it returns when the first content is there (or the whole body, for a plain call).  A
middleware takes a handler and returns one, so it sits before the first delivered event and never between events.  What
must happen at the very end (accounting, settling) is registered with `Context.at_end`, and runs exactly once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import uuid4

import msgspec

from dragoman.errors import DragomanError
from dragoman.policy.deadline import Clocks
from dragoman.runtime import Runtime
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
    """

    finish_reason: FinishReason | None = None
    usage: Usage = Usage()
    error: DragomanError | None = None


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
    """

    def __init__(self, runtime: Runtime, clocks: Clocks, *, strict: bool = False) -> None:
        self.runtime = runtime
        self.clocks = clocks
        self.strict = strict
        self.attempts: list[Attempt] = []
        self.notices: list[Notice] = []
        self.key = f"dragoman-{uuid4().hex}"
        self.waited = 0.0
        self._hooks: list[Callable[[Ending], None]] = []

    def at_end(self, hook: Callable[[Ending], None]) -> None:
        """Have `hook` called once, when the answer is at its end, left, or failed.  It must not wait."""
        self._hooks.append(hook)

    def end(self, ending: Ending) -> None:
        """Call the hooks, the first time; later calls do nothing."""
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
