"""
Errors as OpenAI's dialects write them, both ways: `{"error": {"message", "type", "param", "code"}}`.

An error may come with a status, in a body that says 200, or inside a stream; `error` may be an object or a text, and
some servers put the words at the top level (`message`, `detail`).

Sources: OpenAI error codes guide; Azure content filtering (`innererror`); OpenRouter errors; Mistral and FastAPI
servers (`detail`); the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dragoman.errors import DragomanError
from dragoman.types.providers import Provider
from dragoman.wire.base import status_of
from dragoman.wire.lenient import list_of, object_of, text_of, whole
from dragoman.wire.status import request_id_of, status_error

# How much of a body that is no JSON is shown as the provider's words.
_SHOWN: Final = 200

# Error class to (type, code), as OpenAI writes them.  The most special class comes first.
_WORDS: Final[dict[str, tuple[str, str | None]]] = {
    "ContextLengthError": ("invalid_request_error", "context_length_exceeded"),
    "ContentFilterError": ("invalid_request_error", "content_filter"),
    "AuthenticationError": ("authentication_error", "invalid_api_key"),
    "MissingKeyError": ("authentication_error", "invalid_api_key"),
    "PermissionDeniedError": ("permission_error", "permission_denied"),
    "ModelNotFoundError": ("invalid_request_error", "model_not_found"),
    "UnknownModelError": ("invalid_request_error", "model_not_found"),
    "NotFoundError": ("not_found_error", None),
    "RateLimitError": ("rate_limit_error", "rate_limit_exceeded"),
    "QuotaError": ("insufficient_quota", "insufficient_quota"),
    "RefusedLocally": ("rate_limit_error", "refused_locally"),
    "OverloadedError": ("overloaded_error", "server_overloaded"),
    "BadRequestError": ("invalid_request_error", None),
    "ConfigError": ("invalid_request_error", None),
    "TimeoutError": ("timeout_error", "timeout"),
    "TransportError": ("api_error", "upstream_failed"),
    "ServerError": ("server_error", "server_error"),
}


def reported(body: Any) -> Any:
    """The error that a JSON body holds, as an object or a text; None if it holds none."""
    if isinstance(body, str):
        return body or None
    fields = object_of(body)
    if fields.get("error"):
        return fields["error"]
    if fields.get("object") == "error" or fields.get("message") or fields.get("detail"):
        return fields
    return next(iter(list_of(fields.get("errors"))), None)


def failure(
    status: int | None,
    headers: Mapping[str, str],
    error: Any,
    *,
    body: Any = None,
    text: bytes = b"",
    provider: Provider | None = None,
) -> DragomanError:
    """
    Build the typed error.

    Args:
        status: HTTP status; below 400 the number in the error counts.
        headers: Names in lower case.
        error: What the provider reports, an object or a text; None if its body is no JSON.
        body: The JSON that it stood in.
        text: The same as bytes.
        provider: Who answered.
    """
    fields, outer = object_of(error), object_of(body)
    code, kind = fields.get("code"), fields.get("type") or object_of(fields.get("innererror")).get("code")
    return status_error(
        status if status is not None and status >= 400 else _number(fields),
        headers,
        message=_words(error) or _start(text, error),
        code=code if isinstance(code, str | int) else None,
        kind=kind,
        provider=provider.name if provider else None,
        request_id=text_of(fields.get("request_id")) or text_of(outer.get("request_id")) or request_id_of(headers),
        body=text.decode("utf-8", "replace") or None,
    )


def _number(fields: dict[str, Any]) -> int | None:
    """HTTP status that an error itself carries."""
    for name in ("status_code", "status", "http_code", "code"):
        number = fields.get(name)
        number = int(number) if isinstance(number, str) and number.isdecimal() else whole(number)
        if number is not None and 400 <= number < 600:
            return number
    return None


def _words(error: Any) -> str:
    if isinstance(error, str):
        return error
    fields = object_of(error)
    for name in ("message", "msg", "detail", "error"):
        value = fields.get(name)
        if value:
            return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return ""


def _start(text: bytes, error: Any) -> str:
    """Words for an error that has none: how its body begins."""
    start = text.strip()[:_SHOWN].decode("utf-8", "replace")
    return f"an error without words: {start}" if error is not None or start else ""


def error_fields(error: DragomanError) -> dict[str, Any]:
    """An error as the object that goes under `error`; `status` is for readers inside a stream."""
    names = [cls.__name__ for cls in type(error).__mro__]
    kind, code = next((_WORDS[name] for name in names if name in _WORDS), ("server_error", None))
    # The provider's own code goes on unless it is only the status again.
    own = error.code if error.code and not error.code.isdigit() else None
    return {
        "message": error.message,
        "type": kind,
        "param": error.field,
        "code": own or code,
        "status": status_of(error),
    }
