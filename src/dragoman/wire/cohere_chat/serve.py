"""
Plain answers: value to bytes, as a server.

The official client is the reader to satisfy; what this dialect has no place for is left out.

Rule: nothing is made up.  Without a token count there is no `usage`; an unknown reason is null.

Source: Cohere SDK 7.3, `v2/types/v2chat_response.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.types.messages import Audio, Message, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from dragoman.types.responses import ChatResponse
from dragoman.wire.call_ids import CallIds
from dragoman.wire.cohere_chat.citations import encode_citation
from dragoman.wire.cohere_chat.dialect import NAME, Json, finish_out
from dragoman.wire.cohere_chat.usage import encode_usage
from dragoman.wire.lenient import known, list_of
from dragoman.wire.native import own
from dragoman.wire.setting_rows import same
from dragoman.wire.text_forms import free_text


def encode_response(response: ChatResponse) -> bytes:
    """Write a plain answer.  An id that is not known is sent as an empty text, since the dialect requires one."""
    answer: Json = {
        "id": response.id or "",
        "finish_reason": finish_out(response.finish_reason, response.finish_reason_raw),
        "message": AnswerMessage().fields(response.message),
    }
    return msgspec.json.encode(answer | known({"usage": encode_usage(response.usage)}))


def arguments_text(call: ToolCall) -> str:
    """The arguments as the JSON text that the dialect takes; free text stands in it under one name."""
    return call.arguments_json if call.kind == "function" else msgspec.json.encode(free_text(call)).decode()


def encode_call(call: ToolCall, call_id: str) -> Json:
    """A tool call."""
    return {"id": call_id, "type": "function", "function": {"name": call.name, "arguments": arguments_text(call)}}


class AnswerMessage:
    """The message in the making."""

    def __init__(self) -> None:
        self._ids = CallIds(same)
        self._content: list[Json] = []
        self._calls: list[Json] = []
        self._citations: list[Json] = []

    def fields(self, message: Message) -> Json:
        """The message as JSON."""
        for part in message.parts:
            write = _WRITE.get(type(part))
            if write is not None:
                write(self, part)
        state = own(message.native, NAME)
        made = {
            "content": self._content or None,
            "tool_plan": state.get("tool_plan"),
            "tool_calls": self._calls or None,
            "citations": [*self._citations, *list_of(state.get("citations"))] or None,
        }
        return {"role": "assistant", **known(made)}

    def text(self, part: Text) -> None:
        self._citations += (encode_citation(citation, len(self._content)) for citation in part.citations)
        self._content.append({"type": "text", "text": part.text})

    def refusal(self, part: Refusal) -> None:
        self._content.append({"type": "text", "text": part.text})

    def audio(self, part: Audio) -> None:
        if part.transcript:
            self._content.append({"type": "text", "text": part.transcript})

    def thought(self, part: Reasoning) -> None:
        if part.text:
            self._content.append({"type": "thinking", "thinking": part.text})

    def call(self, part: ToolCall) -> None:
        self._calls.append(encode_call(part, self._ids.call(part)))

    def opaque(self, part: Opaque) -> None:
        if part.wire == NAME:
            self._content.append(part.data)


_WRITE: Final[dict[type[Part], Callable[[AnswerMessage, Any], None]]] = {
    Text: AnswerMessage.text,
    Refusal: AnswerMessage.refusal,
    Audio: AnswerMessage.audio,
    Reasoning: AnswerMessage.thought,
    ToolCall: AnswerMessage.call,
    Opaque: AnswerMessage.opaque,
}
