"""
A report: a plan, its sections one after another (or some at once), and one document of them.

    plan -> [section ...] -> end

Each section is a text of its own (`writer.Writing`), so it goes past the output cap, too, and the checkpoint keeps it.

Rule: what goes into a prompt does not grow with the report.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from dragoman.errors import ContentFilterError, DragomanError, RefusalError, SchemaError, TruncatedError
from dragoman.types.events import Event, Finish, MessageNative, PartEnd, Start, TextDelta, UsageUpdate
from dragoman.types.fold import Folder
from dragoman.types.http import Notice
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import run_response, summed_usage
from dragoman.types.writing import WriteOptions
from dragoman.verbs.steps import Steps
from dragoman.verbs.write import WriteCall
from dragoman.writing.caps import check_limits, with_room
from dragoman.writing.checkpoint import Checkpoint, OutlineRecord
from dragoman.writing.draft import Draft, RoundRecord, TextRecord, stored
from dragoman.writing.ends import facts_of
from dragoman.writing.headings import Headings
from dragoman.writing.keeper import Keeper
from dragoman.writing.outline import Outline, parse_outline, planned, section_request
from dragoman.writing.writer import Clock, Writing

_UNENDED = (Start, Finish, MessageNative, PartEnd)


class Report(Steps[Event, ChatResponse]):
    """
    One report.

    Args:
        call: How it is asked for.
        clock: The time that it has.
        checkpoint: Where it is kept, with what was written before; None for nowhere.
        outline: The plan, if there is one already, as JSON.

    Attributes:
        response: The whole report, when there is one.
    """

    def __init__(self, call: WriteCall, clock: Clock, checkpoint: Checkpoint | None, outline: Any) -> None:
        super().__init__(self._ask_plan)
        self._call = call
        self._clock = clock
        self._checkpoint = checkpoint
        self._outline = None if outline is None else msgspec.convert(outline, Outline)
        self._plan = Draft()
        self._plan.resume(self._records(0))
        self._folder = Folder()
        self._now: list[Writing] = []  # the sections that are being written
        self._headings = Headings("")
        self._written: dict[int, str] = {}
        self._rounds: list[ChatResponse] = list(self._plan.rounds)
        self._notices: list[Notice] = list(self._plan.notices)
        self._number = 0
        self._several = False  # whether sections are written that are not delivered yet

    def _records(self, section: int) -> list[TextRecord | RoundRecord]:
        lines = self._checkpoint.lines if self._checkpoint is not None else []
        return [line for line in lines if isinstance(line, TextRecord | RoundRecord) and line.section == section]

    # --- as an answer -------------------------------------------------------------------------------------------------

    def folded(self) -> ChatResponse:
        """The report so far, as one answer."""
        return self.response if self.response is not None else self._whole(self._unfinished())

    def abandon(self) -> None:
        """Stop.  Idempotent, from any thread."""
        self._abandoned = True
        for section in self._now:
            section.abandon()

    # --- the plan -----------------------------------------------------------------------------------------------------

    async def _ask_plan(self) -> list[Event]:
        if self._outline is None:
            self._outline = await self._planned()
        self._step = self._begin
        title = self._outline.title
        return self._deliver([TextDelta(f"# {title}\n")]) if title else []

    async def _planned(self) -> Outline:
        call, request = self._call, self._call.request
        answer, notices = await self._plan_of(request), list[Notice]()
        room = with_room(request, call.facts) if answer.finish_reason == "length" else None
        if room is not None:
            notices = [room[1]]
            answer = await self._plan_of(room[0])
        _check_plan(answer)
        outline = parse_outline(answer.text)
        if outline is None:
            error = SchemaError(f"the model made no plan: {answer.text[:200]!r}", **_facts(answer))
            error.errors = ("$.sections: there are none",)
            raise error
        record = RoundRecord(stored(answer), None, 0, tuple(notices), last=True)
        self._notices += notices
        keeper = Keeper(self._checkpoint, call.runtime)
        await keeper.write(OutlineRecord(msgspec.to_builtins(outline)), *map(_round, self._rounds[:-1]), record)
        return outline

    async def _plan_of(self, request: Any) -> ChatResponse:
        sent = planned(request, self._call.options.words, self._call.facts)
        answer = await self._call.send(msgspec.structs.replace(sent, timeout=self._clock.left()))
        self._rounds.append(stored(answer))
        return answer

    # --- sections -----------------------------------------------------------------------------------------------------

    async def _begin(self) -> list[Event]:
        """Begin the next section, or the next few."""
        assert self._outline is not None  # it was planned
        first, count = self._number + 1, len(self._outline.sections)
        if first > count:
            return self._end()
        several = self._call.options.parallel if self._call.runtime.suspends else 1
        numbers = range(first, min(first + several, count + 1))
        options = self._options()
        self._now = [self._section(number, options) for number in numbers]
        if len(self._now) == 1:
            self._step = self._read
            return self._headed()
        steps = [partial(_finished, section) for section in self._now]
        self._several = True
        await self._call.runtime.gather(steps, limit=several)
        self._several = False
        return self._all_texts()

    def _all_texts(self) -> list[Event]:
        """What several sections have, one after another."""
        events: list[Event] = []
        while self._now:
            section = self._now[0]
            self._number = section.section - 1
            if len(section.draft):
                events += self._headed()
                events += self._deliver(self._texts([TextDelta(section.draft.text)]))
            events += self._ended(section)
        return events

    def _section(self, number: int, options: WriteOptions) -> Writing:
        assert self._outline is not None  # it was planned
        draft = Draft()
        draft.resume(self._records(number))
        return Writing(
            self._call,
            section_request(self._call.request, self._outline, number, self._written),
            options,
            draft,
            clock=self._clock,
            keeper=Keeper(self._checkpoint, self._call.runtime, number),
            section=number,
        )

    def _options(self) -> WriteOptions:
        """What is left of the limits of the report."""
        options, spent = self._call.options, Draft()
        spent.rounds = self._rounds
        check_limits(spent, msgspec.structs.replace(options, max_rounds=len(self._rounds) + 1))
        tokens, cost = spent.output_tokens, spent.cost
        left = options.max_tokens_total
        if left is not None and tokens is not None:
            left -= tokens
        money = options.max_cost
        if money is not None and cost is not None:
            money = Decimal(str(money)) - cost
        return WriteOptions(format="markdown", max_rounds=options.max_rounds, max_tokens_total=left, max_cost=money)

    def _headed(self) -> list[Event]:
        """The heading of the section that comes."""
        assert self._outline is not None  # it was planned
        self._number += 1
        title = self._outline.sections[self._number - 1].title
        numbered = self._call.options.numbering
        self._headings = Headings(title, self._number if numbered else None)
        head = f"## {self._number}. {title}" if numbered else f"## {title}"
        begin = "\n" if self._number > 1 or self._outline.title else ""
        return self._deliver([TextDelta(f"{begin}{head}\n\n")])

    async def _read(self) -> list[Event]:
        section = self._now[0]
        events = await section.more()
        if not events:
            return self._ended(section)
        return self._deliver(self._texts(events))

    def _texts(self, events: list[Event]) -> list[Event]:
        passed: list[Event] = []
        for event in events:
            if isinstance(event, TextDelta):
                text = self._headings.feed(event.text)
                passed += [TextDelta(text)] if text else []
            elif isinstance(event, UsageUpdate):
                passed.append(UsageUpdate(summed_usage([*(one.usage for one in self._rounds), event.usage])))
            elif not isinstance(event, _UNENDED):
                passed.append(event)
        return passed

    def _ended(self, section: Writing) -> list[Event]:
        self._now.remove(section)
        self._written[self._number] = section.draft.text
        self._rounds += section.draft.rounds
        self._notices += section.draft.notices
        self._step = self._begin
        return self._deliver([TextDelta(self._headings.close() + "\n")])

    def _end(self) -> list[Event]:
        last = self._rounds[-1]
        usage = UsageUpdate(summed_usage([one.usage for one in self._rounds]))
        events = self._deliver([usage, Finish(last.finish_reason, last.finish_reason_raw, last.finish_details)])
        self.response = self._whole([])
        return events

    # --- the whole ----------------------------------------------------------------------------------------------------

    def _deliver(self, events: list[Event]) -> list[Event]:
        for event in events:
            self._folder.add(event)
        return events

    def _unfinished(self) -> list[ChatResponse]:
        """The sections that are being written."""
        return [section.folded() for section in self._now if section.draft.rounds or len(section.draft)]

    def _whole(self, now: list[ChatResponse]) -> ChatResponse:
        told, rounds = self._folder.response(), [*self._rounds, *now]
        attempts = tuple(attempt for answer in rounds for attempt in answer.attempts)
        whole = run_response(rounds, (), attempts) if rounds else told
        values: dict[str, Any] = {name: getattr(whole, name) for name in ChatResponse.__struct_fields__}
        values.update(message=told.message, extras=told.extras)
        values["notices"] = tuple(dict.fromkeys((*whole.notices, *self._notices)))
        return ChatResponse(**values)

    def failed(self, error: DragomanError) -> DragomanError:
        """Stop everything, and complete the error with the report so far."""
        unfinished = [] if self._several else self._unfinished()
        rest = self._headings.close()
        self._deliver([TextDelta(rest)] if rest else [])
        self.abandon()
        if self._several:
            self._all_texts()
        earlier = tuple(attempt for answer in self._rounds for attempt in answer.attempts)
        if self._number:
            error.partial = self._whole(unfinished)
        error.attempts = (*earlier, *error.attempts)
        self._failure = error
        return error


def _facts(answer: ChatResponse) -> dict[str, Any]:
    """What an error about the plan knows; its requests are in the ledger already."""
    return facts_of(answer) | {"attempts": ()}


def _check_plan(answer: ChatResponse) -> None:
    reason = answer.finish_reason
    if reason == "refusal" or (answer.refusal and not answer.text):
        raise RefusalError("the model refused to plan the text", **_facts(answer))
    if reason == "content_filter":
        raise ContentFilterError("the provider's content filter stopped the plan", **_facts(answer))
    if reason in ("length", "error", "pause"):
        raise TruncatedError("the plan was cut before it was whole: raise max_tokens", **_facts(answer))


def _round(answer: ChatResponse) -> RoundRecord:
    return RoundRecord(answer, None, 0)


async def _finished(section: Writing) -> ChatResponse:
    return await section.finished()
