"""
Errors of the dialect, both ways: `{"error": "words"}`, as a body and as a line of a stream.

Rule: a line has no status, so what the words do not tell is a failure of the server.

Sources: Ollama's OpenAPI file (`ErrorResponse`) and page on errors; the server's `routes.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dragoman.errors import DragomanError
from dragoman.types.providers import Provider
from dragoman.wire import openai_errors
from dragoman.wire.base import error_headers, status_of
from dragoman.wire.lenient import known, object_of


def reports_error(sent: Any) -> bool:
    """Whether a JSON value is an error."""
    return bool(object_of(sent).get("error"))


def failure(
    status: int | None, headers: Mapping[str, str], sent: Any, text: bytes, provider: Provider | None
) -> DragomanError:
    """Build the typed error; see `dragoman.wire.plain_answer.Failure`."""
    inner = object_of(object_of(sent).get("error")) or sent  # a proxy in front may write OpenAI's shape
    return openai_errors.failure(status, headers, inner, body=sent, text=text, provider=provider)


def error_fields(error: DragomanError) -> dict[str, Any]:
    """An error as the dialect's JSON, with what readers inside a stream would else not know: status and code."""
    code = error.code if error.code and not error.code.isdigit() else None
    return {"error": error.message, "status": status_of(error), **known({"code": code})}


def encode_error(error: DragomanError) -> tuple[int, dict[str, str], bytes]:
    """Write an error: status, headers, body."""
    return status_of(error), error_headers(error), msgspec.json.encode(error_fields(error))
