"""
Errors of this dialect, both ways.

The shape is `{"type": "error", "error": {"type", "message"}, "request_id"}`, as a body and as an event of a stream.

Source: the vendor's page on errors; SDK 2.12, `types/shared/error_type.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dragoman import errors
from dragoman.errors import DragomanError
from dragoman.wire.base import error_headers, status_of
from dragoman.wire.lenient import object_of
from dragoman.wire.status import status_error

_SHOWN: Final = 500


def error_from(
    body: Any, *, status: int | None = None, headers: Mapping[str, str] | None = None, provider: str | None = None
) -> DragomanError:
    """The error that a JSON value of this shape stands for."""
    fields = object_of(body)
    inner = fields.get("error")
    told = object_of(inner) or {"message": inner if isinstance(inner, str) else fields.get("message")}
    code = object_of(told.get("details")).get("error_code")
    request_id = fields.get("request_id")
    return status_error(
        status,
        headers or {},
        message=_text(told.get("message")) or _text(told.get("type")),
        code=code or told.get("code"),
        kind=told.get("type"),
        provider=provider,
        request_id=request_id if isinstance(request_id, str) else None,
        body=msgspec.json.encode(body).decode(),
    )


def error_from_bytes(status: int, headers: Mapping[str, str], body: bytes, provider: str | None) -> DragomanError:
    """The error for an answer with an error status, whatever its body is: proxies answer in HTML."""
    try:
        value: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    if isinstance(value, dict):
        return error_from(value, status=status, headers=headers, provider=provider)
    start = body[:_SHOWN].decode("utf-8", "replace").strip()
    said = "an HTML page" if start.startswith("<") else repr(start) if start else "nothing"
    return status_error(
        status,
        headers,
        message=f"the answer has status {status} and says {said}",
        provider=provider,
        body=start or None,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


# --- as a server ------------------------------------------------------------------------------------------------------

# Most specific first.  Statuses are the vendor's own where they differ from what other dialects use.
_KINDS: Final[tuple[tuple[type[DragomanError], str, int | None], ...]] = (
    (errors.QuotaError, "billing_error", 402),
    (errors.OverloadedError, "overloaded_error", 529),
    (errors.RateLimitError, "rate_limit_error", None),
    (errors.RefusedLocally, "rate_limit_error", None),
    (errors.AuthenticationError, "authentication_error", None),
    (errors.MissingKeyError, "authentication_error", None),
    (errors.PermissionDeniedError, "permission_error", None),
    (errors.NotFoundError, "not_found_error", None),
    (errors.UnknownModelError, "not_found_error", None),
    (errors.BadRequestError, "invalid_request_error", None),
    (errors.ConfigError, "invalid_request_error", None),
    (errors.TimeoutError, "timeout_error", None),
)


def _kind(error: DragomanError) -> tuple[str, int]:
    for cls, kind, status in _KINDS:
        if isinstance(error, cls):
            return kind, status or status_of(error)
    return "api_error", status_of(error)


def error_body(error: DragomanError) -> dict[str, Any]:
    """An error as the dialect's JSON."""
    body: dict[str, Any] = {"type": "error", "error": {"type": _kind(error)[0], "message": error.message}}
    return body | ({"request_id": error.request_id} if error.request_id else {})


def encode_error(error: DragomanError) -> tuple[int, dict[str, str], bytes]:
    """
    Write an error: status, headers, body.

    `x-should-retry` says whether the same request may succeed later; the vendor's SDKs obey it.
    """
    headers = error_headers(error)
    if error.request_id:
        headers["request-id"] = headers.pop("x-request-id", error.request_id)
    headers["x-should-retry"] = "true" if error.retryable else "false"
    return _kind(error)[1], headers, msgspec.json.encode(error_body(error))
