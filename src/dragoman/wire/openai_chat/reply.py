"""
Plain answers: bytes to value.

Reading goes through events: `reader` reads the one message as if it were one delta, and `fold` puts it together, so
that a plain answer and a streamed one are the same value.

Sources: OpenAI's OpenAPI file (`CreateChatCompletionResponse`); the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final

import msgspec

from dragoman.errors import WireError
from dragoman.types.events import Event, Finish
from dragoman.types.fold import fold
from dragoman.types.messages import Message, Text
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse, Choice
from dragoman.types.usage import Usage
from dragoman.wire import status as statuses
from dragoman.wire.base import decode_json, not_protocol
from dragoman.wire.lenient import is_object, text_of, whole
from dragoman.wire.openai_chat import dialect
from dragoman.wire.openai_chat.dialect import Answer, finish_reason
from dragoman.wire.openai_chat.failure import failure, reported
from dragoman.wire.openai_chat.reader import Reader, plain_text
from dragoman.wire.openai_chat.usage import decode_usage

# What a vendor says of the end beside the reason.
_ENDING = ("native_finish_reason", "stop_reason", "matched_stop", "finish_details", "content_filter_results")
_ending: Final = attrgetter(*_ENDING)


def ending(choice: dialect.Choice) -> dict[str, Any]:
    """What else the provider said of the end."""
    values = _ending(choice)
    return {name: value for name, value in zip(_ENDING, values, strict=True) if value} if any(values) else {}


def decode_response(
    status: int, headers: Mapping[str, str], body: bytes, provider: Provider | None = None
) -> ChatResponse:
    """
    Read a plain answer.

    Raises:
        StatusError: The provider said no, by status or in the body.
        WireError: Not the protocol.
    """
    lowered = statuses.lowered(headers)
    if status >= 400:
        raise failure(status, lowered, _json(body), body, provider)
    if status >= 300:
        raise _redirect(status, lowered, provider)
    answer = _answer(status, lowered, body, provider)
    choices = answer.choices or []
    if len(choices) > 1:
        choices = sorted(choices, key=_place)
    if choices[0].error:
        raise failure(status, lowered, {"error": choices[0].error}, body, provider)
    first = _response(choices[0], answer)
    return msgspec.structs.replace(
        first,
        usage=decode_usage(answer.usage or (answer.x_groq.usage if answer.x_groq else None)) or Usage(),
        # As sent: a few servers write empty texts.
        model=answer.model if isinstance(answer.model, str) else None,
        id=answer.id if isinstance(answer.id, str) else None,
        provider=provider.name if provider else None,
        request_id=statuses.request_id_of(lowered) or text_of(answer.request_id) or _groq_id(answer),
        alternatives=tuple(_alternative(choice, answer) for choice in choices[1:]),
        body=body,
    )


def _answer(status: int, headers: dict[str, str], body: bytes, provider: Provider | None) -> Answer:
    if not body.strip():
        raise WireError("the answer is empty", provider=provider.name if provider else None, status=status)
    try:
        answer: Answer = decode_json(body, Answer, "the answer")
    except WireError as error:
        error.provider, error.status = provider.name if provider else None, status
        sent = _json(body)
        if is_object(sent) and reported(sent):
            raise failure(status, headers, sent, body, provider) from error
        raise
    if answer.error or not answer.choices:
        sent = _json(body)
        if reported(sent):
            raise failure(status, headers, sent, body, provider)
        empty = not_protocol(body, "the answer has no choices", "$.choices")
        empty.provider, empty.status = provider.name if provider else None, status
        raise empty
    return answer


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _redirect(status: int, headers: dict[str, str], provider: Provider | None) -> WireError:
    target = headers.get("location", "another address")
    name = provider.name if provider else None
    return WireError(
        f"the provider redirects to {target}, which is not followed: check base_url", provider=name, status=status
    )


def _place(choice: dialect.Choice) -> int:
    return whole(choice.index) or 0


def _groq_id(answer: Answer) -> str | None:
    return text_of(answer.x_groq.id) or None if answer.x_groq else None


def _response(choice: dialect.Choice, answer: Answer) -> ChatResponse:
    raw = choice.finish_reason if isinstance(choice.finish_reason, str) else None
    finish = Finish(finish_reason(raw), raw, ending(choice) or None)
    piece = choice.message or choice.delta
    if piece is not None and _is_text(piece, choice) and not answer.citations:
        return _text(str(piece.content), finish)
    events: list[Event] = []
    reader = Reader(events, entire=True)
    if piece is not None:
        reader.read(piece, choice)
    if _place(choice) == 0:
        reader.sources(answer.citations)
    reader.end()
    return fold([*events, finish])


def _is_text(piece: dialect.Piece, choice: dialect.Choice) -> bool:
    return bool(piece.content) and type(piece.content) is str and choice.logprobs is None and plain_text(piece)


def _text(text: str, finish: Finish) -> ChatResponse:
    """What `fold` makes of one text, which is all that most answers are."""
    return ChatResponse(
        message=Message("assistant", (Text(text),)),
        finish_reason=finish.reason,
        finish_reason_raw=finish.raw,
        finish_details=finish.details,
    )


def _alternative(choice: dialect.Choice, answer: Answer) -> Choice:
    response = _response(choice, answer)
    return Choice(
        message=response.message,
        finish_reason=response.finish_reason,
        finish_reason_raw=response.finish_reason_raw,
    )
