"""
A fault: what goes wrong, and what a right client makes of it.

Rule: a fault is data.  `make` is a pure function from the ordinary answer to what the server does; what the client owes
is in `plain` and `stream`, so that one test runs all faults against any client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, Literal

import msgspec

from dragoman.errors import Clock
from dragoman.testing.connection import Reply
from dragoman.testing.faults.actions import Action, play
from dragoman.testing.faults.ordinary import TEXT, Ordinary
from dragoman.testing.routes import ROUTES
from dragoman.types.responses import ChatResponse

Make = Callable[[Ordinary], Iterable[Action]]

ALL: Final = frozenset(route.wire for route in ROUTES)
"""Every dialect that the server speaks."""
SSE: Final = frozenset(route.wire for route in ROUTES if route.stream_type.startswith("text/event-stream"))
"""Those that stream server-sent events."""
AWS: Final = frozenset({"bedrock-converse", "bedrock-anthropic"})
"""Those whose streams are binary."""
TEXT_FRAMES: Final = ALL - AWS
"""Those whose frames are text."""


class Expects(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a right client does.

    Attributes:
        errors: Names of the classes of which one is raised, or a subclass of it; empty: the whole answer arrives.
        answer: Which answer arrives whole, or in part before the error.
        partial: Whether text was delivered before the error: none of it, some of it, or either.
        or_whole: Whether the whole answer is right as well, instead of the error.
        clocks: For a timeout, which clock may have run out; empty for any.
        retryable: What the error says of trying again; None for either.
        retry_after: Seconds that the error says to wait; UNSET for any.
        once: Whether the request must have been sent exactly once, however many attempts the client may make.
    """

    errors: tuple[str, ...] = ()
    answer: Literal["text", "tools"] = "text"
    partial: Literal["none", "some", "any"] = "none"
    or_whole: bool = False
    clocks: tuple[Clock, ...] = ()
    retryable: bool | None = None
    retry_after: float | msgspec.UnsetType | None = msgspec.UNSET
    once: bool = False


class Fault(msgspec.Struct, frozen=True):
    """
    One thing that goes wrong.

    Attributes:
        name: What it is asked for by.
        meaning: What the server does, in one sentence.
        source: Where it was seen, or which rule says it may happen.
        make: The ordinary answer to what is done.
        plain: What a client that asked for a plain answer does; None if it cannot happen to one.
        stream: The same for a stream.
        wires: Dialects in which it can happen.
    """

    name: str
    meaning: str
    source: str
    make: Make
    plain: Expects | None
    stream: Expects | None
    wires: frozenset[str] = ALL

    def expects(self, *, streamed: bool) -> Expects | None:
        """What is expected of a plain or a streamed call; None if the fault cannot happen to it."""
        return self.stream if streamed else self.plain


class FaultStep(msgspec.Struct, frozen=True):
    """Answers one request with a fault.  A request that the fault cannot happen to gets the ordinary answer."""

    fault: Fault
    answer: ChatResponse = TEXT

    async def play(self, reply: Reply) -> None:
        ordinary = Ordinary(reply.request, reply.wire, self.answer)
        happens = reply.wire.name in self.fault.wires and self.fault.expects(streamed=ordinary.streamed)
        reply.started = True  # from here on the bytes are the fault's own
        await play(self.fault.make(ordinary) if happens else ordinary.whole(), reply)


# --- what is expected most often --------------------------------------------------------------------------------------

WHOLE: Final = Expects()
WHOLE_TOOLS: Final = Expects(answer="tools")
CUT: Final = Expects(errors=("StreamInterrupted",))
CUT_SOME: Final = Expects(errors=("StreamInterrupted",), partial="some")
CUT_ANY: Final = Expects(errors=("StreamInterrupted",), partial="any")
CUT_TOOLS: Final = Expects(errors=("StreamInterrupted",), answer="tools")
NONSENSE: Final = Expects(errors=("WireError",))
NONSENSE_SOME: Final = Expects(errors=("WireError",), partial="some")
BROKEN: Final = Expects(errors=("WireError", "StreamInterrupted"))
BROKEN_ANY: Final = Expects(errors=("WireError", "StreamInterrupted"), partial="any")
NO_FIRST: Final = Expects(errors=("TimeoutError",), clocks=("first_event", "total"))
NO_MORE: Final = Expects(errors=("TimeoutError",), clocks=("idle", "total"), partial="some")
TOO_LONG: Final = Expects(errors=("TimeoutError",), partial="any")
OVERLOADED: Final = Expects(errors=("OverloadedError",), retryable=True)
