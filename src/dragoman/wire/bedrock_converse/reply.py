"""
Plain answers, both ways: an `output` object and a `ChatResponse`.

Source: service model of `bedrock-runtime` (`ConverseResponse`), and the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dragoman.types.messages import Message
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage
from dragoman.wire.aws import failure, reports_error
from dragoman.wire.base import not_protocol
from dragoman.wire.bedrock_converse.blocks import decode_answer
from dragoman.wire.bedrock_converse.content import ContentWriter, place_in_answer
from dragoman.wire.bedrock_converse.dialect import (
    METADATA_FIELDS,
    STOP_FIELDS,
    Answer,
    finish_reason,
    stop_reason,
    told,
)
from dragoman.wire.bedrock_converse.usage import decode_usage, encode_usage
from dragoman.wire.lenient import object_of
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
    try:
        parts = decode_answer(answer.output.message.content)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `")
        place = "$.output.message.content" + path.rstrip("`").removeprefix("$")
        raise not_protocol(body, f"not what the dialect says: {text}", place) from error
    return ChatResponse(
        message=Message("assistant", parts),
        finish_reason=finish_reason(answer.stopReason),
        finish_reason_raw=answer.stopReason,
        finish_details=told(object_of(parse_json(body)), (*STOP_FIELDS, *METADATA_FIELDS)) or None,
        usage=decode_usage(answer.usage) if answer.usage else Usage(),
        provider=provider.name if provider else None,
        request_id=request_id_of(headers),
        body=body,
    )


# --- as a server ------------------------------------------------------------------------------------------------------


def encode_response(response: ChatResponse) -> bytes:
    """Write a plain answer."""
    writer = ContentWriter(answers=True)
    content = [block for part in response.message.parts for block in writer.blocks(part, place_in_answer())]
    reason = stop_reason(response.finish_reason, response.finish_reason_raw)
    answer: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": content}},
        **({"stopReason": reason} if reason else {}),
        "usage": encode_usage(response.usage),
        **told(response.finish_details, (*METADATA_FIELDS, *STOP_FIELDS)),
    }
    return msgspec.json.encode(answer)
