"""
The typed error of an answer that says no, where it is no answer to a chat request.

Providers write their errors in one form for all endpoints, so the chat dialect's own decoder reads them.
"""

from __future__ import annotations

from dragoman import wire
from dragoman.types.http import RawResponse
from dragoman.types.providers import Provider
from dragoman.wire.status import lowered, status_error


def check_status(raw: RawResponse, provider: Provider) -> RawResponse:
    """
    Return the answer if its status is below 400.

    Raises:
        StatusError: The provider said no.
    """
    if raw.status < 400:
        return raw
    headers = lowered(raw.headers)
    wire.get(provider.wire).decode_response(raw.status, headers, raw.body, provider)
    raise status_error(raw.status, headers, message="", provider=provider.name, body=raw.text)
