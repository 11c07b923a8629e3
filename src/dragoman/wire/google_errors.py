"""
Errors as Google writes them, both ways: `{"error": {"code", "message", "status", "details": [...]}}`, also as the one
element of an array.

`status` is one of the canonical words of gRPC and is given as `.code`; the number in `code` only repeats the HTTP
status.  `details` say the rest: `ErrorInfo.reason`, `RetryInfo.retryDelay`, `QuotaFailure.violations`.  The
Interactions dialect has a short form, whose code is the word: `{"error": {"code": "invalid_request", "message"}}`; and
what failed inside an answer has gRPC's own number.

Rule: RESOURCE_EXHAUSTED is said of every limit, in the same words.  Which limit it was stands in the ids of the quotas:
one per day, or of money, is a `QuotaError`, because waiting for seconds does not help; any other is a `RateLimitError`.

Sources: google.rpc `code.proto` and `error_details.proto`; Google's page on rate limits; google-genai SDK 3.4.0
(`_gaos/types/interactions/error.py`, `status.py`); the recordings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from dragoman import errors
from dragoman.errors import DragomanError, StatusError
from dragoman.wire.base import error_headers, status_of
from dragoman.wire.lenient import is_array, list_of, object_of, text_of, whole
from dragoman.wire.status import status_error

Json = dict[str, Any]

_SHOWN: Final = 200
_TYPES: Final = "type.googleapis.com/google.rpc."
_SECONDS: Final = re.compile(r"(\d+(?:\.\d+)?)s\Z")

# `GenerateRequestsPerDayPerProjectPerModel-FreeTier`; money is counted over a window of ten minutes, but an empty
# account does not fill again by waiting.
_FINAL_QUOTA: Final = re.compile(r"per_?day|spend|billing|budget|prepay|credit", re.IGNORECASE)
_FINAL_WORDS: Final = re.compile(r"spend|prepay|credits? (?:are|is|has|have)|billing account", re.IGNORECASE)


def reported(body: Any) -> Json | None:
    """The error that a JSON body holds, or None."""
    value = body[0] if is_array(body) and body else body
    error = object_of(value).get("error")
    if isinstance(error, str) and error:
        return {"message": error}
    return object_of(error) or None


def failure(
    status: int | None, headers: Mapping[str, str], text: bytes, body: Any, provider: str | None
) -> DragomanError:
    """
    Build the typed error.

    Args:
        status: HTTP status; None inside a stream, where the number in the error counts.
        headers: Names in lower case.
        text: The body, or the event of a stream.
        body: The same as JSON, or None if it is none.
        provider: Name of the provider row.
    """
    error = reported(body) or {}
    number = whole(error.get("code"))
    details = [object_of(detail) for detail in list_of(error.get("details"))]
    word, message = _word(error, number), text_of(error.get("message"))
    made = status_error(
        status if status is not None and status >= 400 else number if number and number >= 400 else None,
        headers,
        message=message or _without_words(word, text, error),
        code=word or number,
        kind=_of(details, "ErrorInfo", "reason"),
        cls=_exhausted(details, message) if word.upper() in _EXHAUSTED else None,
        provider=provider,
        request_id=_of(details, "RequestInfo", "requestId") or None,
        body=text.decode("utf-8", "replace") or None,
    )
    made.retry_after = _delay(details) if made.retry_after is None else made.retry_after
    return made


def _word(error: Json, number: int | None) -> str:
    """The error's own word, or gRPC's for its number."""
    word = text_of(error.get("status")) or text_of(error.get("code"))
    return _CODES[number] if not word and number is not None and 0 < number < len(_CODES) else word


# google.rpc.Code, in the order of its numbers.
_CODES: Final = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
_EXHAUSTED: Final = ("RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS")


def _exhausted(details: list[Json], message: str) -> type[StatusError]:
    violations = [
        object_of(violation)
        for detail in details
        if _is(detail, "QuotaFailure")
        for violation in list_of(detail.get("violations"))
    ]
    named = " ".join(text_of(violation.get(name)) for violation in violations for name in ("quotaId", "quotaMetric"))
    reason = _of(details, "ErrorInfo", "reason")
    final = _FINAL_QUOTA.search(named) or _FINAL_WORDS.search(message) or reason in _FINAL_REASONS
    return errors.QuotaError if final else errors.RateLimitError


_FINAL_REASONS: Final = ("QUOTA_EXCEEDED", "BILLING_DISABLED")


def _is(detail: Json, kind: str) -> bool:
    return text_of(detail.get("@type")).endswith(f".{kind}")


def _of(details: Iterable[Json], kind: str, field: str) -> str:
    return next((found for detail in details if _is(detail, kind) and (found := text_of(detail.get(field)))), "")


def _delay(details: list[Json]) -> float | None:
    found = _SECONDS.match(_of(details, "RetryInfo", "retryDelay"))
    return float(found[1]) if found else None


def _without_words(word: str, text: bytes, error: Json) -> str:
    """Words for an error that has none."""
    if word:
        return word
    start = text.strip()[:_SHOWN].decode("utf-8", "replace")
    if start.startswith("<"):
        return "an error with an HTML page; check the base URL, and proxies on the way"
    return f"an error without words: {start}" if start or error else ""


def failure_from_bytes(status: int, headers: Mapping[str, str], text: bytes, provider: str | None) -> DragomanError:
    """The error for an answer with an error status, whatever its body is."""
    try:
        body: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    return failure(status, headers, text, body, provider)


# --- as a server ------------------------------------------------------------------------------------------------------

# Error class to (canonical word, reason).  The most special class comes first; a reason is given where the word says
# less than the class.
_WORDS: Final[dict[str, tuple[str, str]]] = {
    "ContextLengthError": ("INVALID_ARGUMENT", "CONTEXT_LENGTH_EXCEEDED"),
    "ContentFilterError": ("INVALID_ARGUMENT", "CONTENT_FILTER"),
    "AuthenticationError": ("UNAUTHENTICATED", ""),
    "MissingKeyError": ("UNAUTHENTICATED", ""),
    "PermissionDeniedError": ("PERMISSION_DENIED", ""),
    "ModelNotFoundError": ("NOT_FOUND", "MODEL_NOT_FOUND"),
    "UnknownModelError": ("NOT_FOUND", "MODEL_NOT_FOUND"),
    "NotFoundError": ("NOT_FOUND", ""),
    "RateLimitError": ("RESOURCE_EXHAUSTED", ""),
    "RefusedLocally": ("RESOURCE_EXHAUSTED", "REFUSED_LOCALLY"),
    "QuotaError": ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"),
    "OverloadedError": ("UNAVAILABLE", ""),
    "BadRequestError": ("INVALID_ARGUMENT", ""),
    "ConfigError": ("INVALID_ARGUMENT", ""),
    "TimeoutError": ("DEADLINE_EXCEEDED", ""),
}


def words_of(error: DragomanError) -> tuple[str, str]:
    """The canonical word for an error, and the reason where it says more."""
    names = [cls.__name__ for cls in type(error).__mro__]
    return next((_WORDS[name] for name in names if name in _WORDS), ("INTERNAL", ""))


def error_body(error: DragomanError) -> Json:
    """An error as JSON."""
    word, reason = words_of(error)
    details: list[Json] = []
    if reason:
        details.append({"@type": f"{_TYPES}ErrorInfo", "reason": reason, "domain": "dragoman"})
    if error.retry_after is not None:
        details.append({"@type": f"{_TYPES}RetryInfo", "retryDelay": f"{error.retry_after:g}s"})
    if error.request_id:
        details.append({"@type": f"{_TYPES}RequestInfo", "requestId": error.request_id})
    fields: Json = {"code": status_of(error), "message": error.message, "status": word}
    return {"error": fields | ({"details": details} if details else {})}


def encode_error(error: DragomanError) -> tuple[int, dict[str, str], bytes]:
    """Write an error: status, headers, body."""
    return status_of(error), error_headers(error), msgspec.json.encode(error_body(error))
