"""
A turn under way: its lease, and its one end.

Rule: a turn ends once.  Whole, it is committed before its reader sees the end; failed or left, it is marked so, and
what had come of its text stays with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from dragoman import background
from dragoman.conversation.heart import Beat
from dragoman.conversation.model import Mark, Outcome
from dragoman.conversation.nodes import Kept, Node, Place
from dragoman.conversation.store import Store
from dragoman.conversation.view import node_of
from dragoman.errors import DragomanError, LeaseLostError, StoreError
from dragoman.policy.base import Opened
from dragoman.runtime import BlockingRuntime, Runtime, drive
from dragoman.types.events import Event, Finish
from dragoman.types.fold import fold, unfold
from dragoman.types.messages import Message
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import RunResponse

# Tries to write an answer down that was paid for, and seconds between them.
_TRIES: Final = 4
_PAUSE: Final = 0.1

_log = logging.getLogger("dragoman.conversation")
_BLOCKING: Final = BlockingRuntime()


class Held:
    """
    A turn that has its lease.

    Attributes:
        mark: What its writes carry.
        nodes: What joins the tree before the answer.
    """

    def __init__(self, store: Store, runtime: Runtime, mark: Mark, ttl: float) -> None:
        """
        Args:
            store: Where it is kept.
            runtime: Of the call.
            mark: What its writes carry.
            ttl: Seconds that the lease holds.
        """
        self.mark = mark
        self._store = store
        self._runtime = runtime
        self.nodes: tuple[Node, ...] = ()
        self._opened: Opened | None = None
        self._once = [True]  # popped by whoever is first, which is atomic
        self._beat = Beat(store, mark, ttl, self._on_lost)
        self._beat.start()

    @property
    def lost(self) -> bool:
        """Whether another has the lease now."""
        return self._beat.lost

    def over(self, opened: Opened) -> None:
        """Say what is closed when the lease is lost."""
        self._opened = opened
        if self.lost:
            opened.abandon()

    def heard(self, events: Sequence[Event]) -> None:
        """More of the answer has come."""
        if events:
            self._beat.heard(events)

    async def done(self, answer: ChatResponse, messages: Sequence[Message]) -> list[Kept]:
        """
        Commit the answer.

        Args:
            answer: Whole.
            messages: What the model said, and tools: what joins the tree behind what was asked.

        Raises:
            LeaseLostError: Another took over.  `.partial` has the answer.
            StoreError: It could not be written.  Likewise.
        """
        if not self._claim():
            raise self._lost(answer)
        nodes = (*self.nodes, *(node_of(message) for message in messages))
        try:
            outcome = Outcome(state="done", nodes=nodes, answer=encode_answer(answer), pieces=self._beat.rest())
            leaf = await self._committed(outcome)
        except DragomanError as error:
            error.partial = answer
            self._release()
            raise
        except BaseException:
            self._release()
            raise
        return kept(nodes, leaf, self.mark.key)

    async def failed(self, error: DragomanError) -> None:
        """Mark the turn: the answer failed."""
        if self._claim():
            try:
                outcome = Outcome(
                    state="interrupted" if self._beat.any else "failed",
                    error=error.message.encode(),
                    pieces=self._beat.rest(),
                )
                await self._store.commit(self._runtime, self.mark, outcome)
            except (LeaseLostError, StoreError) as other:  # the caller is told of the first
                _log.warning("a turn that failed could not be marked so: %s", other)

    def left(self) -> None:
        """Mark the turn: nobody reads on.  Never waits."""
        if self._claim():
            self._release()

    def _release(self) -> None:
        """Give the lease back, soon; if the turn was committed after all, this changes nothing."""
        outcome = Outcome(state="interrupted", pieces=self._beat.rest())
        store, mark = self._store, self.mark
        background.submit(lambda: _mark(store, mark, outcome))

    async def _committed(self, outcome: Outcome) -> Place:
        for again in range(1, _TRIES):
            try:
                return await self._store.commit(self._runtime, self.mark, outcome)
            except StoreError as error:  # the same commit twice is one
                if not (error.outcome_unknown or error.retryable):
                    raise
            await self._runtime.sleep(_PAUSE * again)
        return await self._store.commit(self._runtime, self.mark, outcome)

    def _claim(self) -> bool:
        self._beat.stop()
        try:
            return self._once.pop()
        except IndexError:
            return False

    def _on_lost(self) -> None:
        if self._opened is not None:
            self._opened.abandon()

    def _lost(self, answer: ChatResponse) -> LeaseLostError:
        return LeaseLostError(
            f"the turn {self.mark.key!r} of {self.mark.ref.conversation!r} was taken over: nothing was written",
            partial=answer,
        )


class Spoken:
    """
    The answer of a turn, as an `Opened`.

    Attributes:
        response: None: it is a stream.
    """

    response: ChatResponse | None = None

    def __init__(self, opened: Opened, held: Held, learn: Callable[[list[Kept]], None]) -> None:
        """
        Args:
            opened: The model's answer.
            held: Its turn.
            learn: Given the new nodes when it is committed.
        """
        self._opened = opened
        self._held = held
        self._learn = learn
        self._whole = False
        held.over(opened)

    async def more(self) -> list[Event]:
        """Return the next events; an empty list at the end."""
        if self._whole:
            return await self._opened.more()
        try:
            events = await self._opened.more()
        except DragomanError as error:
            if self._held.lost:  # it was closed for that
                raise await self._taken() from error
            await self._held.failed(error)
            raise
        except BaseException:
            self._left()
            raise
        if self._held.lost:
            self._opened.abandon()
            raise await self._taken()
        self._held.heard(events)
        # Finish is the last event of every dialect (docs/decisions/0002); who reads no further has read all.
        if not events or type(events[-1]) is Finish:
            answer = self._opened.folded()
            self._learn(await self._held.done(answer, (answer.message,)))
            self._whole = True
        return events

    def folded(self) -> ChatResponse:
        """Return the answer so far."""
        return self._opened.folded()

    def abandon(self) -> None:
        """Close the upstream now, if it is open.  Idempotent, never waits, from any thread."""
        self._opened.abandon()
        self._left()

    def _left(self) -> None:
        self._held.left()

    async def _taken(self) -> LeaseLostError:
        error = LeaseLostError(f"the turn {self._held.mark.key!r} was taken over by another", partial=self.folded())
        await self._held.failed(error)
        return error


class Told:
    """An answer that was given before, as an `Opened` stream.  `response` is None: it is a stream."""

    response: ChatResponse | None = None

    def __init__(self, answer: ChatResponse) -> None:
        self._answer = answer
        self._given = False

    async def more(self) -> list[Event]:
        """All events, then none."""
        if self._given:
            return []
        self._given = True
        return unfold(self._answer)

    def folded(self) -> ChatResponse:
        """The answer, once it was read."""
        return self._answer if self._given else fold(())

    def abandon(self) -> None:
        """There is nothing to close."""


def kept(nodes: Sequence[Node], leaf: Place, key: str | None) -> list[Kept]:
    """Nodes that were hung, as they are read."""
    first = leaf.depth - len(nodes) + 1
    return [
        Kept(Place(leaf.segment, first + i), key, node.kind, node.weight, node.id, node.body)
        for i, node in enumerate(nodes)
    ]


def encode_answer(answer: ChatResponse) -> bytes:
    """
    The bytes of an answer, without its message (a node has it) and without what belongs to one call.

    Left out are the ledger, the bytes as received, and the typed value, which is made anew from the text.
    """
    bare = msgspec.structs.replace(
        answer, message=Message("assistant", ()), attempts=(), body=None, output=None, alternatives=()
    )
    if isinstance(bare, RunResponse):
        bare = msgspec.structs.replace(bare, messages=(), rounds=())
    return msgspec.msgpack.encode(bare)


def decode_answer(data: bytes, message: Message) -> ChatResponse:
    """Give back what `encode_answer` made, with its message."""
    return msgspec.structs.replace(msgspec.msgpack.decode(data, type=ChatResponse), message=message)


def _mark(store: Store, mark: Mark, outcome: Outcome) -> None:
    try:
        drive(store.commit(_BLOCKING, mark, outcome))
    except LeaseLostError:  # then it is marked already
        _log.debug("the turn %r was taken over before it was left", mark.key)
