"""
Plain answers: bytes to value.

Reading goes through events, which `fold` puts together, so that a plain answer and a streamed one are the same value.

Source: Ollama's OpenAPI file (`ChatResponse`); the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dragoman.types.events import Event, Start
from dragoman.types.fold import fold
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import not_protocol
from dragoman.wire.lenient import text_of
from dragoman.wire.ollama_chat.dialect import Answer
from dragoman.wire.ollama_chat.failure import failure, reports_error
from dragoman.wire.ollama_chat.reader import Reader
from dragoman.wire.plain_answer import parse_json, read_answer
from dragoman.wire.status import lowered, request_id_of


def decode_response(
    status: int, headers: Mapping[str, str], body: bytes, provider: Provider | None = None
) -> ChatResponse:
    """
    Read a plain answer.

    Raises:
        StatusError: The provider said no, by status or in the body.
        WireError: Not the protocol, or an answer that says of itself that it is not done.
    """
    headers = lowered(headers)
    answer = read_answer(Answer, status, headers, body, provider, reports_error, failure)
    if answer.error:
        raise failure(status, headers, parse_json(body), body, provider)
    if answer.message is None:
        raise not_protocol(body, "the answer has no message", "$.message")
    if answer.done is False:
        raise not_protocol(body, "the answer says that it is not done", "$.done")
    events: list[Event] = [Start(None, text_of(answer.model) or None)]
    reader = Reader(events)
    reader.read(answer)
    reader.finish(answer)
    return msgspec.structs.replace(
        fold(events), provider=provider.name if provider else None, request_id=request_id_of(headers), body=body
    )
