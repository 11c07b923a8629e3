"""
Errors of the dialect, both ways: `{"id", "message"}` as a body; in a stream the last event has an `error`.

Rule: the end of a stream has no status, so what its words do not tell is a failure of the server.

Sources: Cohere's page on errors; SDK 7.3, `types/chat_message_end_event_delta.py`; the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dragoman.errors import DragomanError
from dragoman.types.providers import Provider
from dragoman.wire import openai_errors
from dragoman.wire.base import error_headers, status_of
from dragoman.wire.cohere_chat.dialect import Json
from dragoman.wire.lenient import known, object_of, text_of


def reports_error(sent: Any) -> bool:
    """Whether a JSON value is an error; the `message` of an answer is an object."""
    fields = object_of(sent)
    return bool(fields.get("error") or text_of(fields.get("message")))


def failure(
    status: int | None, headers: Mapping[str, str], sent: Any, text: bytes, provider: Provider | None
) -> DragomanError:
    """Build the typed error; see `dragoman.wire.plain_answer.Failure`."""
    inner = object_of(object_of(sent).get("error")) or sent  # a proxy in front may write OpenAI's shape
    error = openai_errors.failure(status, headers, inner, body=sent, text=text, provider=provider)
    if error.request_id is None:
        error.request_id = text_of(object_of(sent).get("id")) or None
    return error


def stream_failure(event: Json, text: bytes, provider: Provider | None) -> DragomanError:
    """Build the typed error of an event that reports one."""
    delta = object_of(event.get("delta"))
    return failure(None, {}, {**delta, "message": delta["error"]} if delta.get("error") else event, text, provider)


def error_fields(error: DragomanError) -> Json:
    """Words and code of an error; the vendor has no codes, a provider's own goes on unless it is only the status."""
    code = error.code if error.code and not error.code.isdigit() else None
    return {"message": error.message, **known({"id": error.request_id, "code": code})}


def error_event(error: DragomanError) -> Json:
    """An error as the last event of a stream; `status` and `code` are for readers who would else not know."""
    fields = error_fields(error)
    told = {"error": fields.pop("message"), "finish_reason": "ERROR", "status": status_of(error), **fields}
    return {"type": "message-end", "delta": told}


def encode_error(error: DragomanError) -> tuple[int, dict[str, str], bytes]:
    """Write an error: status, headers, body."""
    return status_of(error), error_headers(error), msgspec.json.encode(error_fields(error))
