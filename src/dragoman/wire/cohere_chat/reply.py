"""
Plain answers: bytes to value.

Reading goes through events, which `fold` puts together, so that a plain answer and a streamed one are the same value.

Source: Cohere SDK 7.3, `v2/types/v2chat_response.py`; the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dragoman.types.events import Event, Start
from dragoman.types.fold import fold
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import not_protocol
from dragoman.wire.cohere_chat.dialect import Answer
from dragoman.wire.cohere_chat.failure import failure, reports_error
from dragoman.wire.cohere_chat.reader import Reader
from dragoman.wire.lenient import text_of
from dragoman.wire.plain_answer import parse_json, read_answer
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
    if answer.message is None:
        if reports_error(sent := parse_json(body)):
            raise failure(status, headers, sent, body, provider)
        raise not_protocol(body, "the answer has no message", "$.message")
    events: list[Event] = [Start(text_of(answer.id) or None)]
    reader = Reader(events)
    reader.message(answer.message, answer.logprobs)
    reader.usage(answer.usage)
    reader.end(answer.finish_reason if isinstance(answer.finish_reason, str) else None)
    return msgspec.structs.replace(
        fold(events), provider=provider.name if provider else None, request_id=request_id_of(headers), body=body
    )
