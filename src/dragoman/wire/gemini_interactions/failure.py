"""
Errors of this dialect, both ways: `{"error": {"code": "invalid_request", "message"}}`, as a body and as an event of a
stream; and an interaction whose status is `failed`, which says why under `errors` or in its last step.

Reading is as for every error of Google's (`dragoman.wire.google_errors`).

Source: google-genai SDK 3.4.0 (`Error`, `ErrorEvent`, `Status`, `CreateInteractionClientError`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dragoman.errors import DragomanError
from dragoman.types.providers import Provider
from dragoman.wire import google_errors
from dragoman.wire.base import error_headers, status_of
from dragoman.wire.gemini_interactions.dialect import Json
from dragoman.wire.lenient import list_of, object_of, text_of


def reports_error(sent: Any) -> bool:
    """Whether a JSON value is an error."""
    return google_errors.reported(sent) is not None


def failure(
    status: int | None, headers: Mapping[str, str], sent: Any, text: bytes, provider: Provider | None
) -> DragomanError:
    """Build the typed error; see `dragoman.wire.plain_answer.Failure`."""
    return google_errors.failure(status, headers, text, sent, provider.name if provider else None)


def failed(raw: Any, headers: Mapping[str, str], text: bytes, provider: Provider | None) -> DragomanError:
    """The error for an interaction that failed."""
    fields = object_of(raw)
    error = next((found for found in _reasons(fields) if found), None)
    made = failure(None, headers, {"error": error or _NO_REASON}, text, provider)
    made.model = text_of(fields.get("model")) or None
    return made


def _reasons(fields: Json) -> list[Json]:
    steps = reversed([object_of(step) for step in list_of(fields.get("steps"))])
    return [
        object_of(fields.get("error")),
        *(object_of(error) for error in list_of(fields.get("errors"))),
        *(object_of(step.get("error")) for step in steps),
    ]


_NO_REASON = {"code": "internal", "message": "the interaction failed, and does not say why"}


# --- as a server ------------------------------------------------------------------------------------------------------


def error_fields(error: DragomanError) -> Json:
    """An error as the object that goes under `error`; the vendor's SDK requires its code to be a text."""
    word, reason = google_errors.words_of(error)
    own = error.code if error.code and not error.code.isdigit() else None
    return {"code": own or _CODES.get(word) or (reason or word).lower(), "message": error.message}


# What the vendor was seen to send where it is not the canonical word.
_CODES = {"INVALID_ARGUMENT": "invalid_request"}


def encode_error(error: DragomanError) -> tuple[int, dict[str, str], bytes]:
    """Write an error: status, headers, body."""
    return status_of(error), error_headers(error), msgspec.json.encode({"error": error_fields(error)})
