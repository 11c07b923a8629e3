"""Errors in the Anthropic dialect, read as a client and written as a server."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman import errors
from dragoman.errors import DragomanError, StatusError, WireError
from dragoman.types.providers import Provider
from dragoman.wire.anthropic_messages import WIRE

PROVIDER = Provider(name="anthropic", base_url="https://api.example.com", wire="anthropic-messages")


def failed(status: int, body: bytes, headers: dict[str, str] | None = None) -> DragomanError:
    """The error that an answer stands for."""
    with pytest.raises(DragomanError) as caught:
        WIRE.decode_response(status, headers or {}, body, PROVIDER)
    return caught.value


def told(kind: str, message: str = "words", **more: Any) -> bytes:
    """An error body."""
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}, **more})


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (400, "invalid_request_error", "bad", errors.BadRequestError),
        (400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum", errors.ContextLengthError),
        (400, "invalid_request_error", "Your credit balance is too low to access the API", errors.QuotaError),
        (401, "authentication_error", "invalid x-api-key", errors.AuthenticationError),
        (402, "billing_error", "pay", errors.QuotaError),
        (403, "permission_error", "no", errors.PermissionDeniedError),
        (404, "not_found_error", "model: claude-nope", errors.ModelNotFoundError),
        (413, "request_too_large", "too large", errors.ContextLengthError),
        (429, "rate_limit_error", "slow down", errors.RateLimitError),
        (500, "api_error", "oops", errors.ServerError),
        (504, "timeout_error", "late", errors.ServerError),
        (529, "overloaded_error", "Overloaded", errors.OverloadedError),
    ],
)
def test_each_error_has_its_class(status: int, kind: str, message: str, expected: type[DragomanError]) -> None:
    """The type decides, then the words, then the status; the code is the type as sent."""
    error = failed(status, told(kind, message, request_id="req_1"))

    assert expected is type(error)
    assert (status, kind, "req_1", "anthropic", message) == (
        error.status,
        error.code,
        error.request_id,
        error.provider,
        error.message,
    )


def test_a_more_specific_code_is_preferred() -> None:
    """`details.error_code` says more than the type."""
    body = {"error": {"type": "not_found_error", "message": "m", "details": {"error_code": "thread_not_found"}}}

    assert "thread_not_found" == failed(404, msgspec.json.encode(body)).code


def test_headers_tell_the_request_and_the_wait() -> None:
    """Header names may come in any case."""
    error = failed(
        429, told("rate_limit_error"), {"Request-Id": "req_2", "Retry-After": "7", "X-Should-Retry": "false"}
    )

    assert ("req_2", 7.0, False) == (error.request_id, error.retry_after, error.retryable)


@pytest.mark.parametrize(
    ("body", "word"),
    [(b"<html>Bad Gateway</html>", "HTML"), (b"upstream died", "upstream died"), (b"", "nothing"), (b'"x"', '"x"')],
)
def test_an_error_without_the_dialects_body_is_told_by_its_status(body: bytes, word: str) -> None:
    """Proxies answer in other forms; how the body begins is shown."""
    error = failed(502, body)

    assert isinstance(error, errors.ServerError)
    assert word in error.message


@pytest.mark.parametrize("body", [told("overloaded_error"), b'{"error": {"type": "overloaded_error", "message": "m"}}'])
def test_an_error_under_status_200_is_an_error(body: bytes) -> None:
    """The body decides."""
    assert isinstance(failed(200, body), errors.OverloadedError)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"<html>", None),
        (b"", None),
        (b"{}", "$.content"),
        (b'{"content": "x"}', "$.content"),
        (b'{"content": [{"type": "text"}]}', "$.content[]"),
        (b'{"content": [], "stop_reason": 5}', "$.stop_reason"),
    ],
)
def test_what_is_no_answer_is_not_the_protocol(body: bytes, path: str | None) -> None:
    """The error names the first wrong field."""
    error = failed(200, body)

    assert isinstance(error, WireError)
    assert path == error.path


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.ConfigError("x"), 400, "invalid_request_error"),
        (errors.BadRequestError("x", status=422), 422, "invalid_request_error"),
        (errors.MissingKeyError("p", "E"), 401, "authentication_error"),
        (errors.AuthenticationError("x"), 401, "authentication_error"),
        (errors.QuotaError("x", status=429), 402, "billing_error"),
        (errors.PermissionDeniedError("x"), 403, "permission_error"),
        (errors.ModelNotFoundError("x"), 404, "not_found_error"),
        (errors.UnknownModelError("x"), 404, "not_found_error"),
        (errors.RateLimitError("x"), 429, "rate_limit_error"),
        (errors.BudgetError("x"), 429, "rate_limit_error"),
        (errors.OverloadedError("x", status=503), 529, "overloaded_error"),
        (errors.ServerError("x", status=503), 503, "api_error"),
        (errors.TimeoutError("x", clock="idle"), 504, "timeout_error"),
        (errors.ConnectError("x"), 502, "api_error"),
        (errors.WireError("x"), 502, "api_error"),
    ],
)
def test_an_error_is_written_under_the_vendors_type_and_status(error: DragomanError, status: int, kind: str) -> None:
    """Clients of the vendor decide by these two."""
    sent_status, headers, body = WIRE.encode_error(error)
    value = msgspec.json.decode(body)

    assert (status, "error", kind, error.message) == (
        sent_status,
        value["type"],
        value["error"]["type"],
        value["error"]["message"],
    )
    assert ("application/json", str(error.retryable).lower()) == (headers["content-type"], headers["x-should-retry"])


def test_an_error_keeps_its_request_and_its_wait() -> None:
    """The id goes under the vendor's header name and into the body."""
    _, headers, body = WIRE.encode_error(errors.RateLimitError("x", request_id="req_1", retry_after=1.5))

    assert ("req_1", "1.5") == (headers["request-id"], headers["retry-after"])
    assert "req_1" == msgspec.json.decode(body)["request_id"]


@pytest.mark.parametrize(
    "error",
    [
        errors.BadRequestError("x"),
        errors.AuthenticationError("x"),
        errors.QuotaError("x"),
        errors.PermissionDeniedError("x"),
        errors.NotFoundError("x"),
        errors.RateLimitError("x", retry_after=2.0),
        errors.OverloadedError("x"),
        errors.ServerError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_the_way_through_a_server(error: StatusError) -> None:
    """What is written is read as the same class, with the same word on retrying."""
    status, headers, body = WIRE.encode_error(error)
    read = failed(status, body, headers)

    assert type(error) is type(read)
    assert (error.message, error.retryable, error.retry_after) == (read.message, read.retryable, read.retry_after)
