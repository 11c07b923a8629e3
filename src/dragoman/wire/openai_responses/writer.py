"""
From messages to items, for requests.

Rules: what this dialect cannot carry is left out with a notice, never in silence.  State that a provider made goes back
to that provider only, and where nothing is stored there (`store: false`) without the ids under which it would be.  An
answer's reasoning goes back only together with the item that followed it, as the API demands.

Sources: OpenAI's OpenAPI file (`InputItem`); the API's error texts ("was provided without its required following item",
"Items are not persisted when `store` is set to false"); the recordings.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.types.http import Notice
from dragoman.types.messages import (
    Audio,
    File,
    Image,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.types.providers import Provider
from dragoman.wire.call_ids import CallIds
from dragoman.wire.openai_responses.blocks import encode_block
from dragoman.wire.openai_responses.dialect import NAME, Item, over, own
from dragoman.wire.openai_responses.items import call_item, kind_of
from dragoman.wire.place import Place
from dragoman.wire.turns import has_results

# The API's limit (`FunctionCallOutputItemParam.call_id`).
_LONGEST_ID: Final = 64

_INSTRUCTIONS: Final = ("system", "developer")
_CACHEABLE: Final = (Text, Image, File)


class ItemWriter:
    """
    Writes the messages of one request.

    Attributes:
        items: What was written so far.
        notices: What was adapted or left out.
    """

    def __init__(self, provider: Provider, *, stored: bool) -> None:
        self.items: list[Item] = []
        self.notices: list[Notice] = []
        self._provider = provider
        self._stored = stored  # whether the provider keeps answers, so that ids mean something to it
        self._ids = CallIds(valid_id)
        self._free_text: set[str] = set()  # ids of calls to custom tools
        self._blocks: list[tuple[Part, Item]] = []  # of the message that is open
        self._stripped = False  # ids of the message in hand are not sent
        self._moved: list[Item] = []  # what a model showed, until the results of its turn are over

    def add(self, message: Message, field: str) -> None:
        """Write one message."""
        if not has_results(message):
            self.show()
        origin = message.origin
        replay = origin is None or origin.partition("/")[0] == self._provider.name
        self._stripped = origin is not None and not self._stored
        if message.name:
            self.notices.append(Notice(f"{field}.name", "this dialect has no names of speakers; left out"))
        before = len(self.items)
        for i, part in enumerate(message.parts):
            place = Place(f"{field}.parts[{i}]", message.role, replay, self.notices)
            if part.cache is not None and not isinstance(part, _CACHEABLE):
                place.note("this dialect marks only texts, images and files for its cache; left out", ".cache")
            _WRITE[type(part)](self, part, place)
        self._flush(message.role)
        if origin is not None:
            self._drop_orphans(before, field)

    def show(self) -> None:
        """Have the user show what a model showed, where that is not done yet."""
        if self._moved:
            self.items.append({"type": "message", "role": "user", "content": self._moved})
            self._moved = []

    def _put(self, item: Item) -> None:
        self.items.append({name: value for name, value in item.items() if name != "id"} if self._stripped else item)

    # --- content ------------------------------------------------------------------------------------------------------

    def content(self, part: Text | Image | File | Audio | Refusal, place: Place) -> None:
        state = own(part.native, place.replay)
        if place.role == "assistant" and "block" not in state:
            self._said(part, state, place)
            return
        block = encode_block(part, place)
        if block is not None:
            self._blocks.append((part, block))
        if "item" in state:
            self._flush(place.role, state["item"])

    def _said(self, part: Text | Image | File | Audio | Refusal, state: dict[str, Any], place: Place) -> None:
        """
        Write a piece of an answer that did not come as a block: a message of its own, whose content is a text.

        The vendor's schema allows blocks of an answer only with ids that it gave itself.
        """
        self._flush(place.role)
        text = ""
        if isinstance(part, Refusal):
            place.note("a refusal goes back as a text")
            text = part.text
        elif isinstance(part, Text):
            text = part.text
            if part.citations:
                place.note("sources of an answer are sent to the provider that gave them only; left out", ".citations")
        elif isinstance(part, Image | File) and (
            shown := encode_block(part, msgspec.structs.replace(place, role="user"))
        ):
            place.note("an answer holds only text here; moved into a user message after it")
            self._moved.append(shown)
        elif (block := encode_block(part, place)) is not None:
            text = block["text"]
        if text or "item" in state:
            self._put(over({"type": "message", "role": "assistant", "content": text}, state.get("item", {})))

    def _flush(self, role: str, rest: dict[str, Any] | None = None) -> None:
        """End the message that is open, if there is one."""
        blocks, self._blocks = self._blocks, []
        if not blocks:
            return
        content: Any = [block for _, block in blocks]
        part, block = blocks[0]
        if len(blocks) == 1 and set(block) == {"type", "text"} and "block" not in own(part.native):
            content = block["text"]
        if role == "tool":
            role = "user"  # what stands beside results is the user's
        if role in _INSTRUCTIONS and rest is None:
            role = self._provider.quirks.system_role or role
        self._put(over({"type": "message", "role": role, "content": content}, rest or {}))

    # --- items --------------------------------------------------------------------------------------------------------

    def reasoning(self, part: Reasoning, place: Place) -> None:
        self._flush(place.role)
        item = own(part.native, place.replay)
        if not item:
            if part.text or part.native:
                place.note("reasoning of another provider, or without its item, is not sent; left out")
        elif self._stripped and not item.get("encrypted_content"):
            place.note(
                "reasoning that is not stored goes back only with include=['reasoning.encrypted_content']; left out"
            )
        else:
            self._put({name: value for name, value in item.items() if value is not None})

    def _drop_orphans(self, before: int, field: str) -> None:
        """Take back reasoning whose partner does not follow: it was cut off, removed, or other words took its place."""
        written, self.items = self.items, self.items[:before]
        kept: list[Item] = []
        after: Item | None = None  # what follows that is no reasoning
        for item in reversed(written[before:]):
            if kind_of(item) != "reasoning":
                after = item
            elif after is None or (kind_of(after) == "message" and "id" in item and "id" not in after):
                text = "reasoning without the item that followed it is not accepted; left out"
                self.notices.append(Notice(field, text))
                continue
            kept.append(item)
        self.items += reversed(kept)

    def call(self, part: ToolCall, place: Place) -> None:
        self._flush(place.role)
        call_id = self._ids.call(part)
        if part.kind == "custom":
            self._free_text.add(call_id)
        self._put(over(call_item(part, call_id), own(part.native, place.replay)))

    def result(self, part: ToolResult, place: Place) -> None:
        self._flush(place.role)
        if part.is_error:
            place.note("this dialect does not mark a failed tool; its text was sent as an ordinary result", ".is_error")
        call_id = self._ids.result(part)
        kind = "custom_tool_call_output" if call_id in self._free_text else "function_call_output"
        made = {"type": kind, "call_id": call_id, "output": self._output(part, place)}
        self._put(over(made, own(part.native, place.replay)))

    def _output(self, result: ToolResult, place: Place) -> Any:
        """A lone text that did not come as a block is sent as one; some servers take nothing else."""
        parts = result.parts
        if not parts or (len(parts) == 1 and isinstance(parts[0], Text) and not parts[0].native and not parts[0].cache):
            return result.text
        blocks: list[Item] = []
        for i, part in enumerate(parts):
            block = encode_block(part, Place(f"{place.field}.parts[{i}]", "tool", place.replay, self.notices))
            if block is not None:
                blocks.append(block)
        return blocks

    def opaque(self, part: Opaque, place: Place) -> None:
        if "block" in own(part.native):
            block = encode_block(part, place)
            if block is not None:
                self._blocks.append((part, block))
            if "item" in own(part.native):
                self._flush(place.role, own(part.native)["item"])
            return
        self._flush(place.role)
        if part.wire == NAME and place.replay:
            self._put({name: value for name, value in part.data.items() if value is not None})
        else:
            place.note(f"a {part.data.get('type', 'block')} of {part.wire} is sent to its own provider only; left out")


_WRITE: Final[dict[type[Any], Callable[[ItemWriter, Any, Place], None]]] = {
    Text: ItemWriter.content,
    Image: ItemWriter.content,
    File: ItemWriter.content,
    Audio: ItemWriter.content,
    Refusal: ItemWriter.content,
    Reasoning: ItemWriter.reasoning,
    ToolCall: ItemWriter.call,
    ToolResult: ItemWriter.result,
    Opaque: ItemWriter.opaque,
}


def valid_id(value: str) -> str:
    """
    The id of a call, or one made of it that the API accepts.

    >>> valid_id("call_1"), valid_id("x" * 70)[-12:]
    ('call_1', 'xxx-0c1c8c4a')
    """
    if len(value) <= _LONGEST_ID:
        return value
    return f"{value[: _LONGEST_ID - 9]}-{zlib.crc32(value.encode('utf-8', 'surrogatepass')):08x}"
