"""
The run: groups of segments in parallel, each text checked, wrong ones asked for again, all of it joined in order.

    journal -> what is missing -> groups -> [ask -> check -> again] x parallel -> journal -> document

Rule: a text that would break the document never stands in it: after the last attempt the source's text stays there, and
a finding says so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import msgspec

from dragoman.client import AsyncClient
from dragoman.errors import (
    ContentFilterError,
    ContextLengthError,
    DragomanError,
    OutputError,
)
from dragoman.kits.checks import breaks, check
from dragoman.kits.checks.marks import mended
from dragoman.kits.documents import read, write
from dragoman.kits.documents.base import Document, Segment, skeleton
from dragoman.kits.findings import Finding
from dragoman.kits.rewriting.asking import NewTexts, ask
from dragoman.kits.rewriting.journal import DoneRecord, Journal, Line, PaidRecord
from dragoman.kits.rewriting.task import Task, Wanted, grouped, keyed
from dragoman.kits.rewriting.values import RewriteProgress, RewrittenSegment
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import summed_usage
from dragoman.types.usage import Usage

# An answer that ended so may come if less is asked at once, or not at all for this text; no other error is about it.
_OF_THE_TEXT: Final = (OutputError, ContentFilterError, ContextLengthError)
_MOST_REPAIRS: Final = 50

Progress = Callable[[RewriteProgress], None]


class Outcome(msgspec.Struct, frozen=True):
    """
    Attributes:
        text: The document.
        segments: What became of each.
        findings: All of them.
        usage: Of this run.
        cost: US dollars of this run; None where the price is not known.
        requests: Of this run.
        reused: Segments that were there.
    """

    text: str
    segments: tuple[RewrittenSegment, ...]
    findings: tuple[Finding, ...]
    usage: Usage
    cost: Decimal | None
    requests: int
    reused: int


class Run:
    """
    One run.

    Args:
        task: What is to be done.
        journal: What is paid; it gets what is paid now.
        progress: Called after each answer.
        again: Whether segments that ended with an error are asked for again.
    """

    def __init__(self, task: Task, journal: Journal, progress: Progress | None, *, again: bool = False) -> None:
        self._task = task
        self._journal = journal
        self._progress = progress
        self._keys = {segment.number: key for segment, key in _keys(task)}
        self._again = {key for key, done in journal.done.items() if again and _has_error(done.findings)}
        self._queue = deque(grouped(self.wanted(), task.group_tokens))
        self._answers: list[PaidRecord] = []
        self._requests = 0
        self._failure: DragomanError | None = None
        self._new: set[str] = set()
        self._reused = sum(self._there(key) for key in self._keys.values())

    def wanted(self) -> list[Wanted]:
        """What is asked for: each text once, however often it stands in the document."""
        wanted: dict[str, Wanted] = {}
        for segment in self._task.open:
            key = self._keys[segment.number]
            if not self._there(key):
                wanted.setdefault(key, Wanted(segment=segment, key=key))
        return list(wanted.values())

    def _there(self, key: str) -> bool:
        return key in self._journal.done and key not in self._again

    @property
    def groups(self) -> list[list[Wanted]]:
        """The requests that are still to be sent."""
        return list(self._queue)

    @property
    def reused(self) -> int:
        """Segments that are there already."""
        return self._reused

    async def finish(self, client: AsyncClient | None) -> Outcome:
        """
        Ask for everything that is missing, and join it.

        Args:
            client: Who asks; None where nothing is missing.

        Raises:
            DragomanError: A request failed for good, or the journal cannot be written; what is paid is kept.
        """
        self._tell()
        if client is not None and self._queue:
            try:
                async with asyncio.TaskGroup() as workers:
                    for _ in range(min(self._task.parallel, len(self._queue))):
                        workers.create_task(self._work(client))
            except BaseExceptionGroup as group:  # of the caller's own function for progress
                raise group.exceptions[0] from None
        if self._failure is not None:
            raise self._failure
        return self._joined()

    # --- asking -------------------------------------------------------------------------------------------------------

    async def _work(self, client: AsyncClient) -> None:
        """Take groups until there are none.  After a failure nothing is begun, and what is under way is kept."""
        while self._queue and self._failure is None:
            group = self._queue.popleft()
            try:
                await self._group(client, group)
            except DragomanError as error:
                self._failure = self._failure or error
                return

    async def _group(self, client: AsyncClient, group: list[Wanted]) -> None:
        self._requests += 1
        try:
            answer = await ask(client, self._task, group)
        except _OF_THE_TEXT as error:
            await self._unanswered(group, error)
            return
        texts = {one.id: one.text for one in answer.output.segments} if isinstance(answer.output, NewTexts) else {}
        judged = [self._judged(one, texts.get(number)) for number, one in enumerate(group, 1)]
        await self._keep(_paid(answer), [done for done in judged if done is not None])
        self._later([one for one, done in zip(group, judged, strict=True) if done is None])

    def _later(self, group: list[Wanted]) -> None:
        """Those that failed come next, before what was not begun."""
        if group:
            self._queue.appendleft(group)

    async def _unanswered(self, group: list[Wanted], error: DragomanError) -> None:
        """There is no answer: fewer at once may have one; a single text is tried again, and then given up."""
        paid = _paid(error.partial) if isinstance(error.partial, ChatResponse) else None
        if len(group) > 1:
            middle = len(group) // 2
            await self._keep(paid, [])
            self._later(group[middle:])
            self._later(group[:middle])
            return
        one = group[0]
        one.attempts += 1
        if one.attempts < self._task.attempts:
            await self._keep(paid, [])
            self._later(group)
            return
        finding = _about(one.segment, "answer", f"the model gave no text: {error.message}")
        await self._keep(paid, [_kept(one, (finding,))])

    def _judged(self, one: Wanted, text: str | None) -> DoneRecord | None:
        """What is finished; None for what is asked for again."""
        one.attempts += 1
        segment, last = one.segment, one.attempts >= self._task.attempts
        text = "" if text is None else mended(segment, _framed(segment.text, text))
        findings = tuple(check(segment, text, self._task.rules))
        if not _has_error(findings):
            return DoneRecord(one.key, text, findings, one.attempts)
        if not last:
            one.text, one.problems = text, tuple(f"{finding.message} [{finding.check}]" for finding in findings)
            return None
        return _kept(one, findings) if breaks(list(findings)) else DoneRecord(one.key, text, findings, one.attempts)

    async def _keep(self, paid: PaidRecord | None, done: list[DoneRecord]) -> None:
        if paid is not None:
            self._answers.append(paid)
        lines: list[Line] = [*([paid] if paid else []), *done]
        if lines:
            await asyncio.to_thread(self._journal.append, *lines)
        self._new |= {one.key for one in done}
        self._tell()

    def _tell(self) -> None:
        if self._progress is None:
            return
        there = [self._journal.done[key] for key in self._keys.values() if self._there(key) or key in self._new]
        self._progress(
            RewriteProgress(
                done=len(there),
                total=len(self._keys),
                reused=self._reused,
                errors=sum(_has_error(done.findings) for done in there),
                requests=self._requests,
                cost=total(self._answers),
            )
        )

    # --- joining ------------------------------------------------------------------------------------------------------

    def _joined(self) -> Outcome:
        done = {segment.number: self._journal.done[self._keys[segment.number]] for segment in self._task.open}
        texts = {number: one.text for number, one in done.items() if not one.kept}
        text, repaired = whole(self._task.document, texts)
        segments = [self._rewritten(segment, done[segment.number], repaired) for segment in self._task.open]
        findings = [finding for segment in segments for finding in segment.findings]
        return Outcome(
            text=text,
            segments=tuple(segments),
            findings=tuple(findings),
            usage=summed_usage([paid.usage for paid in self._answers]) if self._answers else Usage(),
            cost=total(self._answers),
            requests=self._requests,
            reused=self._reused,
        )

    def _rewritten(self, segment: Segment, done: DoneRecord, repaired: set[int]) -> RewrittenSegment:
        findings = [msgspec.structs.replace(finding, where=f"line {segment.line}") for finding in done.findings]
        if segment.number in repaired:
            findings.append(
                _about(segment, "structure", "the new text would change what is around it: the old one stays")
            )
        attempts = done.attempts if self._keys[segment.number] in self._new else 0
        kept = done.kept or segment.number in repaired
        text = segment.text if kept else done.text
        found = tuple(findings)
        return RewrittenSegment(
            line=segment.line, source=segment.text, text=text, findings=found, attempts=attempts, kept=kept
        )


def whole(document: Document, texts: dict[int, str]) -> tuple[str, set[int]]:
    """
    The document with other texts, and the numbers of those that were left out.

    It is read again: if anything but words is different, the text before the first difference stays as it was.
    """
    texts, left = dict(texts), set[int]()
    wanted = skeleton(document)
    for _ in range(_MOST_REPAIRS):
        text = write(document, texts)
        number = _first_difference(document, wanted, text)
        if number is None:
            return text, left
        texts.pop(number, None)
        left.add(number)
    return write(document, {}), {segment.number for segment in document.segments}


def _first_difference(document: Document, wanted: object, text: str) -> int | None:
    again = read(text, document.format, document.skip)
    if skeleton(again) == wanted:
        return None
    last = -1
    for before, after in zip(document.slots, again.slots, strict=False):
        if isinstance(before, int) != isinstance(after, int) or (isinstance(before, str) and before != after):
            break
        if isinstance(before, int) and isinstance(after, int):
            last = before
            if skeleton(_alone(document, before)) != skeleton(_alone(again, after)):
                break
    return last


def _alone(document: Document, number: int) -> Document:
    return msgspec.structs.replace(document, slots=(number,), segments=(document.segments[number],))


def total(answers: list[PaidRecord]) -> Decimal | None:
    """US dollars of answers; None if the price of one is not known."""
    known = [paid.cost for paid in answers if paid.cost is not None]
    return sum(known, start=Decimal(0)) if len(known) == len(answers) else None


def _keys(task: Task) -> list[tuple[Segment, str]]:
    key = keyed(task)
    return [(segment, key(segment)) for segment in task.open]


def _paid(answer: ChatResponse) -> PaidRecord:
    return PaidRecord(answer.cost, msgspec.structs.replace(answer.usage, details=None))


def _has_error(findings: tuple[Finding, ...]) -> bool:
    return any(finding.severity == "error" for finding in findings)


def _about(segment: Segment, name: str, message: str) -> Finding:
    return Finding(check=name, message=message, where=f"line {segment.line}")


def _kept(one: Wanted, findings: tuple[Finding, ...]) -> DoneRecord:
    return DoneRecord(one.key, one.segment.text, findings, one.attempts, kept=True)


def _framed(source: str, text: str) -> str:
    """A text with the white space of its source at both ends: models drop it."""
    body = text.strip()
    head = source[: len(source) - len(source.lstrip())]
    return f"{head}{body}{source[len(source.rstrip()) :]}" if body else ""
