"""
Plain answers and errors: value to bytes, as a server.

The official SDKs are the readers to satisfy: every field that they require is there, and what this dialect has no place
for goes where its imitators put it (`reasoning_content`, `images`, `native_finish_reason`).

Rule: nothing is made up.  Without a token count there is no `usage`; an unknown finish reason is null; `created` is 0,
because a codec has no clock.

Source: OpenAI's OpenAPI file (`CreateChatCompletionResponse`).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from dragoman.errors import DragomanError
from dragoman.types.messages import (
    Audio,
    Citation,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Text,
    TokenLogprob,
    ToolCall,
)
from dragoman.types.responses import ChatResponse, Choice, FinishReason
from dragoman.wire.base import error_headers, status_of
from dragoman.wire.openai_chat.dialect import FINISH_OUT, NAME
from dragoman.wire.openai_chat.failure import encode_failure
from dragoman.wire.openai_chat.usage import encode_usage

# What goes out where the answer has no id of its own; the SDKs require one.
NO_ID: Final = "chatcmpl-0"


def encode_response(response: ChatResponse) -> bytes:
    """Write a plain answer."""
    first = Choice(
        message=response.message,
        finish_reason=response.finish_reason,
        finish_reason_raw=response.finish_reason_raw,
    )
    body: dict[str, Any] = {
        "id": response.id or NO_ID,
        "object": "chat.completion",
        "created": 0,
        "model": response.model or "",
        "choices": [_choice(i, choice) for i, choice in enumerate((first, *response.alternatives))],
    }
    usage = encode_usage(response.usage)
    return msgspec.json.encode(body | ({"usage": usage} if usage else {}))


def encode_error(error: DragomanError) -> tuple[int, dict[str, str], bytes]:
    """Write an error: status, headers, body."""
    return status_of(error), error_headers(error), msgspec.json.encode(encode_failure(error))


def _choice(index: int, choice: Choice) -> dict[str, Any]:
    answer = _Answer()
    for part in choice.message.parts:
        write = _WRITE.get(type(part))
        if write is not None:
            write(answer, part)
    return {
        "index": index,
        "message": answer.message(choice.message),
        "logprobs": {"content": answer.logprobs, "refusal": None} if answer.logprobs else None,
        **finish_fields(choice.finish_reason, choice.finish_reason_raw),
    }


class _Answer:
    """The message in the making."""

    def __init__(self) -> None:
        self.content: list[str] = []
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.calls: list[dict[str, Any]] = []
        self.logprobs: list[dict[str, Any]] = []
        self.more: dict[str, list[dict[str, Any]]] = {}
        self.audio: dict[str, Any] | None = None

    def message(self, message: Message) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "role": "assistant",
            "content": "".join(self.content) if self.content else None,
            "refusal": "".join(self.refusal) if self.refusal else None,
        }
        if self.reasoning:
            fields["reasoning_content"] = "".join(self.reasoning)
        if self.calls:
            fields["tool_calls"] = self.calls
        if self.audio:
            fields["audio"] = self.audio
        own = dict((message.native or {}).get(NAME, {}))
        files = own.pop("annotations", [])
        if files:
            self.more.setdefault("annotations", []).extend(files)
        return {**fields, **self.more, **own}

    def text(self, part: Text) -> None:
        before = sum(map(len, self.content))
        self.content.append(part.text)
        self.logprobs += [encode_logprob(item) for item in part.logprobs]
        sources = [encode_citation(source, before) for source in part.citations if source.url]
        if sources:
            self.more.setdefault("annotations", []).extend(sources)

    def thought(self, part: Reasoning) -> None:
        if part.text:
            self.reasoning.append(part.text)

    def refuse(self, part: Refusal) -> None:
        self.refusal.append(part.text)

    def call(self, part: ToolCall) -> None:
        self.calls.append(encode_call(part))

    def sound(self, part: Audio) -> None:
        self.audio = encode_sound(part.file_id, part.data or b"", part.transcript or "", part.expires_at)

    def picture(self, part: Image) -> None:
        self.more.setdefault("images", []).append(encode_picture(part))


_WRITE: Final[dict[type[Part], Callable[[_Answer, Any], None]]] = {
    Text: _Answer.text,
    Reasoning: _Answer.thought,
    Refusal: _Answer.refuse,
    ToolCall: _Answer.call,
    Audio: _Answer.sound,
    Image: _Answer.picture,
}


# --- pieces that the stream needs too ---------------------------------------------------------------------------------


def finish_fields(reason: FinishReason, raw: str | None) -> dict[str, Any]:
    """The reason in the dialect's words, and the provider's own word where it differs."""
    word = FINISH_OUT[reason]
    return {"finish_reason": word} | ({"native_finish_reason": raw} if raw and raw != word else {})


def encode_call(call: ToolCall) -> dict[str, Any]:
    """Write a tool call, with the state that its author wants back."""
    body = (
        {"type": "custom", "custom": {"name": call.name, "input": call.arguments_json}}
        if call.kind == "custom"
        else {"type": "function", "function": {"name": call.name, "arguments": call.arguments_json}}
    )
    return {"id": call.id, **body, **(call.native or {}).get(NAME, {})}


def encode_citation(source: Citation, before: int = 0) -> dict[str, Any]:
    """Write a source of the text; the SDKs require both offsets, and 0 and 0 mean that they are not known."""
    placed = source.start is not None and source.end is not None
    fields: dict[str, Any] = {
        "url": source.url,
        "title": source.title or "",
        "start_index": before + (source.start or 0) if placed else 0,
        "end_index": before + (source.end or 0) if placed else 0,
    }
    return {"type": "url_citation", "url_citation": fields | ({"content": source.text} if source.text else {})}


def encode_logprob(item: TokenLogprob) -> dict[str, Any]:
    """Write one token's probability."""
    return {
        "token": item.token,
        "logprob": item.logprob,
        "bytes": list(item.bytes) if item.bytes is not None else None,
        "top_logprobs": [
            {name: value for name, value in encode_logprob(top).items() if name != "top_logprobs"} for top in item.top
        ],
    }


def encode_sound(id_: str | None, data: bytes, transcript: str, expires_at: int | None) -> dict[str, Any]:
    """Write sound."""
    return {
        "id": id_ or "",
        "data": base64.b64encode(data).decode(),
        "transcript": transcript,
        "expires_at": expires_at or 0,
    }


def encode_picture(part: Image) -> dict[str, Any]:
    """Write a picture in the answer, as OpenRouter does."""
    return {"type": "image_url", "image_url": {"url": data_url(part.data, part.media_type) or part.url}}


def data_url(data: bytes | None, media_type: str | None) -> str | None:
    """The `data:` URL of some bytes, or None."""
    if data is None:
        return None
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def encode_logprobs(items: Iterable[TokenLogprob]) -> dict[str, Any] | None:
    """Write the probabilities of several tokens, or null."""
    listed = [encode_logprob(item) for item in items]
    return {"content": listed, "refusal": None} if listed else None
