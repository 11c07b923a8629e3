"""
What holds at the end of a path: where the window begins, what is pinned, dropped and summed up.

A *turn* here is what somebody said with all that followed until somebody speaks again: answers, tool calls and their
results.  It is sent as a whole or not at all, so no call loses its result and no reasoning its partner.

Rule: nothing here decides.  The same path gives the same view, in every process.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from functools import cached_property
from typing import Any, Final

import msgspec

from dragoman.conversation.nodes import Cut, Drop, Kept, Note, Summary
from dragoman.tokens.prompt import count_prompt
from dragoman.types.messages import Message, Text, ToolResult
from dragoman.types.requests import ChatRequest
from dragoman.wire.turns import has_results

DROPPED: Final = "[This result was left out to save room. Call the tool again if it is needed.]"
SUMMED_UP: Final = "[What was said before, in short]\n"

Decision = Cut | Drop | Note
"""What a policy can decide."""


class Entry(msgspec.Struct, frozen=True):
    """
    One message of a turn.

    Attributes:
        depth: Its place in the path; 0 for what is asked now.
        turn: Id under which it was said; None if it was imported, or is asked now.
        message: As it is sent.
        tokens: About how many it is.
        segment: With the depth, its place in the tree.
    """

    depth: int
    turn: str | None
    message: Message
    tokens: int
    segment: int = 0


class Turn(msgspec.Struct, frozen=True):
    """
    What somebody said, and all that followed until somebody spoke again.

    Attributes:
        entries: Its messages.
        pinned: Whether no cut leaves it out.
    """

    entries: tuple[Entry, ...]
    pinned: bool = False

    @property
    def start(self) -> int:
        """Depth of its first message; 0 for one that is asked now."""
        return self.entries[0].depth

    @property
    def tokens(self) -> int:
        """About how many it is."""
        return sum(entry.tokens for entry in self.entries)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids under which its messages were said."""
        return tuple(dict.fromkeys(entry.turn for entry in self.entries if entry.turn is not None))


class Outline:
    """
    What a path says, without what is asked now.

    Attributes:
        system: The instructions that hold.
        start: Depth of the first message of the window.
        before: Depth below which results of tools are dropped.
        summary: What stands for what was left out.
        pins: By depth of a turn's first message: whether it is pinned.
        said: All messages of the path.
        decided: All decisions, in order.
    """

    def __init__(self) -> None:
        self.system: Message | None = None
        self.start = 0
        self.before = 0
        self.summary: Summary | None = None
        self.pins: dict[int, bool] = {}
        self.said: list[Kept] = []
        self.decided: tuple[Decision, ...] = ()

    def take(self, value: object) -> None:
        """What another node says."""
        applying = _TAKE.get(type(value))
        if applying is not None:
            applying(self, value)

    def after(self, decision: Decision) -> Outline:
        """This, once that is decided."""
        other = copy(self)
        other.pins = dict(self.pins)
        other.take(decision)
        return other

    def turns(self) -> list[Turn]:
        """The turns that are sent: pinned ones from before the window, then the window."""
        first = self.at(self.start)
        window = list(_turns(self.said[first:]))
        pinned = [self._pinned(depth, first) for depth in sorted(self.pins) if self.pins[depth] and depth < self.start]
        nodes = [(turn, True) for turn in pinned if turn]
        nodes += [(turn, self.pins.get(turn[0].place.depth, False)) for turn in window]
        return [self._turn(turn, pinned) for turn, pinned in nodes]

    def at(self, depth: int) -> int:
        """Number of the first message at a depth or behind it."""
        return bisect_left(self.said, depth, key=_depth)

    def first(self, count: int) -> list[int]:
        """Depths of the first messages of the first so many turns."""
        found: list[int] = []
        for node in self.said:
            if not found or begins(node.value):
                if len(found) == count:
                    break
                found.append(node.place.depth)
        return found

    def begin_of(self, turn_id: str) -> int | None:
        """Depth at which the turn begins that holds what was said under an id; None if there is none."""
        at = next((i for i, node in enumerate(self.said) if node.turn == turn_id), None)
        if at is None:
            return None
        while at > 0 and not begins(self.said[at].value):
            at -= 1
        return self.said[at].place.depth

    def _pinned(self, depth: int, end: int) -> list[Kept]:
        """The nodes of a turn that stands before the window."""
        at = self.at(depth)
        if at >= end or self.said[at].place.depth != depth:
            return []
        until = at + 1
        while until < end and not begins(self.said[until].value):
            until += 1
        return self.said[at:until]

    def _turn(self, nodes: Sequence[Kept], pinned: bool) -> Turn:
        return Turn(tuple(self._entry(node, pinned) for node in nodes), pinned)

    def _entry(self, node: Kept, pinned: bool) -> Entry:
        message, tokens = node.value, node.weight
        assert isinstance(message, Message)  # `said` holds no others
        if node.place.depth < self.before and not pinned and has_results(message):
            message = without_results(message)
            tokens = weight_of(message)
        return Entry(node.place.depth, node.turn, message, tokens, node.place.segment)


def outline(path: Iterable[Kept]) -> Outline:
    """Read a path."""
    found = Outline()
    for node in path:
        if node.kind == "message":
            found.said.append(node)
        elif node.kind == "system":
            value = node.value
            found.system = value if isinstance(value, Message) else None
        else:
            found.take(node.value)
    return found


def _cut(found: Outline, cut: Cut) -> None:
    found.start = max(found.start, cut.start)
    found.summary = cut.summary or found.summary
    found.decided = (*found.decided, cut)


def _drop(found: Outline, drop: Drop) -> None:
    found.before = max(found.before, drop.before)
    found.decided = (*found.decided, drop)


def _note(found: Outline, note: Note) -> None:
    found.pins |= dict.fromkeys(note.pin, True) | dict.fromkeys(note.unpin, False)
    found.decided = (*found.decided, note)


_TAKE: Final[dict[type, Callable[[Outline, Any], None]]] = {Cut: _cut, Drop: _drop, Note: _note}


class View:
    """
    What would be sent.

    Attributes:
        outline: What the path says.
        asked: What is asked now.
        extra: Tokens of tools and of the answer's form.
        turns: The turns that are sent, the oldest first; what is asked belongs to the last.
        depth: Of the place where the turn hangs.
    """

    def __init__(self, found: Outline, asked: Sequence[Message] = (), *, extra: int = 0, depth: int = 0) -> None:
        self.outline = found
        self.asked = tuple(asked)
        self.extra = extra
        self.depth = depth
        self.turns = tuple(_with_asked(found.turns(), self.asked))

    def after(self, decision: Decision) -> View:
        """This, once that is decided."""
        return View(self.outline.after(decision), self.asked, extra=self.extra, depth=self.depth)

    @cached_property
    def loose(self) -> tuple[Turn, ...]:
        """The turns that may be left out, and the last one, which may not."""
        return tuple(turn for turn in self.turns[:-1] if not turn.pinned) + self.turns[-1:]

    @cached_property
    def fixed(self) -> int:
        """Tokens of what is sent whatever is cut: instructions, tools, summary, pinned turns."""
        head = sum(weight_of(message) for message in self.head())
        return self.extra + head + sum(turn.tokens for turn in self.turns[:-1] if turn.pinned)

    @cached_property
    def tokens(self) -> int:
        """About how many would be sent."""
        return self.fixed + sum(turn.tokens for turn in self.loose)

    def head(self) -> list[Message]:
        """Instructions and summary."""
        found = self.outline
        return ([found.system] if found.system else []) + ([said_before(found.summary)] if found.summary else [])

    def entries(self) -> Iterator[Entry]:
        """All messages, in the order in which they are sent; head and summary with depth 0 and no turn."""
        found = self.outline
        if found.system is not None:
            yield Entry(0, None, found.system, weight_of(found.system))
        summed_up = found.summary is None
        for turn in self.turns:
            if not summed_up and (turn.start == 0 or turn.start >= found.start):
                summed_up = True
                yield self._summary()
            yield from turn.entries
        if not summed_up:
            yield self._summary()

    def _summary(self) -> Entry:
        assert self.outline.summary is not None
        message = said_before(self.outline.summary)
        return Entry(0, None, message, weight_of(message))

    def messages(self) -> tuple[Message, ...]:
        """What would be sent."""
        return tuple(entry.message for entry in self.entries())

    def cut(self, out: int, by: str) -> Cut | None:
        """
        Leave out the oldest turns.

        Args:
            out: How many of `loose`; the last one always stays.
            by: Who says so.
        """
        loose = self.loose
        out = min(out, len(loose) - 1)
        if out < 1:
            return None
        start = loose[out].start or self.depth + 1
        gone = self.outline.at(start)
        stay = sum(len(turn.entries) for turn in self.turns[:-1] if turn.pinned and turn.start < start)
        return Cut(start, gone - stay, by, sum(turn.tokens for turn in loose[:out]))


def said_before(summary: Summary) -> Message:
    """The message that a summary is sent as."""
    return Message.user(SUMMED_UP + summary.text)


def without_results(message: Message) -> Message:
    """A message with a word in the place of what tools gave back, where that is longer."""
    parts = tuple(_without(part) if isinstance(part, ToolResult) else part for part in message.parts)
    return message if parts == message.parts else msgspec.structs.replace(message, parts=parts, native=None)


def _without(result: ToolResult) -> ToolResult:
    """A result without its content; the call that it answers keeps it, so that the pair stays whole."""
    if not droppable(result):
        return result
    return ToolResult(result.call_id, (Text(DROPPED),), result.name, result.is_error)


def droppable(result: ToolResult) -> bool:
    """Whether a result is longer than the word that would stand in its place."""
    return any(not isinstance(part, Text) for part in result.parts) or len(result.text) > len(DROPPED)


def begins(value: object) -> bool:
    """Whether a turn begins here: somebody speaks who is neither the model nor a tool."""
    return isinstance(value, Message) and value.role == "user" and not has_results(value)


def weight_of(message: Message) -> int:
    """About how many tokens a message is."""
    return count_prompt(ChatRequest("model", (message,)), "", "").tokens


def _depth(node: Kept) -> int:
    return node.place.depth


def _turns(nodes: Sequence[Kept]) -> Iterator[list[Kept]]:
    turn: list[Kept] = []
    for node in nodes:
        if turn and begins(node.value):
            yield turn
            turn = []
        turn.append(node)
    if turn:
        yield turn


def _with_asked(turns: list[Turn], asked: Sequence[Message]) -> list[Turn]:
    """What is asked is a turn, or belongs to the last one if it answers that one's calls."""
    if not asked:
        return turns
    entries = tuple(Entry(0, None, message, weight_of(message)) for message in asked)
    if turns and not begins(asked[0]):
        last = turns[-1]
        return [*turns[:-1], Turn((*last.entries, *entries), last.pinned)]
    return [*turns, Turn(entries)]
