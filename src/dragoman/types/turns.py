"""A turn of a conversation, as its caller sees it."""

from __future__ import annotations

from typing import Literal

import msgspec

from dragoman.types.messages import Message

TurnState = Literal["running", "done", "failed", "interrupted"]


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """
    One question under its id, and what became of it.

    Attributes:
        id: The caller's, or one that was made.
        state: `running`, `done`, `failed` or `interrupted`.  One whose worker died is `interrupted`.
        branch: Where it was said.
        edits: The turn in whose place it was said; None for one at the end, and for one that is done.
        messages: What was asked; empty for a turn that is done, whose messages are in the history.
        text: What had come of an answer that is not whole; never the whole one.
        error: What went wrong, or None.
        begun: Unix seconds.
        ended: Unix seconds, or None while it runs.
    """

    id: str
    state: TurnState
    branch: str
    edits: str | None = None
    messages: tuple[Message, ...] = ()
    text: str = ""
    error: str | None = None
    begun: float = 0.0
    ended: float | None = None
