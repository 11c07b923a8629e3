"""
A step of a stream that still grows.

Source: google-genai SDK 3.4.0 (`StepStart`, `StepDeltaData`); the recordings.
"""

from __future__ import annotations

import base64
from typing import Any

from dragoman.wire.gemini_interactions.content import ascii_length
from dragoman.wire.gemini_interactions.dialect import Json
from dragoman.wire.google_media import decode_base64
from dragoman.wire.lenient import is_array, list_of, object_of, text_of


class Growing:
    """
    One step.

    Attributes:
        step: As it began; Google's own steps grow in place.
        kind: Its type.
        call: Index among the calls; -1 for what is none.
        state: What the next part that ends is to keep in its `native`.
        pieces: Arguments, or blocks of a thought, that came so far.
        sound: Pieces of a sound that is not whole.
        texting: A text or a thought is open.
        sure: Characters of the open text that are of one byte each, from its start; -1 after other blocks.
    """

    __slots__ = ("_ascii", "call", "kind", "pieces", "sound", "state", "step", "sure", "texting")

    def __init__(self, step: Json) -> None:
        self.step = step
        self.kind = text_of(step.get("type"))
        self.call = -1
        self.state: Json = {}
        self.pieces: list[Any] = []
        self.sound: list[Json] = []
        self.texting = False
        self.sure = 0
        self._ascii = True

    def blocks(self) -> list[Json]:
        """The blocks with which it began."""
        return [object_of(block) for block in list_of(self.step.get("content"))]

    def add_text(self, text: str) -> None:
        """More text, in the part that is open."""
        self.texting = True
        if self._ascii and self.sure >= 0:
            self.sure += ascii_length(text)
            self._ascii = text.isascii()

    def merge(self, delta: Json) -> None:
        """More of a step of Google's own: lists go on, everything else is said anew."""
        for name, value in delta.items():
            before = self.step.get(name)
            if is_array(before) and is_array(value):
                before.extend(value)
            elif name != "type" and value not in (None, ""):
                self.step[name] = value

    def continues(self, block: Json) -> bool:
        """Whether a piece of sound goes on with the one before it."""
        return bool(self.sound) and _form(self.sound[-1]) == _form(block)

    def taken_sound(self) -> Json | None:
        """The sound so far as one block, or None if there is none; the next one begins anew."""
        pieces, self.sound = self.sound, []
        if len(pieces) < 2:
            return pieces[0] if pieces else None
        data = b"".join(decode_base64(text_of(piece.get("data")), "delta.data") for piece in pieces)
        return {**pieces[0], "data": base64.b64encode(data).decode()}


def _form(block: Json) -> Json:
    return {name: value for name, value in block.items() if name != "data"}
