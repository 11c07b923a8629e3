"""
A turn that runs elsewhere, read while it is answered.

The store has the events of a streamed answer a quarter of a second after they came, in pieces; they are handed out in
the order in which they came.  What was not streamed comes at its end.

Rule: a turn that ends without a whole answer raises; a part of an answer never looks like one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from dragoman.conversation.checks import locked
from dragoman.conversation.model import Piece, Record, Ref, read_events
from dragoman.conversation.store import Store
from dragoman.conversation.turns import decode_answer
from dragoman.errors import ConversationError, StreamInterrupted, TimeoutError
from dragoman.runtime import Runtime
from dragoman.types.events import Event, Finish, PartEnd, ReasoningDelta, RefusalDelta, Start, TextDelta, ToolCallDelta
from dragoman.types.fold import Folder, unfold
from dragoman.types.messages import Message
from dragoman.types.responses import ChatResponse

# Seconds between two looks into the store.
_LOOK: Final = 0.05


class Followed:
    """
    The answer of a turn that another asks, as an `Opened`.

    Attributes:
        response: None: it is a stream.
    """

    response: ChatResponse | None = None

    def __init__(self, store: Store, runtime: Runtime, ref: Ref, key: str, until: float | None) -> None:
        """
        Args:
            store: Where the turn is.
            runtime: Of the call.
            ref: Its conversation.
            key: Its id.
            until: When to give up, on the runtime's clock; None to follow as long as it runs.
        """
        self._store = store
        self._runtime = runtime
        self._ref = ref
        self._key = key
        self._until = until
        self._seen: list[Event] = []
        self._next = 0
        self._fence: int | None = None
        self._folder = Folder()
        self._answer: ChatResponse | None = None
        self._left = False

    async def more(self) -> list[Event]:
        """
        Return the next events; an empty list at the end.

        Raises:
            StreamInterrupted: The turn failed, was left, or was begun again; `.partial` has what had come.
            ConversationError: There is no such turn.
            StoreError: It is sealed with another key.
            TimeoutError: It still runs, and the time is over.
        """
        while not self._left and self._answer is None:
            record = await self._store.turn(self._runtime, self._ref, self._key, self._next - 1)
            events = self._of(record)
            if events:
                return events
            await self._pause()
        return []

    def folded(self) -> ChatResponse:
        """The answer so far."""
        return self._answer or self._folder.response()

    def abandon(self) -> None:
        """Stop reading; the turn goes on."""
        self._left = True

    def _of(self, record: Record | None) -> list[Event]:
        if record is None:
            raise ConversationError(
                f"the conversation {self._ref.conversation!r} has no turn {self._key!r}", field="turn_id"
            )
        if record.seal:
            raise locked(self._ref.conversation)
        if self._fence not in (None, record.fence):
            raise self._broken("was begun again: watch it anew")
        self._fence = record.fence
        events = self._heard(record.pieces)
        if record.state == "done":
            return events + self._end(record)
        if record.state != "running" and not events:
            raise self._broken(f"{record.state}: {record.error.decode()}" if record.error else record.state)
        return events

    def _heard(self, pieces: Iterable[Piece]) -> list[Event]:
        """The events of pieces that follow what was heard; a gap ends it."""
        events: list[Event] = []
        for piece in pieces:
            if piece.seq != self._next:
                break
            self._next += 1
            events += read_events(piece.events)
        for event in events:
            self._folder.add(event)
        self._seen += events
        return events

    def _end(self, record: Record) -> list[Event]:
        """What is missing of a whole answer: nothing of one that was streamed, unless its pieces are gone."""
        last = record.last.value if record.last is not None else None
        assert isinstance(last, Message)  # a turn that is done ends with what the model said
        self._answer = decode_answer(record.answer, last)
        return [] if self._seen and type(self._seen[-1]) is Finish else rest_of(self._answer, self._seen)

    def _broken(self, why: str) -> StreamInterrupted:
        return StreamInterrupted(f"the turn {self._key!r} {why}", partial=self._folder.response())

    async def _pause(self) -> None:
        if self._until is not None and self._runtime.now() >= self._until:
            raise TimeoutError(f"the turn {self._key!r} still runs", clock="total", partial=self._folder.response())
        await self._runtime.sleep(_LOOK)


def rest_of(answer: ChatResponse, seen: Iterable[Event]) -> list[Event]:
    """
    The events of an answer behind those that were seen.

    Deltas may be cut elsewhere than they came, so what was seen is counted: characters of each kind, and other events.
    """
    count = _Count(seen)
    rest: list[Event] = []
    end: list[Event] = []  # of a part that was seen whole; said only if the next begins
    for event in unfold(answer):
        new = count.unseen(event)
        if isinstance(event, PartEnd) and not rest:
            end = [event]
        elif new is not None and not (isinstance(event, Start) and (rest or count.any)):
            rest += [*(end if new is event else []), new]
            end = []
    return rest


class _Count:
    """How much of each kind of event was seen."""

    def __init__(self, seen: Iterable[Event]) -> None:
        self._lengths: Counter[object] = Counter()
        self._others: Counter[object] = Counter()
        for event in seen:
            if isinstance(event, _DELTAS):
                self._lengths[_channel(event)] += len(_text(event))
            else:
                self._others[type(event)] += 1
        self.any = bool(self._lengths or self._others)

    def unseen(self, event: Event) -> Event | None:
        """What of the next event was not seen."""
        if not isinstance(event, _DELTAS):
            self._others[type(event)] -= 1
            return event if self._others[type(event)] < 0 else None
        channel, text = _channel(event), _text(event)
        skipped = min(self._lengths[channel], len(text))
        self._lengths[channel] -= skipped
        if not skipped:
            return event
        return _with_text(event, text[skipped:]) if skipped < len(text) else None


_Delta = TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta
_DELTAS: Final = (TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta)


def _channel(event: _Delta) -> object:
    return event.index if isinstance(event, ToolCallDelta) else type(event)


def _text(event: _Delta) -> str:
    return event.json if isinstance(event, ToolCallDelta) else event.text


def _with_text(event: _Delta, text: str) -> Event:
    if isinstance(event, ToolCallDelta):
        return ToolCallDelta(event.index, text)
    if isinstance(event, TextDelta):
        return TextDelta(text)
    return msgspec.structs.replace(event, text=text)
