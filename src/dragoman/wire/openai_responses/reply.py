"""
Plain answers: bytes to values.

A response of status `failed` is an error though its HTTP status is 200.  One that is `queued` or `in_progress` (asked
for in the background) decodes: it has no parts, `finish_reason` is `unknown`, and `finish_reason_raw` the status.

Source: OpenAI's OpenAPI file (`Response`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dragoman.errors import ConfigError, DragomanError, WireError
from dragoman.types.messages import Message
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import decode_json, not_protocol
from dragoman.wire.lenient import object_of, text_of
from dragoman.wire.openai_errors import failure, reported
from dragoman.wire.openai_responses.dialect import Answer, end_details, finish_of
from dragoman.wire.openai_responses.items import decode_answer
from dragoman.wire.openai_responses.usage import decode_usage
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
    headers = lowered(headers)
    if status >= 400:
        raise _refusal(status, headers, body, provider)
    answer: Answer = decode_json(body, Answer, "the answer")
    raw = decode_json(body, Any, "the answer")
    if answer.error or answer.status == "failed":
        raise failed(raw, headers, body, provider)
    if answer.output is None:
        if (error := reported(raw)) is not None:
            raise failure(status, headers, error, body=raw, text=body, provider=provider)
        raise not_protocol(body, "the answer has no output", "$.output")
    try:
        parts, extras = decode_answer(answer.output)
    except ConfigError as error:
        raise wrong_item(error, body) from error
    details = end_details(raw)
    return ChatResponse(
        message=Message("assistant", parts),
        finish_reason=finish_of(answer.status, details, parts),
        finish_reason_raw=text_of(answer.status) or None,
        finish_details=details,
        usage=decode_usage(answer.usage),
        model=text_of(answer.model) or None,
        provider=provider.name if provider else None,
        id=text_of(answer.id) or None,
        request_id=request_id_of(headers),
        body=body,
        extras=extras,
    )


def _refusal(status: int, headers: Mapping[str, str], body: bytes, provider: Provider | None) -> DragomanError:
    """The error for an answer with an error status, whatever its body is: proxies answer in HTML."""
    try:
        raw: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raw = None
    return failure(status, headers, reported(raw), body=raw, text=body, provider=provider)


def failed(raw: Any, headers: Mapping[str, str], text: bytes, provider: Provider | None) -> DragomanError:
    """The error for a response that failed."""
    error = reported(raw) or {"code": "server_error", "message": "the response failed, and does not say why"}
    made = failure(None, headers, error, body=raw, text=text, provider=provider)
    made.model = text_of(object_of(raw).get("model")) or None
    return made


def wrong_item(error: ConfigError, body: bytes) -> WireError:
    """The error for an item that is not what the dialect says, with its path."""
    return not_protocol(body, f"not what the dialect says: {error.message}", f"$.{error.field}")
