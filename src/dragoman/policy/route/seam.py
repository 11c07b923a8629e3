"""
Going on with a text that broke off: what is asked, and how the two pieces are put together.

Where the model goes on with an answer that was begun, it is given the words as its own beginning.  Else they stand as
its turn, and a turn of the user asks it to go on.

A model that was asked to go on likes to repeat the last words, or all of them.  What it repeats is taken out: the
longest beginning of its answer that the delivered words end with.  For that the first characters are held back, as long
as they may still be a repetition.

Rule: no word is invented, and none is taken out that does not stand there already.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.types.events import ProviderEvent
from dragoman.types.messages import Message, Part, Text

GO_ON: Final = (
    "Your answer was cut off. Go on exactly where it stopped, in the middle of the word if need be. "
    "Repeat nothing of it and say nothing about it."
)
"""The turn of the user that asks for the rest."""

SEAM: Final = "dragoman"
"""`ProviderEvent.wire` of the event that marks a seam."""

# So much of what was delivered is looked at, and so many characters that stand in both pieces are no accident.
_TAIL: Final = 4000
_LEAST: Final = 4


def continued(messages: tuple[Message, ...], prefix: str, *, begins: bool) -> tuple[Message, ...]:
    """
    The messages that ask for the rest of an answer.

    Args:
        messages: What was asked.
        prefix: What was delivered of the answer.
        begins: Whether the model goes on with an answer that was begun.
    """
    if not prefix.strip():
        return messages
    last = messages[-1]
    begun = prefix
    if last.role == "assistant" and all(isinstance(part, Text) for part in last.parts):
        messages, begun = messages[:-1], last.text + prefix
    if begins:
        # Anthropic: "final assistant content cannot end with trailing whitespace".
        return (*messages, Message.assistant(begun.rstrip()))
    return (*messages, Message.assistant(begun), Message.user(GO_ON))


def seam(provider: str | None, model: str | None, at: int, error: str) -> ProviderEvent:
    """
    The event between two pieces: `data["seam"]` has who broke off (`provider`, `model`), after how many characters of
    text (`at`), and why (`error`, the name of the class).
    """
    data: dict[str, Any] = {"seam": {"provider": provider, "model": model, "at": at, "error": error}}
    return ProviderEvent(SEAM, data)


class Joiner:
    """
    Takes the text of the second piece, and gives what is not a repetition of the first.

    Args:
        delivered: The first piece.
        begun: Whether the model was given it as its own beginning: then only white space may come twice.

    Attributes:
        open: Whether text is held back, or may be.
    """

    def __init__(self, delivered: str, *, begun: bool = False) -> None:
        tail = delivered[-_TAIL:]
        self._tail = tail[len(tail.rstrip()) :] if begun else tail
        self._held = ""
        self.open = bool(self._tail)

    def feed(self, text: str) -> str:
        """More of the second piece: what of it is to be delivered now."""
        if not self.open:
            return text
        self._held += text
        # It may go on to be a repetition as long as it stands somewhere in the tail.
        if self._held in self._tail:
            return ""
        return self.close()

    def close(self) -> str:
        """Nothing more will come: what was held back and is no repetition."""
        held, self._held, self.open = self._held, "", False
        return held[_overlap(self._tail, held) :]


def _overlap(tail: str, text: str) -> int:
    """Characters at the start of `text` that `tail` ends with; a few letters are an accident."""
    for size in range(min(len(tail), len(text)), 0, -1):
        if tail.endswith(text[:size]):
            return size if size >= _LEAST or text[:size].isspace() else 0
    return 0


def bare(part: Part) -> Part:
    """A part without what only its author could take back: the whole is nobody's own answer any more."""
    native = getattr(part, "native", None)
    return msgspec.structs.replace(part, native=None) if native else part
