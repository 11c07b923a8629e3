"""
From a provider's error to the right class.

The code decides before the status: a 429 for an empty account must not be waited for, a 400 for a long prompt is not a
mistake in the request's form.  Vendors use each other's codes, so there is one table for all dialects.

Sources: OpenAI error codes guide; Anthropic errors page; Azure content filtering; OpenRouter errors; Groq errors; the
recordings; public issues of clients that retried what cannot be retried (FACTS: quota, spend limits).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from dragoman import errors
from dragoman.errors import DragomanError, StatusError
from dragoman.redact import redact

_BY_CODE: Final[dict[str, type[StatusError]]] = {
    # money and daily caps: waiting does not help
    "insufficient_quota": errors.QuotaError,
    "quota_exceeded": errors.QuotaError,
    "billing_error": errors.QuotaError,
    "billing_hard_limit_reached": errors.QuotaError,
    "billing_not_active": errors.QuotaError,
    "credit_balance_exhausted": errors.QuotaError,
    "insufficient_balance": errors.QuotaError,
    "insufficient_credits": errors.QuotaError,
    "payment_required": errors.QuotaError,
    "usage_limit_reached": errors.QuotaError,
    "access_terminated": errors.QuotaError,
    "arrearage": errors.QuotaError,
    "servicequotaexceededexception": errors.QuotaError,
    "exceeded_current_quota_error": errors.QuotaError,
    # rates
    "rate_limit_exceeded": errors.RateLimitError,
    "rate_limit_error": errors.RateLimitError,
    "rate_limited": errors.RateLimitError,
    "too_many_requests": errors.RateLimitError,
    "rate_limit_reached_error": errors.RateLimitError,
    "throttlingexception": errors.RateLimitError,
    "throttling": errors.RateLimitError,
    "toomanyrequestsexception": errors.RateLimitError,
    # capacity
    "overloaded_error": errors.OverloadedError,
    "engine_overloaded": errors.OverloadedError,
    "engine_overloaded_error": errors.OverloadedError,
    "server_overloaded": errors.OverloadedError,
    "server_is_overloaded": errors.OverloadedError,
    "service_unavailable": errors.OverloadedError,
    "slow_down": errors.OverloadedError,
    "capacity_exceeded": errors.OverloadedError,
    "serviceunavailableexception": errors.OverloadedError,
    "modelnotreadyexception": errors.OverloadedError,
    # the key
    "invalid_api_key": errors.AuthenticationError,
    "incorrect_api_key": errors.AuthenticationError,
    "authentication_error": errors.AuthenticationError,
    "invalid_authentication_error": errors.AuthenticationError,
    "unauthorized": errors.AuthenticationError,
    "expiredtokenexception": errors.AuthenticationError,
    "unrecognizedclientexception": errors.AuthenticationError,
    "invalidsignatureexception": errors.AuthenticationError,
    "incompletesignatureexception": errors.AuthenticationError,
    "missingauthenticationtokenexception": errors.AuthenticationError,
    "permission_error": errors.PermissionDeniedError,
    "permission_denied": errors.PermissionDeniedError,
    "accessdeniedexception": errors.PermissionDeniedError,
    "unsupported_country_region_territory": errors.PermissionDeniedError,
    # the model
    "model_not_found": errors.ModelNotFoundError,
    "model_not_exist": errors.ModelNotFoundError,
    "unknown_model": errors.ModelNotFoundError,
    "invalid_model": errors.ModelNotFoundError,
    "deploymentnotfound": errors.ModelNotFoundError,
    "model_decommissioned": errors.ModelNotFoundError,
    "not_found_error": errors.NotFoundError,
    "resourcenotfoundexception": errors.NotFoundError,
    # the request
    "context_length_exceeded": errors.ContextLengthError,
    "model_context_window_exceeded": errors.ContextLengthError,
    "context_window_exceeded": errors.ContextLengthError,
    "exceed_context_size_error": errors.ContextLengthError,  # llama.cpp
    "content_filter": errors.ContentFilterError,
    "content_filter_error": errors.ContentFilterError,
    "content_policy_violation": errors.ContentFilterError,
    "responsibleaipolicyviolation": errors.ContentFilterError,
    "data_inspection_failed": errors.ContentFilterError,
    "invalid_request_error": errors.BadRequestError,
    "invalid_prompt": errors.BadRequestError,
    "validationexception": errors.BadRequestError,
    # the provider
    "api_error": errors.ServerError,
    "server_error": errors.ServerError,
    "internal_error": errors.ServerError,
    "internal_server_error": errors.ServerError,
    "timeout_error": errors.ServerError,
    # the canonical words of gRPC (google.rpc.Code)
    "invalid_argument": errors.BadRequestError,
    "invalid_request": errors.BadRequestError,
    "failed_precondition": errors.BadRequestError,
    "out_of_range": errors.BadRequestError,
    "unauthenticated": errors.AuthenticationError,
    "not_found": errors.NotFoundError,
    "resource_exhausted": errors.RateLimitError,
    "unavailable": errors.OverloadedError,
    "internal": errors.ServerError,
    "deadline_exceeded": errors.ServerError,
    "aborted": errors.ServerError,
    # reasons of Google's ErrorInfo
    "api_key_invalid": errors.AuthenticationError,
    "api_key_expired": errors.AuthenticationError,
    "access_token_expired": errors.AuthenticationError,
    "credentials_missing": errors.AuthenticationError,
    "api_key_service_blocked": errors.PermissionDeniedError,
    "service_disabled": errors.PermissionDeniedError,
    "consumer_suspended": errors.PermissionDeniedError,
    "billing_disabled": errors.QuotaError,
    "internalserverexception": errors.ServerError,
    "modelerrorexception": errors.ServerError,
    "modelstreamerrorexception": errors.ServerError,
    "modeltimeoutexception": errors.ServerError,
}

_BY_STATUS: Final[dict[int, type[StatusError]]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.QuotaError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    405: errors.NotFoundError,
    408: errors.ServerError,
    409: errors.ServerError,
    413: errors.ContextLengthError,
    422: errors.BadRequestError,
    424: errors.ServerError,
    425: errors.ServerError,
    429: errors.RateLimitError,
    498: errors.OverloadedError,  # Groq: flex tier capacity exceeded
    503: errors.OverloadedError,
    529: errors.OverloadedError,  # Anthropic
}

# Where a vendor gives a vague code and says the thing only in words.
_BY_MESSAGE: Final = tuple(
    (re.compile(words, re.IGNORECASE), kind)
    for words, kind in (
        (r"credit balance is too low|insufficient (?:balance|credits?|funds)", errors.QuotaError),
        (r"exceeded your current quota|spend(?:ing)?[ _]limit|too many tokens per day", errors.QuotaError),
        (r"prompt is too long|maximum context length", errors.ContextLengthError),
        (r"input is too long for requested model|too many input tokens", errors.ContextLengthError),
        (r"context[ _](?:length|window)[^.]{0,40}exceed", errors.ContextLengthError),
        (r"exceeds? (?:the )?(?:model's )?context", errors.ContextLengthError),
        (r"^The model .{1,200} (?:does not exist|has been deprecated)", errors.ModelNotFoundError),
        (r"^model: \S+$|^model ['\"].{1,200}['\"] (?:not found|was removed)", errors.ModelNotFoundError),
        # Cohere: a long prompt, and a key that is limited by the month.
        (r"^too many tokens: (?:(?:the )?total number|size limit)", errors.ContextLengthError),
        (r"limited to \d+ API calls / month|calls per month", errors.QuotaError),
        (r"^models/\S{1,200} is not found|^Publisher Model .{1,300} not found", errors.ModelNotFoundError),
        (r"input token count .{0,60}exceeds the maximum", errors.ContextLengthError),
        (r"^API key (?:not valid|expired)", errors.AuthenticationError),
        (r"^User location is not supported", errors.PermissionDeniedError),
        (r"provided model identifier is invalid", errors.ModelNotFoundError),
        (r"security token included in the request|make sure your API key is valid", errors.AuthenticationError),
    )
)

# A code so general that words may say more.
_VAGUE: Final = (
    errors.BadRequestError,
    errors.NotFoundError,
    errors.ServerError,
    errors.RateLimitError,
    errors.PermissionDeniedError,
)

_REQUEST_ID: Final = (
    "x-request-id",
    "request-id",
    "apim-request-id",
    "x-amzn-requestid",
    "x-debug-trace-id",  # Cohere
    "cf-ray",
)


def error_class(status: int | None, codes: tuple[str | None, ...], message: str) -> type[StatusError]:
    """
    Choose the class from the provider's codes (most specific first), else its words, else the status.

    >>> error_class(429, ("insufficient_quota",), "").__name__
    'QuotaError'
    """
    chosen = _by_codes(codes)
    if chosen is None or chosen is errors.BadRequestError:
        # "invalid_request_error" comes with 401, 404 and 413 too: there the status says more.
        chosen = _by_status(status or 0, chosen)
    if chosen in _VAGUE:
        return next((kind for words, kind in _BY_MESSAGE if words.search(message)), chosen)
    return chosen


def _by_codes(codes: tuple[str | None, ...]) -> type[StatusError] | None:
    chosen: type[StatusError] | None = None
    for code in codes:
        if code and (found := _by_code(code)) and (chosen is None or chosen in _VAGUE):
            chosen = found
    return chosen


def _by_status(status: int, chosen: type[StatusError] | None) -> type[StatusError]:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return errors.ServerError
    return chosen or (errors.BadRequestError if status >= 400 else errors.ServerError)


def _by_code(code: str) -> type[StatusError] | None:
    lowered = code.lower()
    if lowered.endswith("spend_limit_exceeded"):
        return errors.QuotaError
    if lowered.isdigit():
        number = int(lowered)
        return _BY_STATUS.get(number) or (errors.ServerError if 500 <= number < 600 else None)
    return _BY_CODE.get(lowered)


def status_error(
    status: int | None,
    headers: Mapping[str, str],
    *,
    message: str,
    code: object = None,
    kind: object = None,
    provider: str | None = None,
    model: str | None = None,
    request_id: str | None = None,
    body: str | None = None,
    cls: type[StatusError] | None = None,
) -> DragomanError:
    """
    Build the error for an answer that says no.

    Args:
        status: HTTP status, or the number that an error event in a stream carries; None if there is none.
        headers: Of the answer, names in lower case.
        message: The provider's words.
        code: Its code, as sent.
        kind: Its error type, as sent; used where there is no code.
        provider: Name of the provider row.
        model: Model name as sent.
        request_id: Its id from the body; a header is used where the body has none.
        body: The error body as text.
        cls: The class, where a dialect knows it by more than code, words and status.
    """
    codes = tuple(str(value) if value not in (None, "") else None for value in (code, kind))
    cls = cls or error_class(status, codes, message)
    error = cls(
        message or f"the provider answered with status {status} and no message",
        provider=provider,
        model=model,
        status=status,
        code=codes[0] or codes[1],
        request_id=request_id or request_id_of(headers),
        retry_after=retry_after(headers),
        body=body,
    )
    override = headers.get("x-should-retry", "").lower()
    if override in ("true", "false") and cls is not errors.QuotaError:
        error.retryable = override == "true"
    return error


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """The provider's id of the request, from whichever header it uses; what a server echoes there may be a key."""
    for name in _REQUEST_ID:
        if value := headers.get(name):
            return redact(value)
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """
    Seconds to wait, from `retry-after-ms` or `retry-after` as seconds or as a date; None if absent or unreadable.

    A date is read against the answer's own `Date`, so that no clock of ours is needed and skew does not matter.

    >>> retry_after({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT", "date": "Sun, 06 Nov 1994 08:49:07 GMT"})
    30.0
    """
    milliseconds = _positive(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _positive(value)
    if seconds is not None or value is None:
        return seconds
    from email.utils import parsedate_to_datetime  # 4 ms; few providers give a date

    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    return max(0.0, wait.total_seconds())


def _positive(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None


def _are_lower(headers: object) -> bool:
    try:
        return type(headers) is dict and "".join(cast("dict[str, str]", headers)).islower()
    except TypeError:  # a name that is no text
        return False


def lowered(headers: Mapping[str, str] | Any) -> dict[str, str]:
    """Headers with names in lower case; the very same dict where they are so already, as transports give them."""
    if _are_lower(headers):
        return cast("dict[str, str]", headers)
    return {str(name).lower(): str(value) for name, value in dict(cast("Mapping[Any, Any]", headers)).items()}
