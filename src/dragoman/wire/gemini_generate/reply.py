"""
Plain answers: bytes to value.

Reading goes through events, as of a stream, so that both are the same value.  A body that is an array (a stream that
was asked for without `alt=sse` and read whole) is read as the chunks that it is.

Sources: google-genai SDK 3.4.0 (`GenerateContentResponse`); the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dragoman.errors import WireError
from dragoman.types.events import Event, Finish
from dragoman.types.fold import fold
from dragoman.types.messages import Message
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse, Choice
from dragoman.types.usage import Usage
from dragoman.wire.base import decode_json, not_protocol
from dragoman.wire.gemini_generate.dialect import (
    Answer,
    Candidate,
    Json,
    block_reason,
    finish_reason,
    outer_ending,
)
from dragoman.wire.gemini_generate.reader import Reader
from dragoman.wire.gemini_generate.usage import decode_usage
from dragoman.wire.google_errors import failure, failure_from_bytes
from dragoman.wire.lenient import text_of, whole
from dragoman.wire.status import lowered, request_id_of


def decode_response(
    status: int, headers: Mapping[str, str], body: bytes, provider: Provider | None = None
) -> ChatResponse:
    """
    Read a plain answer.

    A prompt that was refused (`promptFeedback.blockReason`) is an answer without parts whose finish reason is
    `content_filter`; why stands in `finish_details`.

    Raises:
        StatusError: The provider said no, by status or in the body.
        WireError: Not the protocol.
    """
    headers, name = lowered(headers), provider.name if provider else None
    if status >= 400:
        raise failure_from_bytes(status, headers, body, name)
    answers = _answers(status, headers, body, name)
    outer: Json = {}
    choices: dict[int, list[Candidate]] = {}
    for answer in answers:
        outer |= outer_ending(answer)
        for candidate in answer.candidates or ():
            choices.setdefault(whole(candidate.index) or 0, []).append(candidate)
    if not choices and not any(block_reason(answer) for answer in answers):
        raise not_protocol(body, "the answer has no candidates", "$.candidates")
    read = [_read(choices[index], len(answers) == 1) for index in sorted(choices)]
    first = _finished(read[0], outer) if read else _blocked(outer)
    usages = [usage for answer in answers if (usage := decode_usage(answer.usageMetadata)) is not None]
    return msgspec.structs.replace(
        first,
        usage=usages[-1] if usages else Usage(),
        model=next((answer.modelVersion for answer in answers if isinstance(answer.modelVersion, str)), None),
        id=next((answer.responseId for answer in answers if isinstance(answer.responseId, str)), None),
        provider=name,
        request_id=request_id_of(headers),
        alternatives=tuple(_alternative(other) for other in read[1:]),
        body=body,
    )


def _answers(status: int, headers: Mapping[str, str], body: bytes, provider: str | None) -> list[Answer]:
    start = body.lstrip()[:1]
    if not start:
        raise WireError("the answer is empty", provider=provider, status=status)
    decoded: Any = decode_json(body, list[Answer] if start == b"[" else Answer, "the answer")
    answers: list[Answer] = decoded if start == b"[" else [decoded]
    for i, answer in enumerate(answers):
        if answer.error:
            said: Any = decode_json(body, Any, "the answer")
            raise failure(status, headers, body, said[i] if start == b"[" else said, provider)
    return answers


def _read(candidates: list[Candidate], entire: bool) -> ChatResponse:
    events: list[Event] = []
    reader = Reader(events, entire=entire)
    for candidate in candidates:
        reader.read(candidate)
    reader.end()
    raw = next((word for candidate in reversed(candidates) if (word := text_of(candidate.finishReason))), None)
    events.append(Finish(finish_reason(raw, reader.has_calls), raw, reader.details or None))
    return fold(events)


def _finished(response: ChatResponse, outer: Json) -> ChatResponse:
    details = {**(response.finish_details or {}), **outer}
    return msgspec.structs.replace(response, finish_details=details or None)


def _blocked(outer: Json) -> ChatResponse:
    return ChatResponse(message=Message("assistant"), finish_reason="content_filter", finish_details=outer)


def _alternative(response: ChatResponse) -> Choice:
    return Choice(
        message=response.message,
        finish_reason=response.finish_reason,
        finish_reason_raw=response.finish_reason_raw,
    )
