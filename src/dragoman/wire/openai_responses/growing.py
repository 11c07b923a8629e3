"""
An item of a streamed answer while it comes in.

Rule: it remembers what of it was passed on, so that an event which repeats the whole adds only what is missing.
"""

from __future__ import annotations

from typing import Any, Final

from dragoman.wire.openai_responses.dialect import Item
from dragoman.wire.openai_responses.items import kind_of

_EMPTY: Final[Item] = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
_SHOWN: Final = {"content": "reasoning_text", "summary": "summary_text"}


class Growing:
    """
    One item.

    Attributes:
        item: As it was announced.
        kind: Its type.
        call: Its number among the tool calls, or -1.
        said: What was passed on of each block of its content (of its summary, of its arguments), in pieces.
        sources: How many citations of each block were passed on.
        blocks: The blocks of its content as announced, or whole.
        ended: How many of them are whole.
        shown: Of reasoning, what is passed on: `content` or `summary`.
        closed: Nothing more is to come.
    """

    __slots__ = ("blocks", "call", "closed", "ended", "item", "kind", "said", "shown", "sources")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.kind = kind_of(item)
        self.call = -1
        self.said: dict[int, list[str]] = {}
        self.sources: dict[int, int] = {}
        self.blocks: dict[int, Item] = {}
        self.ended = 0
        self.shown = ""
        self.closed = False

    def missing(self, index: int, text: str) -> str:
        """What of the whole `text` of a block was not passed on; nothing if that does not begin it."""
        said = "".join(self.said.get(index, ()))
        return text[len(said) :] if text.startswith(said) else ""

    def block(self, index: int) -> Item:
        """A block of the content as far as it came."""
        block = self.blocks.get(index, _EMPTY)
        said = "".join(self.said.get(index, ()))
        field = "refusal" if block.get("type") == "refusal" else "text"
        return {**block, field: said} if said else block

    def assembled(self) -> Item:
        """The item as far as it came, for one that is never told whole."""
        if self.kind == "reasoning":
            texts = ("".join(pieces) for _, pieces in sorted(self.said.items()))
            told: list[Any] = [{"type": _SHOWN[self.shown], "text": text} for text in texts if self.shown]
            return {"summary": [], **self.item, **({self.shown: told} if told else {})}
        count = max((*self.said, *self.blocks), default=-1) + 1
        content = [self.block(index) for index in range(count)]
        return {**self.item, "role": "assistant", "status": "completed", "content": content}
