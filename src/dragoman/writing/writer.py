"""
The loop: ask, join, look at how it ended, ask for the rest.

    begin -> open -> [read ...] -> answered -> begin -> ...

A text is read like an answer (`policy.base.Opened`), so it streams by the same readers on either face.  Every round is
asked as a stream: providers cap answers that are not streamed far lower, and what arrived of a round that fails stays.

Rule: it ends when the model has ended it, or with an error that has everything that was written.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, Protocol

import msgspec

from dragoman.errors import DragomanError, TimeoutError, TruncatedError
from dragoman.policy.base import Opened
from dragoman.policy.route.seam import bare, seam
from dragoman.runtime import Runtime
from dragoman.types.events import (
    CitationDelta,
    Event,
    Finish,
    MessageNative,
    PartAdded,
    PartEnd,
    ReasoningDelta,
    Start,
    TextDelta,
    UsageUpdate,
)
from dragoman.types.fold import Folder
from dragoman.types.http import Notice
from dragoman.types.messages import Text
from dragoman.types.models import Model
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import run_response, summed_usage
from dragoman.types.writing import WriteOptions
from dragoman.verbs.steps import Steps
from dragoman.writing.asking import Turn, asked, begins, has_no_words, thought, turn_of
from dragoman.writing.caps import capped, check_limits, with_room
from dragoman.writing.draft import Draft, RoundRecord, stored
from dragoman.writing.ends import Verdict, facts_of, judged
from dragoman.writing.joint import joint_of
from dragoman.writing.keeper import Keeper

_IDLE_ROUNDS: Final = 2  # that bring nothing new, one after another


class Asker(Protocol):
    """How the client asks, through its policies."""

    runtime: Runtime
    facts: Model | None
    wire: str

    def send(self, request: ChatRequest, /) -> Awaitable[ChatResponse]:
        """The whole answer."""
        ...

    def open(self, request: ChatRequest, /) -> Awaitable[Opened]:
        """An answer whose first content has arrived."""
        ...


class Clock(msgspec.Struct, frozen=True):
    """
    The time that all rounds together have.

    Attributes:
        now: Seconds, by the runtime.
        total: Seconds for everything, or None.
        until: When they are over.
    """

    now: Callable[[], float]
    total: float | None
    until: float | None

    def left(self) -> float | None:
        """
        Seconds that are left.

        Raises:
            TimeoutError: None are.
        """
        left = None if self.until is None else self.until - self.now()
        if left is not None and left <= 0:
            raise TimeoutError(f"the text took longer than {self.total:g} s", clock="total", limit=self.total)
        return left


class Writing(Steps[Event, ChatResponse]):
    """
    One text.

    Args:
        asker: The client.
        request: The first question.
        options: Limits and format.
        draft: What is written already; its words are delivered first.
        clock: The time that it has.
        keeper: Keeps what is written.
        section: As `RoundRecord.section`.

    Attributes:
        response: The whole answer, when there is one.
        draft: What is written.
        section: Its number in a report.
    """

    def __init__(
        self,
        asker: Asker,
        request: ChatRequest,
        options: WriteOptions,
        draft: Draft,
        *,
        clock: Clock,
        keeper: Keeper,
        section: int = 0,
    ) -> None:
        super().__init__(self._resume)
        self.draft = draft
        self._asker = asker
        self._request = request
        self._options = options
        self._clock = clock
        self._keeper = keeper
        self.section = section
        self._joint = joint_of(options.format)
        self._begins = begins(request, asker.wire, asker.facts)
        self._folder = Folder()
        self._opened: Opened | None = None
        self._started = False
        self._made_room = False
        self._idle = 0
        self._at = 0  # where in the text the round began
        self._notices: list[Notice] = []  # of the round

    # --- as an answer -------------------------------------------------------------------------------------------------

    def folded(self) -> ChatResponse:
        """The text so far, as one answer."""
        if self.response is not None:
            return self.response
        now = [self._opened.folded()] if self._opened is not None else []
        return self._whole(now)

    def abandon(self) -> None:
        """Stop: close the upstream, and keep what was written.  Idempotent, from any thread."""
        self._abandoned = True
        opened = self._opened
        if opened is not None:
            opened.abandon()
        self._keeper.leave()

    # --- rounds -------------------------------------------------------------------------------------------------------

    async def _resume(self) -> list[Event]:
        """Deliver what was written before."""
        draft = self.draft
        self._step = self._begin
        text = draft.text
        self._joint.resume(text)
        events: list[Event] = [TextDelta(text)] if text else []
        for event in events:
            self._folder.add(event)
        if draft.finished:
            events += self._end(draft.rounds[-1])
        return events

    async def _begin(self) -> list[Event]:
        draft, options = self.draft, self._options
        check_limits(draft, options)
        question = asked(self._request, tuple(draft.turns), draft.text, options.format, begins=self._begins)
        sent = capped(question.request, draft, options, self._asker.facts)
        self._at, self._notices = len(draft), []
        self._joint.begin(draft.text, trusted=question.trusted)
        self._opened = await self._asker.open(msgspec.structs.replace(sent, timeout=self._clock.left()))
        if self._abandoned:  # while it was waited for
            self._opened.abandon()
        self._step = self._read
        return []

    async def _read(self) -> list[Event]:
        opened = self._opened
        assert opened is not None  # it was just opened
        events = await opened.more()
        if not events:
            answer = opened.folded()
            self._opened = None
            return await self._answered(answer)
        passed = self._passed(events)
        await self._keeper.due()
        return passed

    async def _answered(self, answer: ChatResponse) -> list[Event]:
        """A round is at its end: is the text?"""
        rest = self._joint.close()
        events = self._deliver([TextDelta(rest)] if rest else [])
        kept = self.draft.text[self._at :]
        verdict = judged(answer, self._joint, self._options.format, has_text=bool(kept.strip()))
        if verdict.error is not None:
            raise verdict.error
        if verdict.goes_on:
            self._prepare(answer, kept, verdict)
        record = self._record(answer, kept, last=not verdict.goes_on)
        await self._keeper.end(record)
        self.draft.end(record)
        if not verdict.goes_on:
            return events + self._end(answer)
        self._step = self._begin
        mark = seam(answer.provider, answer.model, len(self.draft), answer.finish_reason)
        return events + self._deliver([mark])

    def _prepare(self, answer: ChatResponse, kept: str, verdict: Verdict) -> None:
        """See that another round makes sense."""
        at = len(self.draft)
        if has_no_words(answer) and answer.finish_reason == "length":
            self._make_room(answer)
            return
        self._idle = 0 if kept.strip() or answer.finish_reason == "pause" else self._idle + 1
        if self._idle >= _IDLE_ROUNDS:
            raise TruncatedError(f"the model only repeats itself after {at} characters", **facts_of(answer))
        text = f"{verdict.why} after {at} characters: asked for the rest"
        self._notices.append(Notice("rounds", text, adapted=False))

    def _make_room(self, answer: ChatResponse) -> None:
        """All that the model may write was used up before its first word."""
        room = None if self._made_room else with_room(self._request, self._asker.facts)
        if room is None:
            spent = answer.usage.output_tokens
            told = f"all {spent} tokens" if spent else "all tokens"
            what = "went to reasoning" if thought(answer) else "were used before the first word"
            raise TruncatedError(f"{told} {what}: raise max_tokens, or lower reasoning", **facts_of(answer))
        self._made_room = True
        self._request, notice = room
        self._notices.append(notice)

    def _record(self, answer: ChatResponse, kept: str, *, last: bool) -> RoundRecord:
        turn: Turn | None = None
        if answer.finish_reason == "pause" or kept.strip():
            turn = turn_of(answer, kept, whole=kept == answer.text)
        if self._joint.taken and len(self.draft.rounds):
            text = f"{self._joint.taken} characters that stood there already were taken out"
            self._notices.append(Notice("rounds", text, adapted=False))
        told = tuple(self._notices)
        return RoundRecord(stored(answer), turn, len(self.draft), told, self.section, last, start=self._at)

    def _end(self, answer: ChatResponse) -> list[Event]:
        usage = UsageUpdate(summed_usage([one.usage for one in self.draft.rounds]))
        finish = Finish(answer.finish_reason, answer.finish_reason_raw, answer.finish_details)
        events = self._deliver([usage, finish])
        alone = len(self.draft.rounds) == 1 and answer.text == self.draft.text
        whole = self._whole([])
        self.response = msgspec.structs.replace(whole, message=answer.message) if alone else whole
        return events

    # --- delivering ---------------------------------------------------------------------------------------------------

    def _passed(self, events: Iterable[Event]) -> list[Event]:
        """What of a round's events is delivered."""
        passed: list[Event] = []
        for event in events:
            passed += _PASS[type(event)](self, event) if type(event) in _PASS else (event,)
        return self._deliver(passed)

    def _deliver(self, events: list[Event]) -> list[Event]:
        for event in events:
            self._folder.add(event)
            if isinstance(event, TextDelta):
                self.draft.add(event.text)
                self._keeper.add(event.text)
        return events

    def on_start(self, event: Start) -> list[Event]:
        if self._started or len(self.draft):
            return []
        self._started = True
        return [event]

    def on_text(self, event: TextDelta) -> list[Event]:
        text = self._joint.feed(event.text)
        if text == event.text:
            return [event]
        return [TextDelta(text)] if text else []

    def on_reasoning(self, event: ReasoningDelta) -> list[Event]:
        return [ReasoningDelta(event.text)] if event.text else []

    def on_part_end(self, event: PartEnd) -> list[Event]:
        return [PartEnd()]

    def on_part(self, event: PartAdded) -> list[Event]:
        part = event.part
        if isinstance(part, Text):
            return [*self.on_text(TextDelta(part.text)), *map(CitationDelta, part.citations), PartEnd()]
        return [PartAdded(bare(part))]

    def on_usage(self, event: UsageUpdate) -> list[Event]:
        return [UsageUpdate(summed_usage([*(one.usage for one in self.draft.rounds), event.usage]))]

    def on_nothing(self, event: Event) -> list[Event]:
        return []

    # --- the whole ----------------------------------------------------------------------------------------------------

    def _whole(self, now: list[ChatResponse]) -> ChatResponse:
        """All rounds as one answer, by the words that were delivered."""
        told = self._folder.response()
        rounds = [*self.draft.rounds, *now]
        attempts = tuple(attempt for answer in rounds for attempt in answer.attempts)
        whole = run_response(rounds, (), attempts) if rounds else told
        values: dict[str, Any] = {name: getattr(whole, name) for name in ChatResponse.__struct_fields__}
        extras = (*told.extras, *(extra for answer in now for extra in answer.extras if extra not in told.extras))
        values.update(message=told.message, extras=extras, body=None)
        values["notices"] = (*whole.notices, *self.draft.notices)
        return ChatResponse(**values)

    def failed(self, error: DragomanError) -> DragomanError:
        """Stop everything, and complete the error with what was written."""
        rest = self._joint.close()
        self._deliver([TextDelta(rest)] if rest else [])
        self.abandon()
        if error.partial is not None:
            self._opened = _Closed(error.partial)
        if self.draft.rounds or len(self.draft):
            error.partial = self.folded()
        earlier = tuple(attempt for answer in self.draft.rounds for attempt in answer.attempts)
        error.attempts = (*earlier, *error.attempts)
        if isinstance(error, TimeoutError) and error.clock == "total":
            error.limit = self._clock.total
        self._failure = error
        return error


class _Closed:
    """A round that is at its end, and of which only the answer is of interest."""

    def __init__(self, answer: ChatResponse) -> None:
        self.response: ChatResponse | None = answer
        self._answer = answer

    async def more(self) -> list[Event]:
        return []

    def folded(self) -> ChatResponse:
        return self._answer

    def abandon(self) -> None:
        """It is at its end."""


_PASS: Final[dict[type[Any], Callable[[Writing, Any], Iterable[Event]]]] = {
    Start: Writing.on_start,
    TextDelta: Writing.on_text,
    ReasoningDelta: Writing.on_reasoning,
    PartEnd: Writing.on_part_end,
    PartAdded: Writing.on_part,
    UsageUpdate: Writing.on_usage,
    MessageNative: Writing.on_nothing,
    Finish: Writing.on_nothing,
}
