"""
Which error class is right for what a provider said.

Written from the design and the vendors' pages, apart from `dragoman.wire.status`: two readings of the same rules that
must agree.  The code speaks before the status.

Source: DESIGN.md section 5 (the tree) and 6 (rule 3); OpenAI error codes guide; Anthropic errors page.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from dragoman import errors
from dragoman.errors import DragomanError


class Said(NamedTuple):
    """What the provider said, in its own words."""

    status: int | None
    type: str | None
    code: str | None
    message: str
    interrupted: bool = False


_BY_CODE: dict[str, type[DragomanError]] = {
    "insufficient_quota": errors.QuotaError,
    "billing_error": errors.QuotaError,
    "rate_limit_exceeded": errors.RateLimitError,
    "rate_limit_error": errors.RateLimitError,
    "overloaded_error": errors.OverloadedError,
    "invalid_api_key": errors.AuthenticationError,
    "authentication_error": errors.AuthenticationError,
    "permission_error": errors.PermissionDeniedError,
    "model_not_found": errors.ModelNotFoundError,
    "DeploymentNotFound": errors.ModelNotFoundError,
    "context_length_exceeded": errors.ContextLengthError,
    "content_filter": errors.ContentFilterError,
    "api_error": errors.ServerError,
    "ExpiredTokenException": errors.AuthenticationError,
    "RESOURCE_EXHAUSTED": errors.RateLimitError,
}
_BY_STATUS: dict[int, type[DragomanError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.QuotaError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    422: errors.BadRequestError,
    429: errors.RateLimitError,
    503: errors.OverloadedError,
    529: errors.OverloadedError,
}


def said(expected: dict[str, Any], body: bytes) -> Said:
    """Collect the provider's words from an `expected` of kind `error`."""
    if expected.get("why") == "no evidence of completion":
        return Said(None, None, None, "", interrupted=True)
    if "message" in expected:
        # Google's number in `code` repeats the status; its word is the type.
        code = None if isinstance(expected["code"], int) and expected["type"] else _text(expected["code"])
        return Said(expected["status"], _text(expected["type"]), code, expected["message"] or "")
    error = expected.get("stream_error") or json.loads(body)["error"]
    status = error.get("status_code") or error.get("status") or error.get("code")
    return Said(
        status if isinstance(status, int) else None,
        _text(error.get("type")),
        _text(error.get("code")),
        error.get("message") or "",
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def right_class(words: Said) -> type[DragomanError]:
    """The class that must be raised, neither wider nor narrower."""
    if words.interrupted:
        return errors.StreamInterrupted
    for code in (words.code, words.type):
        if code in _BY_CODE:
            return _BY_CODE[code]
    # Anthropic names a missing model only in words: type `not_found_error`, message `model: <name>`.
    if words.type == "not_found_error" and words.message.startswith("model:"):
        return errors.ModelNotFoundError
    # Google too: `models/<name> is not found for API version v1beta`.
    if words.type == "NOT_FOUND" and words.message.startswith("models/"):
        return errors.ModelNotFoundError
    if words.message == "The provided model identifier is invalid.":  # Bedrock's
        return errors.ModelNotFoundError
    if words.status is None:
        return errors.BadRequestError if words.type == "invalid_request_error" else errors.ServerError
    return _BY_STATUS.get(words.status, errors.ServerError if words.status >= 500 else errors.BadRequestError)
