"""
Errors of the dialect, both ways: those of `wire.openai_errors`, in the places where this dialect has them.

Rule: a body with choices is an answer, unless it says `error`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.errors import DragomanError
from dragoman.types.providers import Provider
from dragoman.wire import openai_errors
from dragoman.wire.lenient import object_of


def reported(body: Any) -> Any:
    """The error that a JSON body holds, as an object or a text; None if it holds none."""
    fields = object_of(body)
    return None if fields.get("choices") and not fields.get("error") else openai_errors.reported(body)


def failure(
    status: int | None, headers: Mapping[str, str], body: Any, text: bytes, provider: Provider | None
) -> DragomanError:
    """
    Build the typed error.

    Args:
        status: HTTP status; below 400 the number in the error counts.
        headers: Names in lower case.
        body: The body or event as JSON, or None if it is none.
        text: The same as bytes.
        provider: Who answered.
    """
    return openai_errors.failure(status, headers, reported(body), body=body, text=text, provider=provider)


def encode_failure(error: DragomanError) -> dict[str, Any]:
    """The JSON of an error: `message`, `type`, `param`, `code`, and `status` for readers inside a stream."""
    return {"error": openai_errors.error_fields(error)}
