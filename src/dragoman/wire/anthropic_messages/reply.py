"""
Plain answers, both ways: a `message` object and a `ChatResponse`.

Source: the vendor's OpenAPI file (`Message`) and SDK 2.12, `types/message.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from dragoman.errors import WireError
from dragoman.types.messages import (
    Audio,
    Citation,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage
from dragoman.wire.anthropic_messages.blocks import decode_answer
from dragoman.wire.anthropic_messages.calls import arguments_object, valid_id
from dragoman.wire.anthropic_messages.dialect import (
    NAME,
    Answer,
    Block,
    end_details,
    end_fields,
    finish_reason,
    native_of,
    stop_reason,
)
from dragoman.wire.anthropic_messages.failure import error_from, error_from_bytes
from dragoman.wire.anthropic_messages.usage import decode_usage, encode_usage
from dragoman.wire.base import decode_json, not_protocol
from dragoman.wire.call_ids import CallIds
from dragoman.wire.request_body import overlay
from dragoman.wire.status import lowered, request_id_of


def decode_response(
    status: int, headers: Mapping[str, str], body: bytes, provider: Provider | None = None
) -> ChatResponse:
    """
    Read a plain answer.

    Raises:
        StatusError: The provider said no, by status or in the body.
        WireError: Not the protocol.
    """
    headers, name = lowered(headers), provider.name if provider else None
    if status >= 400:
        raise error_from_bytes(status, headers, body, name)
    raw: dict[str, Any] = decode_json(body, dict[str, Any], "the answer")
    answer = _convert(raw, body)
    if answer.type == "error" or answer.error is not None:
        raise error_from(raw, status=status, headers=headers, provider=name)
    if answer.content is None:
        raise not_protocol(body, "the answer has no content", "$.content")
    return ChatResponse(
        message=Message("assistant", _parts(answer.content, body)),
        finish_reason=finish_reason(answer.stop_reason),
        finish_reason_raw=answer.stop_reason,
        finish_details=end_details(raw) or None,
        usage=decode_usage(answer.usage) if answer.usage else Usage(),
        model=answer.model or None,
        provider=name,
        id=answer.id or None,
        request_id=request_id_of(headers),
        body=body,
    )


def _convert(raw: dict[str, Any], body: bytes) -> Answer:
    try:
        return msgspec.convert(raw, Answer)
    except msgspec.ValidationError as error:
        raise wrong_field(error, body) from error


def _parts(content: list[Block], body: bytes) -> tuple[Part, ...]:
    try:
        return decode_answer(content)
    except msgspec.ValidationError as error:
        raise wrong_field(error, body, "$.content[]") from error


def wrong_field(error: msgspec.ValidationError, body: bytes, place: str = "$") -> WireError:
    """The error for a field of the wrong type, with its path."""
    text, _, path = str(error).partition(" - at `")
    return not_protocol(body, f"not what the dialect says: {text}", place + path.rstrip("`").removeprefix("$"))


# --- as a server ------------------------------------------------------------------------------------------------------


def encode_response(response: ChatResponse) -> bytes:
    """
    Write a plain answer.

    An id or model that is not known is sent as empty text, since the dialect requires both.
    """
    writer = AnswerWriter()
    blocks = (writer.block(part) for part in response.message.parts)
    message = message_head(response.id, response.model) | {
        "content": [block for block in blocks if block is not None],
        "stop_reason": stop_reason(response.finish_reason, response.finish_reason_raw),
        "stop_sequence": None,
        **end_fields(response.finish_details),
        "usage": encode_usage(response.usage),
    }
    return msgspec.json.encode(message)


def message_head(answer_id: str | None, model: str | None) -> dict[str, Any]:
    """The fields with which every message begins."""
    return {"id": answer_id or "", "type": "message", "role": "assistant", "model": model or ""}


class AnswerWriter:
    """Writes the parts of one answer as content blocks."""

    def __init__(self) -> None:
        self.ids = CallIds(valid_id)

    def block(self, part: Part) -> Block | None:
        """The block of a part, or None for what answers of this dialect have no form for."""
        write = _WRITE.get(type(part))
        return write(self, part) if write else None


def _text(writer: AnswerWriter, part: Text) -> Block:
    citations = encode_citations(part.citations)
    made: Block = {"type": "text", "text": part.text, "citations": citations or None}
    return overlay(native_of(part.native), made)


def encode_citations(citations: tuple[Citation, ...]) -> list[dict[str, Any]]:
    """Citations in the dialect's form; those of other providers that have an address become web results."""
    made = (native_of(citation.native) or _web_citation(citation) for citation in citations)
    return [citation for citation in made if citation]


def _web_citation(citation: Citation) -> dict[str, Any]:
    if citation.url is None:
        return {}
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title,
        "cited_text": citation.text or "",
        "encrypted_index": "",
    }


def _reasoning(writer: AnswerWriter, part: Reasoning) -> Block:
    native = native_of(part.native)
    if native.get("type") == "redacted_thinking":
        return native
    return {"signature": "", **native, "type": "thinking", "thinking": part.text}


def _tool_call(writer: AnswerWriter, part: ToolCall) -> Block:
    made = {"type": "tool_use", "id": writer.ids.call(part), "name": part.name, "input": arguments_object(part)[0]}
    return overlay(native_of(part.native), made)


def _refusal(writer: AnswerWriter, part: Refusal) -> Block:
    return {"type": "text", "text": part.text, "citations": None}


def _audio(writer: AnswerWriter, part: Audio) -> Block | None:
    return {"type": "text", "text": part.transcript, "citations": None} if part.transcript else None


def _opaque(writer: AnswerWriter, part: Opaque) -> Block | None:
    return part.data if part.wire == NAME else None


_WRITE: Final[dict[type[Part], Callable[[AnswerWriter, Any], Block | None]]] = {
    Text: _text,
    Reasoning: _reasoning,
    ToolCall: _tool_call,
    Refusal: _refusal,
    Audio: _audio,
    Opaque: _opaque,
}
