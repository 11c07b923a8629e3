"""
Plain answers: an interaction as a `ChatResponse`.

Rule: an interaction that failed is an error, whatever its status of HTTP; one that has not ended yet is an answer
without parts, whose reason is `unknown`.

Sources: google-genai SDK 3.4.0 (`Interaction`); the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.errors import ConfigError, WireError
from dragoman.types.messages import Message, ToolCall
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import decode_json, not_protocol
from dragoman.wire.gemini_interactions.dialect import Answer, end_details, finish_reason
from dragoman.wire.gemini_interactions.failure import failed, failure, reports_error
from dragoman.wire.gemini_interactions.steps import decode_answer
from dragoman.wire.gemini_interactions.usage import decode_usage
from dragoman.wire.lenient import text_of
from dragoman.wire.plain_answer import read_answer
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
    answer = read_answer(Answer, status, headers, body, provider, reports_error, failure)
    raw: Any = decode_json(body, Any, "the answer")
    if answer.error and not answer.steps:
        raise failure(status, headers, raw, body, provider)
    said = text_of(answer.status)
    if not said:
        raise not_protocol(body, "the answer has no status", "$.status")
    if answer.steps is None and answer.outputs is not None:
        raise not_protocol(body, "the answer has `outputs`, the form before June 2026, and no steps", "$.steps")
    response = _response(answer, raw, headers, body, provider)
    if said == "failed":
        error = failed(raw, headers, body, provider)
        error.partial = response
        raise error
    return response


def _response(
    answer: Answer, raw: Any, headers: Mapping[str, str], body: bytes, provider: Provider | None
) -> ChatResponse:
    try:
        parts = decode_answer(answer.steps or ())
    except ConfigError as error:
        raise wrong_step(error, body) from error
    said, details = text_of(answer.status), end_details(raw)
    return ChatResponse(
        message=Message("assistant", parts),
        finish_reason=finish_reason(said, details, any(isinstance(part, ToolCall) for part in parts)),
        finish_reason_raw=said,
        finish_details=details,
        usage=decode_usage(answer.usage),
        model=text_of(answer.model) or text_of(answer.agent) or None,
        provider=provider.name if provider else None,
        id=text_of(answer.id) or None,
        request_id=request_id_of(headers),
        body=body,
    )


def wrong_step(error: ConfigError, body: bytes) -> WireError:
    """The error for a step that is not what the dialect says, with its path."""
    return not_protocol(body, f"not what the dialect says: {error.message}", f"$.{error.field}")
