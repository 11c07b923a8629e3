"""
One request: some segments as JSON, and their new texts as typed output.

The neighbours before and after go along to be read, not to be done.  A segment that failed goes with what was wrong.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.client import AsyncClient
from dragoman.kits.documents.base import Segment, in_words
from dragoman.kits.rewriting.task import Task, Wanted
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse

_CONTEXT: Final = 300  # characters of each neighbour


class NewText(msgspec.Struct, frozen=True):
    """The new text of a segment, by the id that it was given with."""

    id: int
    text: str


class NewTexts(msgspec.Struct, frozen=True):
    """The new texts, one for each segment, in the same order."""

    segments: list[NewText]


class _Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    id: int
    text: str
    note: str = ""
    previous: str = ""
    problems: tuple[str, ...] = ()


class _Question(msgspec.Struct, frozen=True, omit_defaults=True):
    segments: list[_Asked]
    before: str = ""
    after: str = ""


def messages(task: Task, group: list[Wanted]) -> list[Message]:
    """The question about a group."""
    system = task.system("\n".join(one.segment.text for one in group))
    first, last = group[0].segment, group[-1].segment
    question = _Question(
        segments=[_asked(task, number, one) for number, one in enumerate(group, 1)],
        before=_neighbour(task, first, -1),
        after=_neighbour(task, last, 1),
    )
    return [Message.system(system), Message.user(msgspec.json.encode(question).decode())]


async def ask(client: AsyncClient, task: Task, group: list[Wanted]) -> ChatResponse:
    """
    Ask for a group; `.output` of the answer are `NewTexts`.

    Raises:
        DragomanError: As `AsyncClient.parse`.
    """
    return await client.parse(task.model, messages(task, group), output=NewTexts, attempts=2, settings=task.settings)


def request_of(task: Task, group: list[Wanted]) -> ChatRequest:
    """The question as a value, to be counted."""
    return ChatRequest(model=task.model, messages=tuple(messages(task, group)))


def _asked(task: Task, number: int, one: Wanted) -> _Asked:
    note = "; ".join(part for part in (_kind(one.segment), one.segment.note, _limit(task, one.segment)) if part)
    return _Asked(id=number, text=one.segment.text, note=note, previous=one.text, problems=one.problems)


def _kind(segment: Segment) -> str:
    return segment.kind if segment.kind in ("heading", "cell", "caption") else ""


def _limit(task: Task, segment: Segment) -> str:
    if segment.kind != "caption":
        return ""
    return f"at most {task.rules.lines} lines of {task.rules.line_width} columns"


def _neighbour(task: Task, segment: Segment, step: int) -> str:
    """The text before or after, in words."""
    segments: tuple[Segment, ...] = task.document.segments
    number = segment.number + step
    if not 0 <= number < len(segments):
        return ""
    text = in_words(segments[number], segments[number].text)
    return text[-_CONTEXT:] if step < 0 else text[:_CONTEXT]
