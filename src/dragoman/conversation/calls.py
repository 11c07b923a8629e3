"""A turn before it has begun, and when it has."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

from dragoman.conversation.checks import check_text, input_of, instead_of, read_input
from dragoman.conversation.model import Record, read_events
from dragoman.conversation.nodes import Kept
from dragoman.conversation.turns import Held
from dragoman.conversation.windows.sending import Ready
from dragoman.types.fold import fold
from dragoman.types.requests import ChatRequest, OutputFormat
from dragoman.types.turns import Turn
from dragoman.verbs.run import Rounds

if TYPE_CHECKING:
    from dragoman.policy.route.way import Way


class Call:
    """
    A turn that has not begun.

    Attributes:
        key: Its id.
        request: What it says, with its settings.
        way: The plan by which it is asked.
        rounds: The run, if tools are run.
        edits: Id of the turn in whose place it comes.
        said: What it says, as JSON.
        input: The same, with the turn in whose place it comes, as it is kept until it is done.
    """

    def __init__(
        self, key: str | None, request: ChatRequest, way: Way | None, rounds: Rounds | None, edits: str | None
    ) -> None:
        if key is not None:
            check_text(key, "turn_id")
        if edits is not None:
            check_text(edits, "edits")
        self.named = key is not None
        self.key = key or token_hex(12)
        self.request = request
        self.way = way
        self.rounds = rounds
        self.edits = edits
        self.said = input_of(request.messages)
        self.input = self.said if edits is None else instead_of(edits, self.said)

    @property
    def output(self) -> OutputFormat | None:
        """The form of its answer."""
        return self.request.output


class Begun:
    """A turn that has its lease: what is sent, and the turn."""

    def __init__(self, held: Held, ready: Ready, request: ChatRequest, seen: list[Kept], epoch: int) -> None:
        self.held = held
        self.ready = ready
        self.request = request
        self.seen = seen
        self.epoch = epoch


def shown(record: Record) -> Turn:
    """A turn as its caller sees it."""
    events = [event for piece in record.pieces for event in read_events(piece.events)]
    edits, messages = read_input(record.input)
    return Turn(
        id=record.key,
        state=record.state,
        branch=record.branch,
        edits=edits,
        messages=messages,
        text=fold(events).text if record.state != "done" else "",
        error=record.error.decode() or None,
        begun=record.begun,
        ended=record.ended,
    )
