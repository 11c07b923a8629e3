"""
Items of a streamed answer while they go out, as a server.

Each class writes one kind of item: its announcement, its growth, and its end, which tells it whole.  What it writes
goes to `emit`, which numbers the events.

Source: OpenAI's OpenAPI file (`ResponseStreamEvent`); SDK 3.54, `lib/streaming/responses`.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from dragoman.types.messages import Citation, Reasoning, Refusal, Text, TokenLogprob, ToolCall
from dragoman.wire.lenient import text_of
from dragoman.wire.logprobs import encode_logprobs
from dragoman.wire.openai_responses.blocks import encode_citation
from dragoman.wire.openai_responses.dialect import NAME, Item, own
from dragoman.wire.openai_responses.serve import encode_answer_block, encode_call, message_item, reasoning_item


class Emit(Protocol):
    """Writes one event of the stream."""

    def __call__(self, kind: str, /, **fields: Any) -> None: ...


class GrowingMessage:
    """
    A message.

    Args:
        emit: Where events go.
        index: Its place in the output.
        announced: What is known of the item before its content.
    """

    def __init__(self, emit: Emit, index: int, announced: Item) -> None:
        self._emit = emit
        self._rest = {name: value for name, value in announced.items() if name not in ("type", "content", "status")}
        self._blocks: list[Item] = []  # those that are whole
        self._kind = ""  # of the block that grows
        self._texts: list[str] = []
        self._sources: list[Citation] = []
        self._logprobs: list[TokenLogprob] = []
        item = message_item(index, [], self._rest)
        self._rest["id"] = item["id"]
        self._at = {"item_id": item["id"], "output_index": index}
        self._index = index
        emit("response.output_item.added", output_index=index, item={**item, "status": "in_progress"})

    def text(self, text: str, logprobs: tuple[TokenLogprob, ...] = ()) -> None:
        """More text."""
        place = self._grow("output_text")
        self._texts.append(text)
        self._logprobs += logprobs
        self._emit("response.output_text.delta", **place, delta=text, logprobs=encode_logprobs(logprobs))

    def refusal(self, text: str) -> None:
        """More refusal."""
        place = self._grow("refusal")
        self._texts.append(text)
        self._emit("response.refusal.delta", **place, delta=text)

    def source(self, citation: Citation) -> None:
        """A source of the text."""
        annotation = encode_citation(citation)
        if annotation is not None:
            place = self._grow("output_text")
            number = len(self._sources)
            self._sources.append(citation)
            self._emit("response.output_text.annotation.added", **place, annotation_index=number, annotation=annotation)

    def block(self, block: Item) -> None:
        """A whole block that only this dialect knows."""
        self.end_block({})
        place = {**self._at, "content_index": len(self._blocks)}
        self._emit("response.content_part.added", **place, part=block)
        self._emit("response.content_part.done", **place, part=block)
        self._blocks.append(block)

    def _grow(self, kind: str) -> dict[str, Any]:
        """The place of the block of that kind, which is begun if it does not grow."""
        if self._kind and self._kind != kind:
            self.end_block({})
        place = {**self._at, "content_index": len(self._blocks)}
        if not self._kind:
            self._kind = kind
            self._emit("response.content_part.added", **place, part=encode_answer_block(self._part({})))
        return place

    def _part(self, state: dict[str, Any]) -> Text | Refusal:
        native, text = {NAME: state}, "".join(self._texts)
        if self._kind == "refusal":
            return Refusal(text, native=native)
        return Text(text, tuple(self._sources), tuple(self._logprobs), native=native)

    def end_block(self, state: dict[str, Any]) -> None:
        """The block that grows is whole; `state` is its native state."""
        if not self._kind:
            return
        block = encode_answer_block(self._part(state))
        place = {**self._at, "content_index": len(self._blocks)}
        if self._kind == "refusal":
            self._emit("response.refusal.done", **place, refusal=block["refusal"])
        else:
            self._emit("response.output_text.done", **place, text=block["text"], logprobs=block.get("logprobs", []))
        self._emit("response.content_part.done", **place, part=block)
        self._blocks.append(block)
        self._kind, self._texts, self._sources, self._logprobs = "", [], [], []

    def close(self, rest: dict[str, Any] | None = None) -> tuple[int, Item]:
        """The message is whole: its place and its item."""
        self.end_block({})
        item = message_item(self._index, self._blocks, {**self._rest, **(rest or {}), "id": self._rest["id"]})
        self._emit("response.output_item.done", output_index=self._index, item=item)
        return self._index, item


class GrowingReasoning:
    """
    Reasoning.

    Args:
        emit: Where events go.
        index: Its place in the output.
        announced: What is known of the item before its content.
    """

    def __init__(self, emit: Emit, index: int, announced: Item) -> None:
        self._emit = emit
        self._index = index
        self._texts: list[str] = []
        self._native: dict[str, Any] = {}
        empty: Item = {**reasoning_item(Reasoning(""), index), **announced, "summary": []}
        self._id = text_of(empty["id"])
        self.raw = bool(announced.get("content"))
        emit("response.output_item.added", output_index=index, item={**empty, "content": []} if self.raw else empty)

    @property
    def _part(self) -> tuple[str, str, str, dict[str, Any]]:
        """Names of the part's and of the text's events, type of the part, and place; raw reasoning or its summary."""
        at = {"item_id": self._id, "output_index": self._index}
        if self.raw:
            return "response.content_part", "response.reasoning_text", "reasoning_text", {**at, "content_index": 0}
        summary = "response.reasoning_summary_part", "response.reasoning_summary_text", "summary_text"
        return *summary, {**at, "summary_index": 0}

    def text(self, text: str, native: dict[str, Any]) -> None:
        """More reasoning, or state of it."""
        self._native.update(native)
        if not text:
            return
        part, words, kind, place = self._part
        if not self._texts:
            self._emit(f"{part}.added", **place, part={"type": kind, "text": ""})
        self._texts.append(text)
        self._emit(f"{words}.delta", **place, delta=text)

    def close(self) -> tuple[int, Item]:
        """The reasoning is whole: its place and its item."""
        text = "".join(self._texts)
        part, words, kind, place = self._part
        if text:
            self._emit(f"{words}.done", **place, text=text)
            self._emit(f"{part}.done", **place, part={"type": kind, "text": text})
        made = self._native if self._native.get("type") else reasoning_item(Reasoning(text), self._index)
        item: Item = {**made, "id": self._id}
        self._emit("response.output_item.done", output_index=self._index, item=item)
        return self._index, item


class GrowingCall:
    """A tool call."""

    def __init__(self, emit: Emit, index: int, call: ToolCall) -> None:
        self._emit = emit
        self._index = index
        self._call = call
        self._pieces: list[str] = []
        item = encode_call(call, index)
        self._id = item["id"]
        custom = call.kind == "custom"
        self._words = "response.custom_tool_call_input" if custom else "response.function_call_arguments"
        emit("response.output_item.added", output_index=index, item={**item, "status": "in_progress"})

    def arguments(self, text: str) -> None:
        """More of the arguments."""
        self._pieces.append(text)
        self._emit(f"{self._words}.delta", item_id=self._id, output_index=self._index, delta=text)

    def close(self, native: dict[str, Any] | None) -> tuple[int, Item]:
        """The call is whole, or was cut if `native` is None: its place and its item."""
        call, text = self._call, "".join(self._pieces)
        state = {**own(call.native), **(native or {}), "id": self._id}
        item = encode_call(
            msgspec.structs.replace(call, arguments_json=text, native={NAME: state}),
            self._index,
        )
        if native is None:
            item["status"] = "incomplete"
        else:
            whole = {"input": text} if call.kind == "custom" else {"arguments": text, "name": call.name}
            self._emit(f"{self._words}.done", item_id=self._id, output_index=self._index, **whole)
        self._emit("response.output_item.done", output_index=self._index, item=item)
        return self._index, item
