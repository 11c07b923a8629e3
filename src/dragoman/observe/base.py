"""
What is seen of a call, and who looks.

An observer is told when a call begins, and gives back what is to be told of its end; one object, the `Call`, goes with
it all the way.  Nothing of it depends on the thread or task: a stream may begin in one and end in another.

Rule: what costs something (folding a stream, looking up an address) is done when an observer asks for it, once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Literal, Protocol

from dragoman.errors import DragomanError
from dragoman.observe.belonging import conversation
from dragoman.policy.base import Context, Ending, Opened
from dragoman.types.attempts import Attempt
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse, FinishReason
from dragoman.types.usage import Usage

Operation = Literal["chat", "embeddings", "count_tokens", "models", "raw"]
Signal = Literal["queue_depth", "circuit_state", "budget_remaining_usd", "gateway_overhead_seconds", "prefix_moved"]

OK = "ok"
LEFT = "left"  # the reader left the stream before its end
CANCELLED = "cancelled"  # Ctrl-C, or the task was cancelled, before there was an answer
HIT = "hit"
FAULT = "fault"  # an exception that is none of ours

_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Call:
    """
    One call.

    Attributes:
        operation: `chat`, `embeddings`, `count_tokens`, `models` or `raw`.
        asked: The model that was asked for, as it was written: `provider/model`.
        request: What was asked, for chat; else None.
        stream: Whether the answer comes as a stream.
        context: What belongs to the call: its key, which names it, and its ledger.
        conversation: Name of the conversation whose turn it answers; empty if it is no conversation's.
        at: When it began, in seconds since 1970.
        started: The same on the runtime's clock.

    At the end, besides:

    Attributes:
        status: `ok`, `left`, `cancelled`, `fault`, or the name of the error: `rate_limit`, `timeout`...
        error: What went wrong, or None.
        provider: Name of the row that answered, or was asked last; empty if there was none.
        model: Model name as sent, likewise.
        finish_reason: Of a complete answer, or None.
        usage: As far as the provider told.
        cost: US dollars of a complete answer, or None if a price is not known.
        first: Seconds to the first content of a stream, or None.
        waits: Seconds that the reader waited for each further piece of a stream.  Its own time between two pieces is
            not in them.
        seconds: From the beginning to the end.
        cached: What the client's cache did (`hit`, `miss`...); None if it was not asked.  A hit used and cost nothing.
    """

    __slots__ = (
        "_folded",
        "_ledger",
        "_locate",
        "asked",
        "at",
        "cached",
        "context",
        "conversation",
        "cost",
        "error",
        "finish_reason",
        "first",
        "model",
        "opened",
        "operation",
        "provider",
        "request",
        "seconds",
        "started",
        "status",
        "stream",
        "usage",
        "value",
        "waits",
    )

    def __init__(
        self,
        operation: Operation,
        asked: str,
        context: Context,
        at: float,
        *,
        request: ChatRequest | None = None,
        locate: Callable[[str], Provider | None] = lambda ref: None,
    ) -> None:
        self.operation: Operation = operation
        self.asked = asked
        self.request = request
        self.stream = request is not None and request.stream
        self.context = context
        self.conversation = conversation()
        self.at = at
        self.started = context.runtime.now()
        self.status = ""
        self.error: BaseException | None = None
        self.provider = ""
        self.model = ""
        self.finish_reason: FinishReason | None = None
        self.usage = _NO_USAGE
        self.cost: Decimal | None = None
        self.first: float | None = None
        self.waits: list[float] = []
        self.seconds = 0.0
        self.cached: str | None = None
        self.opened: Opened | None = None
        self.value: Any = None
        self._folded: ChatResponse | None = None
        self._ledger: Sequence[Attempt] = ()
        self._locate = locate

    # --- what follows from it ---------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Name of the call, the same as its idempotency key."""
        return self.context.key

    @property
    def asked_provider(self) -> str:
        """Left side of the reference, as it was written."""
        return self.asked.partition("/")[0] if "/" in self.asked else self.asked.partition(":")[0]

    @property
    def asked_model(self) -> str:
        """The rest of it."""
        return self.asked[len(self.asked_provider) + 1 :]

    @property
    def row(self) -> Provider | None:
        """The row of the provider that was asked, or None if it names none that is known."""
        return self._locate(self.asked)

    @property
    def attempts(self) -> Sequence[Attempt]:
        """Ledger of the requests so far; of a verb that makes several, all of them at its end."""
        return self._ledger or self.context.attempts

    @property
    def paced(self) -> float:
        """Seconds spent in the line of a limit."""
        seconds = 0.0
        for attempt in self.attempts:  # of which there is hardly ever more than one
            seconds += attempt.paced
        return seconds

    @property
    def response(self) -> ChatResponse | None:
        """The answer, or what came of it; None if nothing came.  A stream is folded for it."""
        if self._folded is None:
            if self.opened is not None:
                self._folded = self.opened.folded()
            elif isinstance(self.error, DragomanError):
                self._folded = self.error.partial
        return self._folded

    def again(self) -> Iterator[tuple[int, Attempt, Attempt]]:
        """(number of the later one, the attempt that failed, the one that followed it) for each that was repeated."""
        attempts = self.attempts
        for at in range(1, len(attempts)):
            yield at, attempts[at - 1], attempts[at]

    # --- its end ----------------------------------------------------------------------------------------------------

    def answered(self, opened: Opened, response: ChatResponse) -> None:
        """It was answered in one piece."""
        self.opened, self._folded = opened, response
        self.finish_reason, self.cost = response.finish_reason, response.cost
        self.usage = _NO_USAGE if response.cached else response.usage
        self._over(OK, response.provider, None)

    def gave(self, value: Any) -> None:
        """A verb that is not chat has its value."""
        self.value = value
        self.usage = getattr(value, "usage", None) or _NO_USAGE
        self.cost = getattr(value, "cost", None)
        self._ledger = getattr(value, "attempts", ())
        self._over(OK, getattr(value, "provider", None), None)

    def failed(self, error: BaseException) -> None:
        """It ended before there was an answer."""
        self.error = error
        if isinstance(error, DragomanError):
            if error.partial is not None:
                self.usage = error.partial.usage
            self._ledger = error.attempts
            self._over(status_of(type(error)), error.provider, error.model)
        else:
            self._over(FAULT if isinstance(error, Exception) else CANCELLED, None, None)

    def ended(self, ending: Ending) -> None:
        """A stream is at its end, was left, or failed."""
        self.error = ending.error
        self.finish_reason, self.usage, self.cost = ending.finish_reason, ending.usage, ending.cost
        if ending.error is not None:
            status = status_of(type(ending.error))
        else:
            status = LEFT if ending.finish_reason is None else OK
        provider = ending.provider
        if status == OK and self.cost is None and self.response is not None:
            self.cost = self.response.cost
            provider = provider or self.response.provider
        self._over(status, provider, ending.model)

    def _over(self, status: str, provider: str | None, model: str | None) -> None:
        self.status = status
        self.seconds = self.context.runtime.now() - self.started
        attempts = self.attempts
        self.cached = self.context.cached or (HIT if self._folded is not None and self._folded.cached else None)
        last = attempts[-1] if attempts else None
        self.provider = provider or (last.provider if last else "")
        self.model = model or (last.model if last else "")
        if not self.model and self.provider:
            self.model = self.asked_model


_NO_USAGE = Usage()

End = Callable[[Call], None]
"""What is told of the end of a call."""


class Observer(Protocol):
    """
    Looks at calls.  It must not wait, and may be called in any thread; what it raises is logged and forgotten.

    An observer that also has `signal(name, value, labels)` is told of what belongs to no call: `queue_depth` (by how
    many a line has grown), `circuit_state` (0 closed, 1 half open, 2 open), `budget_remaining_usd`,
    `gateway_overhead_seconds`, and `prefix_moved` (a window changed what the prompt of a conversation begins with).
    """

    def begin(self, call: Call) -> End | None:
        """A call begins.  What is returned is called once, when it is over."""
        ...


class SignalObserver(Protocol):
    """An observer that is told of signals."""

    def signal(self, name: Signal, value: float, labels: Mapping[str, str]) -> None:
        """Something has changed that belongs to no call."""
        ...


def status_of(kind: type[DragomanError]) -> str:
    """
    The name of an error as a status.

    >>> from dragoman.errors import RateLimitError
    >>> status_of(RateLimitError)
    'rate_limit'
    """
    return _status(kind.__name__)


@cache
def _status(name: str) -> str:
    return _HUMPS.sub("_", name.removesuffix("Error") or name).lower()
