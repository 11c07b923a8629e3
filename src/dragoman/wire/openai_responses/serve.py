"""
Plain answers and errors: values to bytes, as a server.

The official SDKs are the readers to satisfy: every field that they require is there.  Items that came in this dialect
go out as they came; others get an id made of their type and place, for the SDKs tell items apart by it.

Rule: nothing is made up.  Without a token count `usage` is null, an unknown status is null; `created_at` is 0, because
a codec has no clock.

Source: OpenAI's OpenAPI file (`Response`, `OutputItem`); SDK 3.54.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dragoman.errors import DragomanError
from dragoman.types.messages import Audio, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import error_headers, status_of
from dragoman.wire.lenient import text_of
from dragoman.wire.openai_errors import error_fields
from dragoman.wire.openai_responses.blocks import encode_block
from dragoman.wire.openai_responses.dialect import END_FIELDS, NAME, Item, is_ours, over, own, status_out
from dragoman.wire.openai_responses.items import call_item
from dragoman.wire.openai_responses.usage import encode_usage
from dragoman.wire.place import Place

# What goes out where the answer has no id of its own; the SDKs require one.
NO_ID: Final = "resp_0"

# How the ids of items begin, by the vendor's habit.
_PREFIXES: Final = {"message": "msg", "reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc"}


def encode_response(response: ChatResponse) -> bytes:
    """Write a plain answer."""
    status, reason = status_out(response.finish_reason, response.finish_reason_raw, bool(response.refusal))
    body = envelope(response.id, response.model, status)
    body["output"] = encode_output(response.message.parts)
    body["usage"] = encode_usage(response.usage)
    return msgspec.json.encode(body | ends(response.finish_details, reason))


def encode_error(error: DragomanError) -> tuple[int, dict[str, str], bytes]:
    """Write an error: status, headers, body."""
    return status_of(error), error_headers(error), msgspec.json.encode({"error": error_fields(error)})


def envelope(response_id: str | None, model: str | None, status: str | None) -> dict[str, Any]:
    """A response without output; the fields of the request that it echoes hold what says nothing."""
    return {
        "id": response_id or NO_ID,
        "object": "response",
        "created_at": 0,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": model or "",
        "output": [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": None,
    }


def ends(details: dict[str, Any] | None, reason: str | None) -> dict[str, Any]:
    """What is said of the end: as it came in this dialect, else the reason of incompleteness."""
    said = {name: details[name] for name in END_FIELDS if details and details.get(name) is not None}
    return said if reason is None else {"incomplete_details": {"reason": reason}, **said}


# --- items ------------------------------------------------------------------------------------------------------------


def encode_output(parts: Iterable[Part]) -> list[Item]:
    """The items of an answer."""
    output = _Output()
    for part in parts:
        _WRITE.get(type(part), _Output.nothing)(output, part)
    output.end_message()
    return output.items


class _Output:
    """The list in the making."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self._blocks: list[Item] = []  # of the message that is open

    def add(self, item: Item) -> None:
        self.end_message()
        self.items.append(item)

    def end_message(self, rest: dict[str, Any] | None = None) -> None:
        if self._blocks:
            self.items.append(message_item(len(self.items), self._blocks, rest or {}))
            self._blocks = []

    def content(self, part: Text | Refusal) -> None:
        state = own(part.native)
        if not state:
            self.end_message()
        self._blocks.append(encode_answer_block(part))
        if not state or "item" in state:
            self.end_message(state.get("item"))

    def thought(self, part: Reasoning) -> None:
        self.add(reasoning_item(part, len(self.items) + bool(self._blocks)))

    def call(self, part: ToolCall) -> None:
        self.end_message()
        self.add(encode_call(part, len(self.items)))

    def sound(self, part: Audio) -> None:
        if part.transcript:
            self.content(Text(part.transcript))

    def picture(self, part: Image) -> None:
        self.end_message()
        if part.data is not None:
            self.add(picture_item(part.data, len(self.items)))

    def opaque(self, part: Opaque) -> None:
        if part.wire != NAME:
            return
        if "block" in own(part.native):
            self._blocks.append(dict(part.data))
            if "item" in own(part.native):
                self.end_message(own(part.native)["item"])
        else:
            self.add(part.data)

    def nothing(self, part: Part) -> None:
        """Answers of this dialect have no form for it."""


_WRITE: Final[dict[type[Any], Callable[[_Output, Any], None]]] = {
    Text: _Output.content,
    Refusal: _Output.content,
    Reasoning: _Output.thought,
    ToolCall: _Output.call,
    Audio: _Output.sound,
    Image: _Output.picture,
    Opaque: _Output.opaque,
}


def item_id(kind: str, index: int) -> str:
    """An id for an item that has none."""
    return f"{_PREFIXES.get(kind, 'item')}_{index}"


def encode_answer_block(part: Text | Refusal) -> Item:
    """A piece of an answer as a block; the SDKs require a text's list of sources."""
    block = encode_block(msgspec.structs.replace(part, cache=None), Place("", "assistant", True, [])) or {}
    return {"annotations": [], **block} if block.get("type") == "output_text" else block


def message_item(index: int, blocks: list[Item], rest: dict[str, Any]) -> Item:
    """A message of the model."""
    made = {"type": "message", "id": item_id("message", index), "status": "completed", "role": "assistant"}
    return over({**made, "content": blocks}, rest)


def reasoning_item(part: Reasoning, index: int) -> Item:
    """Reasoning: its own item, or one whose summary is the text."""
    if came := own(part.native):
        return came
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    return {"type": "reasoning", "id": item_id("reasoning", index), "summary": summary}


def encode_call(call: ToolCall, index: int) -> Item:
    """A tool call."""
    made = call_item(call, call.id)
    told = {} if is_ours(call.native) else {"status": "completed"}
    return over({"id": item_id(text_of(made["type"]), index), **made, **told}, own(call.native))


def picture_item(data: bytes, index: int) -> Item:
    """A picture in the answer, as the provider's own tool gives one."""
    result = base64.b64encode(data).decode()
    return {"type": "image_generation_call", "id": f"ig_{index}", "status": "completed", "result": result}
