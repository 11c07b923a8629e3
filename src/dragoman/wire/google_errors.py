"""
Errors as Google writes them, both ways: `{"error": {"code": 429, "message", "status": "RESOURCE_EXHAUSTED", "details"}}`.

Interactions has a shorter form of the same, whose code is a word: `{"error": {"code": "invalid_request", "message"}}`.
Either may come with a status, in a body that says 200, inside a stream, or as the one item of an array.

Rules: the name of a status says which HTTP status is meant where the answer has none.  A quota that is counted by the
minute is a rate, one by the day is used up, whatever words go with it: both say "exceeded your current quota".  The
delay in the body is the one to wait.

Sources: google.rpc `Code`, `ErrorInfo`, `QuotaFailure` and `RetryInfo`; Google's page on troubleshooting; google-genai SDK
3.4.0 (`errors.py`, `_gaos/lib/compat_errors.py`); the recordings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from dragoman import errors
from dragoman.errors import DragomanError, StatusError
from dragoman.types.providers import Provider
from dragoman.wire.base import status_of
from dragoman.wire.lenient import list_of, object_of, text_of, whole
from dragoman.wire.status import status_error

Json = dict[str, Any]

# How much of a body that is no JSON is shown as the provider's words.
_SHOWN: Final = 200

# google.rpc.Code to HTTP, as its comments say; and the words of Interactions, which are those of HTTP.
_STATUS_OF: Final[dict[str, int]] = {
    "invalid_argument": 400,
    "failed_precondition": 400,
    "out_of_range": 400,
    "bad_request": 400,
    "invalid_request": 400,
    "unauthenticated": 401,
    "unauthorized": 401,
    "permission_denied": 403,
    "forbidden": 403,
    "not_found": 404,
    "aborted": 409,
    "already_exists": 409,
    "conflict": 409,
    "resource_exhausted": 429,
    "too_many_requests": 429,
    "cancelled": 499,
    "internal": 500,
    "internal_error": 500,
    "internal_server_error": 500,
    "unknown": 500,
    "data_loss": 500,
    "unimplemented": 501,
    "unavailable": 503,
    "service_unavailable": 503,
    "deadline_exceeded": 504,
    "gateway_timeout": 504,
}

# `ErrorInfo.reason`: what the status hides.  A wrong key is a 400 here.
_BY_REASON: Final[dict[str, type[StatusError]]] = {
    "API_KEY_INVALID": errors.AuthenticationError,
    "API_KEY_EXPIRED": errors.AuthenticationError,
    "ACCESS_TOKEN_EXPIRED": errors.AuthenticationError,
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": errors.AuthenticationError,
    "CREDENTIALS_MISSING": errors.AuthenticationError,
    "API_KEY_SERVICE_BLOCKED": errors.PermissionDeniedError,
    "SERVICE_DISABLED": errors.PermissionDeniedError,
    "BILLING_DISABLED": errors.QuotaError,
    "RATE_LIMIT_EXCEEDED": errors.RateLimitError,
}
# Where there is no reason, only words.  (Google's page on troubleshooting, and reports of its users.)
_BY_MESSAGE: Final[tuple[tuple[re.Pattern[str], type[StatusError]], ...]] = (
    (re.compile(r"API key (?:not valid|expired)", re.IGNORECASE), errors.AuthenticationError),
    (re.compile(r"\bmodels?/\S+ (?:is|was) not found|model .{1,200} (?:is )?not found", re.IGNORECASE), errors.ModelNotFoundError),
    (re.compile(r"token count .{0,80}exceeds? the maximum", re.IGNORECASE), errors.ContextLengthError),
)
_DELAY: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")


def reported(body: Any) -> Any:
    """The error that a JSON body holds, as an object or a text; None if it holds none."""
    if isinstance(body, list):
        return next((error for item in list_of(body) if (error := reported(item)) is not None), None)  # pyright: ignore[reportUnknownArgumentType]
    return object_of(body).get("error") or None


def failure(
    status: int | None, headers: Mapping[str, str], body: Any, text: bytes = b"", provider: Provider | None = None
) -> DragomanError:
    """
    Build the typed error.

    Args:
        status: HTTP status; below 400 what the error says counts.
        headers: Names in lower case.
        body: The JSON that the error stands in; None if it is none.
        text: The same as bytes.
        provider: Who answered.
    """
    error = reported(body)
    fields = object_of(error)
    details = [object_of(detail) for detail in list_of(fields.get("details"))]
    message = text_of(error) or text_of(fields.get("message")) or _start(text)
    if status is None or status < 400:
        status = _number(fields)
    code = fields.get("code")
    made = status_error(
        status,
        headers,
        message=message,
        code=code if isinstance(code, str | int) else None,
        kind=text_of(fields.get("status")) or None,
        provider=provider.name if provider else None,
        body=text.decode("utf-8", "replace") or None,
        chosen=_chosen(details, message),
    )
    if made.retry_after is None:
        made.retry_after = _delay(details)
    return made


def _number(fields: Json) -> int | None:
    """HTTP status that an error itself carries."""
    number = whole(fields.get("code"))
    if number is not None and 400 <= number < 600:
        return number
    words = (text_of(fields.get("status")), text_of(fields.get("code")))
    return next((_STATUS_OF[word.lower()] for word in words if word.lower() in _STATUS_OF), None)


def _start(text: bytes) -> str:
    """Words for an error that has none: how its body begins."""
    start = text.strip()[:_SHOWN].decode("utf-8", "replace")
    return f"an error without words: {start}" if start else ""


def _chosen(details: list[Json], message: str) -> type[StatusError] | None:
    """The class where details or words say more than the status."""
    for detail in details:
        if (found := _BY_REASON.get(text_of(detail.get("reason")))) is not None:
            return found
    quotas = [text_of(object_of(item).get("quotaId")) for detail in details for item in list_of(detail.get("violations"))]
    if any("PerDay" in quota for quota in quotas):
        return errors.QuotaError
    if any("PerMinute" in quota for quota in quotas) or _delay(details) is not None:
        return errors.RateLimitError
    return next((kind for words, kind in _BY_MESSAGE if words.search(message)), None)


def _delay(details: list[Json]) -> float | None:
    """`RetryInfo.retryDelay`, in seconds."""
    for detail in details:
        if (found := _DELAY.fullmatch(text_of(detail.get("retryDelay")))) is not None:
            return float(found[1])
    return None


# --- as a server ------------------------------------------------------------------------------------------------------

_NAME_OF: Final[dict[int, str]] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def status_name(error: DragomanError) -> str:
    """The name of the status under which a server reports `error`."""
    status = status_of(error)
    return _NAME_OF.get(status) or ("INVALID_ARGUMENT" if status < 500 else "INTERNAL")
