"""
Plain answers: value to bytes, as a server.

The official client is the reader to satisfy; what this dialect has no place for is left out.

Rule: nothing is made up.  Without a token count there is none; an unknown reason is not sent; `created_at` is the
beginning of time, because a codec has no clock and readers parse it.

Source: Ollama's OpenAPI file (`ChatResponse`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import msgspec

from dragoman.types.messages import Audio, Image, Message, Part, Reasoning, Refusal, Text, TokenLogprob, ToolCall
from dragoman.types.responses import ChatResponse, FinishReason
from dragoman.types.usage import Usage
from dragoman.wire.lenient import known
from dragoman.wire.logprobs import encode_logprobs
from dragoman.wire.native import over, own
from dragoman.wire.ollama_chat.dialect import NAME, Json, done_reason
from dragoman.wire.ollama_chat.pictures import encode_picture
from dragoman.wire.ollama_chat.usage import encode_usage
from dragoman.wire.text_forms import free_text


def encode_response(response: ChatResponse) -> bytes:
    """Write a plain answer."""
    message = AnswerMessage(response.message)
    line = answer_head(response.model) | {"message": message.fields()}
    if message.logprobs:
        line["logprobs"] = encode_logprobs(message.logprobs)
    line |= answer_end(response.finish_reason, response.finish_reason_raw, response.usage)
    return msgspec.json.encode(line)


def answer_head(model: str | None) -> Json:
    """The fields with which every answer and line begins."""
    return {"model": model or "", "created_at": "1970-01-01T00:00:00Z"}


def answer_end(reason: FinishReason, raw: str | None, usage: Usage) -> Json:
    """The fields that say that an answer is whole."""
    return {"done": True, **known({"done_reason": done_reason(reason, raw)}), **encode_usage(usage)}


def encode_call(call: ToolCall) -> Json:
    """A call of an answer; arguments that are no JSON object go under one name, because the dialect has no other."""
    made = {"function": {"name": call.name, "arguments": arguments_object(call)}}
    return over({**known({"id": call.id or None}), **made}, own(call.native, NAME))


def arguments_object(call: ToolCall) -> Json:
    """The arguments as the object that the dialect takes."""
    value = call.arguments if call.kind == "function" else None
    return cast("Json", value) if isinstance(value, dict) else free_text(call)


class AnswerMessage:
    """The message in the making."""

    def __init__(self, message: Message) -> None:
        self.logprobs: list[TokenLogprob] = []
        self._content: list[str] = []
        self._thinking: list[str] = []
        self._images: list[str] = []
        self._calls: list[Json] = []
        for part in message.parts:
            write = _WRITE.get(type(part))
            if write is not None:
                write(self, part)

    def fields(self) -> Json:
        """The message as JSON."""
        return {
            "role": "assistant",
            "content": "".join(self._content),
            **known(
                {
                    "thinking": "".join(self._thinking) or None,
                    "images": self._images or None,
                    "tool_calls": self._calls or None,
                }
            ),
        }

    def text(self, part: Text) -> None:
        self._content.append(part.text)
        self.logprobs += part.logprobs

    def refusal(self, part: Refusal) -> None:
        self._content.append(part.text)

    def audio(self, part: Audio) -> None:
        self._content.append(part.transcript or "")

    def reasoning(self, part: Reasoning) -> None:
        self._thinking.append(part.text)

    def image(self, part: Image) -> None:
        picture = encode_picture(part)
        if picture is not None:
            self._images.append(picture)

    def call(self, part: ToolCall) -> None:
        self._calls.append(encode_call(part))


_WRITE: Final[dict[type[Part], Callable[[AnswerMessage, Any], None]]] = {
    Text: AnswerMessage.text,
    Refusal: AnswerMessage.refusal,
    Audio: AnswerMessage.audio,
    Reasoning: AnswerMessage.reasoning,
    Image: AnswerMessage.image,
    ToolCall: AnswerMessage.call,
}
