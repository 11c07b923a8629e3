"""
What is written so far of one text.

It grows by records, and the same records are kept in the checkpoint: a text that goes on in another process is the same
as one that never stopped.

Rule: whatever was delivered is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from dragoman.types.http import Notice
from dragoman.types.messages import Message
from dragoman.types.responses import ChatResponse
from dragoman.writing.asking import Turn

# What of an answer is neither sent back nor told at the end.
_LEFT_OUT = {"body": None, "output": None, "extras": (), "alternatives": ()}


class TextRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="text", omit_defaults=True):
    """More of the text, as it was delivered."""

    text: str
    section: int = 0


class RoundRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="round", omit_defaults=True):
    """
    A round is at its end.

    Attributes:
        answer: As it came; its message only in `turn`.
        turn: How it is sent back; None for one without words.
        chars: Length of the text at its end.
        notices: What was done at the seam, and before the next round.
        section: Number of the section of a report, from 1; 0 for its plan, or for a text that has none.
        last: Whether the text is finished.
        start: Length of the text at its begin; None, as earlier versions wrote it, for where the last one ended.
    """

    answer: ChatResponse
    turn: Turn | None
    chars: int
    notices: tuple[Notice, ...] = ()
    section: int = 0
    last: bool = False
    start: int | None = None


Record = TextRecord | RoundRecord


class Draft:
    """
    Attributes:
        rounds: The answers so far, in order, without their words.
        turns: How they are sent back.
        notices: What was done at seams.
        finished: Whether the last round ended the text.
        cut: Whether a process ended in the middle of a round.
    """

    def __init__(self) -> None:
        self.rounds: list[ChatResponse] = []
        self.turns: list[Turn] = []
        self.notices: list[Notice] = []
        self.finished = False
        self.cut = False
        self._pieces: list[str] = []
        self._length = 0

    @property
    def text(self) -> str:
        """All that is written."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def __len__(self) -> int:
        return self._length

    def add(self, text: str) -> None:
        """More of the text."""
        self._pieces.append(text)
        self._length += len(text)

    def end(self, record: RoundRecord) -> None:
        """A round is at its end."""
        self.rounds.append(record.answer)
        if record.turn is not None:
            self.turns.append(record.turn)
        self.notices += record.notices
        self.finished = record.last

    def resume(self, records: Sequence[Record]) -> None:
        """Take over what other processes have written."""
        at = 0  # length at the end of the last round
        for record in records:
            if isinstance(record, TextRecord):
                self.add(record.text)
                continue
            self._without_round(at, at if record.start is None else record.start)
            self.end(record)
            at = record.chars
        self._without_round(at, self._length)

    def _without_round(self, start: int, end: int) -> None:
        """What a process wrote that ended in the middle of a round: the model is shown it like any other piece."""
        if start < end:
            self.cut = True
            self.turns.append(Turn(Message.assistant(self.text[start:end])))
            text = f"a round was cut after {end - start} characters: what it used is not counted"
            self.notices.append(Notice("checkpoint", text, adapted=False))

    @property
    def output_tokens(self) -> int | None:
        """Tokens that were written, reasoning included; None if one round does not say."""
        told = [answer.usage.output_tokens for answer in self.rounds]
        known = [number for number in told if number is not None]
        return sum(known) if len(known) == len(told) else None

    @property
    def cost(self) -> Decimal | None:
        """US dollars; None if the price of one round is not known."""
        told = [answer.cost for answer in self.rounds]
        known = [number for number in told if number is not None]
        return sum(known, Decimal(0)) if len(known) == len(told) else None


def stored(answer: ChatResponse) -> ChatResponse:
    """An answer without its words, which the text and the turn have."""
    return msgspec.structs.replace(answer, message=Message("assistant"), **_LEFT_OUT)
