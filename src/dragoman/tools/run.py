"""
The loop: ask the model, run what it calls, send the results, until it gives an answer.

    begin -> ask -> [read ...] -> approve -> [wait ...] -> begin -> ...

A run is read like an answer (`policy.base.Opened`): `more` gives the next events, of the model and of the tools, and an
empty list at the end.  So it streams by the same readers, on either face, and leaving it stops everything.

Rule: whatever ends a run, the history is whole.  Every call that the model made has a result, if only one that says
that the run was stopped; and an error carries that history.
"""

from __future__ import annotations

import builtins
from decimal import Decimal
from typing import Final, Self

import msgspec

from dragoman.errors import DragomanError, RunLimitError, TimeoutError
from dragoman.policy.base import Opened
from dragoman.tools.approval import approved
from dragoman.tools.arguments import BadCallError
from dragoman.tools.calls import Calls, Order
from dragoman.tools.loops import Crew
from dragoman.tools.results import failed
from dragoman.tools.toolbox import Toolbox
from dragoman.types.attempts import Attempt
from dragoman.types.fold import fold
from dragoman.types.messages import Message, ToolCall, ToolResult
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import (
    RoundStarted,
    RunEvent,
    RunResponse,
    ToolEnded,
    ToolStarted,
    run_response,
    total_cost,
)
from dragoman.verbs.run import Rounds
from dragoman.verbs.steps import Steps

# Whoever ends so did not mean his calls to be made, or did not get to say them.
_NOT_MEANT: Final = frozenset({"content_filter", "refusal", "error"})

_NOT_RUN: Final = "The run was stopped before this tool ran."
_STOPPED: Final = "The run was stopped while this tool ran; it may have had its effect."
_CUT: Final = "The answer was cut before this call was whole. Call it again, with less."

# Seconds for the private loop to close, when all that it ran has ended.
_CLOSING: Final = 0.1


class Run(Steps[RunEvent, RunResponse]):
    """
    One run.

    Args:
        rounds: The client, the first question, and the limits.
        toolbox: What the model may call.
        streams: Whether the model's answers come as streams.

    Attributes:
        response: The last answer with all that was used, when there is one.
    """

    def __init__(
        self,
        rounds: Rounds,
        toolbox: Toolbox,
        *,
        streams: bool,
    ) -> None:
        super().__init__(self._begin)
        self._client = rounds
        self._request = rounds.request
        self._toolbox = toolbox
        self._options = rounds.options
        self._crew = Crew(rounds.runtime)
        self._total = rounds.total
        self._until = None if rounds.total is None else rounds.runtime.now() + rounds.total
        self._streams = streams
        self._opened: Opened | None = None
        self._calls: Calls | None = None
        self._rounds: list[ChatResponse] = []
        self._attempts: tuple[Attempt, ...] = ()
        self._history: list[Message] = list(rounds.request.messages)
        self._asked: tuple[ToolCall, ...] = ()
        self._begun: set[int] = set()
        self._results: dict[int, ToolResult] = {}

    # --- as an answer -------------------------------------------------------------------------------------------------

    async def open(self) -> Self:
        """Ask the first time, so that what cannot work fails before anything is read."""
        held = await self.more()
        self._held = [*held, *await self.more()]
        return self

    async def finished(self) -> RunResponse:
        """Go to the end, and return the answer."""
        try:
            return await super().finished()
        finally:
            self.abandon()

    def folded(self) -> RunResponse:
        """The run so far, as one value."""
        if self.response is not None:
            return self.response
        now = [self._opened.folded()] if self._opened is not None else []
        attempts = (*self._attempts, *(attempt for answer in now for attempt in answer.attempts))
        return run_response([*self._rounds, *now] or [fold(())], self.messages, attempts)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The history so far: with a result for every call, also while tools run."""
        if not self._asked:
            return tuple(self._history)
        return (*self._history, Message("tool", tuple(self._result(at, call) for at, call in enumerate(self._asked))))

    def abandon(self) -> None:
        """Stop what runs, here and upstream.  Idempotent, never waits, from any thread."""
        self._abandoned = True
        opened, calls = self._opened, self._calls
        if opened is not None:
            opened.abandon()
        if calls is not None:
            calls.cancel()
        self._crew.close()

    # --- asking -------------------------------------------------------------------------------------------------------

    async def _begin(self) -> list[RunEvent]:
        self._check_limits()
        self._step = self._open if self._streams else self._send
        return [RoundStarted(len(self._rounds) + 1)]

    async def _send(self) -> list[RunEvent]:
        self._answered(await self._client.send(self._next()))
        return []

    async def _open(self) -> list[RunEvent]:
        self._opened = await self._client.open(self._next())
        self._step = self._read
        return []

    async def _read(self) -> list[RunEvent]:
        opened = self._opened
        if opened is None:
            return []
        events = await opened.more()
        if not events:
            self._opened = None
            self._answered(opened.folded())
        return list(events)

    def _next(self) -> ChatRequest:
        """The request of this round: all messages so far, and the time that is left."""
        left = self._left()
        # A tool that must be called has been called; if it had to be again, there would be no end.
        choice = self._request.tool_choice
        if self._rounds and choice != "none":
            choice = None
        return msgspec.structs.replace(self._request, messages=tuple(self._history), timeout=left, tool_choice=choice)

    def _left(self) -> float | None:
        left = None if self._until is None else self._until - self._crew.runtime.now()
        if left is not None and left <= 0:
            raise self._too_late()
        return left

    def _too_late(self) -> TimeoutError:
        return TimeoutError(f"the run took longer than {self._total:g} s", clock="total", limit=self._total)

    def _check_limits(self) -> None:
        self._left()
        options, rounds = self._options, self._rounds
        if len(rounds) >= options.max_rounds:
            raise RunLimitError(f"no answer after {len(rounds)} rounds (max_rounds)", limit="rounds")
        if options.max_cost is None or not rounds:
            return
        spent = total_cost(rounds)
        if spent is None:
            raise RunLimitError("what the run costs is not known, and max_cost was given", limit="cost")
        if spent >= Decimal(str(options.max_cost)):
            raise RunLimitError(f"no answer for {spent} US dollars (max_cost is {options.max_cost})", limit="cost")

    def _answered(self, answer: ChatResponse) -> None:
        self._rounds.append(answer)
        self._attempts += answer.attempts
        self._history.append(answer.message)
        self._asked, self._begun, self._results = answer.tool_calls, set(), {}
        if self._asked and answer.finish_reason not in _NOT_MEANT:
            self._step = self._approve
        elif answer.finish_reason == "pause" and not self._asked:
            self._step = self._begin  # the provider's own tools go on when they are asked again
        else:
            self._end()

    def _end(self) -> None:
        self._step = self._begin
        self.response = run_response(self._rounds, self.messages, self._attempts)
        self._crew.close(wait=_CLOSING)

    # --- calling ------------------------------------------------------------------------------------------------------

    async def _approve(self) -> list[RunEvent]:
        """Find out which calls can be made, and begin them; none, if nobody could be told of their results."""
        self._check_limits()
        events: list[RunEvent] = []
        orders: list[Order] = []
        for at, call in enumerate(self._asked):
            try:
                orders.append(await self._order(at, call))
            except BadCallError as reason:
                events.append(self._ended(at, ToolEnded(call, failed(call, str(reason)))))
        options = self._options
        if orders:
            self._calls = Calls(self._crew, orders, parallel=options.parallel, on_error=options.on_error)
        self._step = self._wait
        return events

    async def _order(self, at: int, call: ToolCall) -> Order:
        """
        What is to be run for a call.

        Raises:
            BadCallError: Nothing; the text is for the model.
        """
        self._check_whole(call)
        bound = self._toolbox.find(call)
        bound.prepare(call)  # nobody is asked about a call that cannot be made
        try:
            allowed = await approved(self._options.approve, call, self._crew, self._until)
        except builtins.TimeoutError as error:
            raise self._too_late() from error
        timeout = bound.timeout if bound.timeout is not None else self._options.tool_timeout
        return Order(at, allowed, bound.prepare(allowed), bound.suspends, timeout)

    def _check_whole(self, call: ToolCall) -> None:
        """A call at the end of a cut answer is not made unless it is seen to be whole."""
        cut = self._rounds[-1].finish_reason == "length" and call is self._asked[-1]
        if cut and (not call.arguments_json.strip() or call.arguments is None):
            raise BadCallError(_CUT)

    async def _wait(self) -> list[RunEvent]:
        try:
            told = await self._calls.next(self._until) if self._calls is not None else []
        except builtins.TimeoutError as error:
            raise self._too_late() from error
        if not told:  # all have ended
            self._calls, self._history, self._asked = None, list(self.messages), ()
            self._step = self._begin
        return [self._noted(at, event) for at, event in told]

    def _noted(self, at: int, event: ToolStarted | ToolEnded) -> RunEvent:
        if isinstance(event, ToolStarted):
            self._begun.add(at)
            return event
        return self._ended(at, event)

    def _ended(self, at: int, event: ToolEnded) -> ToolEnded:
        self._results[at] = event.result
        return event

    def _result(self, at: int, call: ToolCall) -> ToolResult:
        known = self._results.get(at)
        return known if known is not None else failed(call, _STOPPED if at in self._begun else _NOT_RUN)

    # --- failing ------------------------------------------------------------------------------------------------------

    def failed(self, error: DragomanError) -> DragomanError:
        """Stop everything, and complete the error with what the run has so far."""
        self.abandon()
        error.messages = self.messages
        if isinstance(error, TimeoutError) and error.clock == "total":
            error.limit = self._total
        if error.partial is None and self._rounds:
            self._opened = None
            error.partial = self.folded()
        error.attempts = (*self._attempts, *error.attempts)
        self._failure = error
        return error
