"""
Faults by status: what providers say no with, in every form in which they ask to wait.

Rule: the code decides before the status.  A quota is not a rate, and waiting for money is no use.
"""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from typing import Final

import msgspec

from dragoman.redact import SECRET_HEADERS
from dragoman.testing.faults.actions import Action, End, Repeat
from dragoman.testing.faults.fault import ALL, AWS, WHOLE, Expects, Fault, Make
from dragoman.testing.faults.ordinary import Ordinary
from dragoman.testing.http1 import chunk
from dragoman.wire.status import status_error

_STATUS: Final = "error pages of OpenAI, Anthropic and OpenRouter; RFC 9110 section 15"
_QUOTA: Final = "quota retried as a rate: langchainjs #1929, codex #6340, agentao #283, pi #4991"
_WAIT: Final = "every form of Retry-After: openai-python #3555, openai-node #1924, jcode #1183, pi #4991"
_KEY: Final = "errors that echo the key: OpenAI's `Incorrect API key provided`"
_GATEWAY: Final = "gateways before the provider: nginx, Cloudflare, Envoy"


def _says(status: int, code: str | None, message: str, **headers: str) -> Make:
    """An error in the dialect's own form."""

    def make(good: Ordinary) -> list[Action]:
        error = status_error(status, {}, message=message, code=code)
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return [*good.sized(good.error(error), status, named)]

    return make


def _waits(headers: Callable[[], dict[str, str]], status: int = 429) -> Make:
    return lambda good: _says(status, "rate_limit_exceeded", "Rate limit reached for requests", **headers())(good)


def _body(status: int, body: bytes, content_type: str = "application/json") -> Make:
    return lambda good: [*good.sized(body, status, {"content-type": content_type})]


def _echo_key(good: Ordinary) -> list[Action]:
    key = next((text for name, text in good.request.headers.items() if name in SECRET_HEADERS), "")
    words = f"Incorrect API key provided: {key.removeprefix('Bearer ')}. You can find yours in the console."
    return [*_says(401, "invalid_api_key", words, x_echo=key, set_cookie=f"key={key}")(good)]


def _date(seconds: float) -> Callable[[], dict[str, str]]:
    return lambda: {"retry_after": formatdate(_now() + seconds, usegmt=True), "date": formatdate(_now(), usegmt=True)}


def _now() -> float:
    return 1_795_000_000.0  # a date is read against the answer's own `Date`, so any time will do


def _cut_body(good: Ordinary) -> list[Action]:
    return [good.opened({"retry-after": "9"}, 429), chunk(b'{"error": {"mess'), End.CLOSE]


def _endless_body(good: Ordinary) -> list[Action]:
    return [good.opened(status=500), Repeat(chunk(b"an error without end " * 50))]


def _no(
    cls: str,
    *,
    retryable: bool | None = None,
    wait: float | msgspec.UnsetType | None = msgspec.UNSET,
    once: bool | None = None,
) -> Expects:
    return Expects(
        errors=(cls,), retryable=retryable, retry_after=wait, once=(retryable is False) if once is None else once
    )


def _fault(name: str, meaning: str, source: str, make: Make, expects: Expects, wires: frozenset[str] = ALL) -> Fault:
    return Fault(name, meaning, source, make, expects, expects, wires)


# status, code, message, class, whether trying again may help
_PLAIN: Final = (
    (400, "invalid_request_error", "Unknown parameter: 'x'.", "BadRequestError", False),
    (401, "invalid_api_key", "Incorrect API key provided.", "AuthenticationError", False),
    (402, None, "Insufficient credits.", "QuotaError", False),
    (403, None, "Your project may not use this model.", "PermissionDeniedError", False),
    (405, None, "Method not allowed.", "StatusError", False),
    (408, None, "Request timeout.", "ServerError", True),
    (409, None, "Conflict, please retry.", "ServerError", True),
    (413, None, "Request too large.", "BadRequestError", False),
    (415, None, "Unsupported media type.", "StatusError", False),
    (422, "invalid_request_error", "temperature: not a number.", "BadRequestError", False),
    (425, None, "Too early.", "ServerError", True),
    (429, "rate_limit_exceeded", "Rate limit reached for requests.", "RateLimitError", True),
    (500, None, "The server had an error while processing your request.", "ServerError", True),
    (502, None, "Bad gateway.", "ServerError", True),
    (503, None, "The engine is currently overloaded.", "OverloadedError", True),
    (504, None, "Gateway timeout.", "ServerError", True),
    (529, "overloaded_error", "Overloaded.", "OverloadedError", True),
    (599, None, "Network connect timeout.", "ServerError", True),
)

_QUOTAS: Final = (
    ("quota", 429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing."),
    ("quota_credit_balance", 429, "credit_balance_exhausted", "The credit balance is exhausted."),
    ("quota_spend_limit", 429, "org_monthly_spend_limit_exceeded", "The organisation's spend limit is reached."),
    ("quota_billing", 400, "billing_hard_limit_reached", "Billing hard limit has been reached."),
    ("quota_in_words", 400, "invalid_request_error", "Your credit balance is too low to access the API."),
    ("quota_payment", 402, "payment_required", "Payment required."),
)

# AWS has one name for all of them, so that these are told only by codes that it has not.
_BY_CODE: Final = ("quota_credit_balance", "quota_billing")

_WAITS: Final = (
    ("retry_after_seconds", "in seconds", lambda: {"retry_after": "17"}, 17.0),
    ("retry_after_fraction", "in fractions of a second", lambda: {"retry_after": "12.5"}, 12.5),
    ("retry_after_ms", "in milliseconds", lambda: {"retry_after_ms": "13500", "retry_after": "14"}, 13.5),
    ("retry_after_date", "as a date", _date(30), 30.0),
    ("retry_after_date_past", "as a date that has passed", _date(-30), 0.0),
    ("retry_after_16_days", "of 16 days", lambda: {"retry_after": "1382400"}, 1_382_400.0),
    ("retry_after_garbage", "in a form that nobody knows", lambda: {"retry_after": "soon"}, None),
    ("retry_after_negative", "of less than nothing", lambda: {"retry_after": "-5"}, None),
    ("retry_after_infinite", "without end", lambda: {"retry_after": "inf", "retry_after_ms": "nan"}, None),
    ("retry_after_empty", "left empty", lambda: {"retry_after": " "}, None),
)

# A table is read by rows.
# fmt: off
STATUSES: Final = (
    *(
        _fault(
            f"status_{status}",
            f"The answer is {status}: {words}",
            _STATUS,
            _says(status, code, words),
            _no(cls, retryable=retryable),
        )
        for status, code, words, cls, retryable in _PLAIN
    ),
    *(
        _fault(
            name,
            f"The account is used up: {status} `{code}`.",
            _QUOTA,
            _says(status, code, words, retry_after="1"),
            _no("QuotaError", retryable=False),
            ALL - AWS if name in _BY_CODE else ALL,
        )
        for name, status, code, words in _QUOTAS
    ),
    *(
        _fault(name, f"A 429 asks for a wait {form}.", _WAIT, _waits(headers), _no("RateLimitError", wait=wait))
        for name, form, headers, wait in _WAITS
    ),
    _fault("retry_after_on_200", "A right answer carries Retry-After, which must not delay anything.",
           "Anthropic's recordings: retry-after of 3 to 61 s with 200", lambda good: [*good.whole({"retry-after":
           "61"})], WHOLE),
    _fault("should_not_retry", "A 500 says that trying again is no use.", _WAIT, _says(500, None,
           "The server failed.", x_should_retry="false"), _no("ServerError", retryable=False)),
    _fault("should_retry", "A 400 says that trying again may help.", _WAIT, _says(400, "invalid_request_error",
           "Please repeat.", x_should_retry="true"), _no("BadRequestError", retryable=True)),
    _fault("key_echoed", "A 401 repeats the key in its body and its headers.", _KEY, _echo_key,
           _no("AuthenticationError", retryable=False)),
    _fault("model_not_found", "The model is not known.", _STATUS, _says(404, "model_not_found",
           "The model `m` does not exist or you do not have access to it."), _no("NotFoundError", retryable=False)),
    _fault("not_found_html", "The address is wrong: 404 with a page of HTML.", _GATEWAY, _body(404,
           b"<html><h1>404 Not Found</h1></html>", "text/html"), _no("NotFoundError", retryable=False)),
    _fault("context_length", "The prompt is too long.", _STATUS, _says(400, "context_length_exceeded",
           "This model's maximum context length is 8 tokens."), _no("ContextLengthError", retryable=False)),
    _fault("content_filter", "The content filter refuses the prompt.", _STATUS, _says(400, "content_filter",
           "The response was filtered."), _no("ContentFilterError", retryable=False), frozenset({"openai-chat",
           "openai-responses"})),
    _fault("gateway_html", "A gateway answers 502 with a page of HTML.", _GATEWAY, _body(502,
           b"<html><h1>502 Bad Gateway</h1></html>", "text/html"), _no("ServerError", retryable=True)),
    _fault("error_empty", "A 500 has no body.", _GATEWAY, _body(500, b""), _no("ServerError", retryable=True)),
    _fault("error_text", "A 503 has a line of text.", _GATEWAY, _body(503, b"no healthy upstream", "text/plain"),
           _no("OverloadedError", retryable=True)),
    _fault("error_string", "The body of a 500 is a JSON string.", _GATEWAY, _body(500, b'"it failed"'),
           _no("ServerError", retryable=True)),
    _fault("error_other_shape", "The body of a 400 is JSON of another shape.", _GATEWAY, _body(400,
           b'{"error":["a",7,null],"detail":[{"loc":["body"],"msg":"field required"}],"message":{}}'),
           _no("BadRequestError", retryable=False)),
    _fault("error_broken_json", "The body of a 500 is no JSON.", _GATEWAY, _body(500, b'{"error": {"mess'),
           _no("ServerError", retryable=True)),
    _fault("error_broken_utf8", "The body of a 500 is no text.", _GATEWAY, _body(500, b'{"error":"\xff\xfe\xe4"}'),
           _no("ServerError", retryable=True)),
    _fault("error_huge", "The body of a 500 has 5 MiB.", _GATEWAY, _body(500, b"e" * 5 * 1024 * 1024, "text/plain"),
           _no("ServerError", retryable=True)),
    _fault("error_cut", "The connection is closed in the body of a 429.", _GATEWAY, _cut_body,
           Expects(errors=("RateLimitError", "StreamInterrupted"))),
    _fault("error_endless", "The body of a 500 never ends.", _GATEWAY, _endless_body, Expects(errors=("ServerError",
           "TimeoutError"))),
)
# fmt: on
