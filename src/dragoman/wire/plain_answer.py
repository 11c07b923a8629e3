"""
What every plain answer goes through before its dialect reads it: the status, a redirect, an empty body, a body that is
an error though the status is 200.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from dragoman.errors import DragomanError, WireError
from dragoman.types.providers import Provider
from dragoman.wire.base import decode_json

T = TypeVar("T")

Failure = Callable[[int | None, Mapping[str, str], Any, bytes, Provider | None], DragomanError]
"""Builds a dialect's error of status, headers, JSON (None if it is none), bytes and provider."""


def parse_json(body: bytes) -> Any:
    """A body as JSON; None if it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read_answer(
    kind: type[T],
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    provider: Provider | None,
    reports_error: Callable[[Any], bool],
    failure: Failure,
) -> T:
    """
    Decode a plain answer.

    Args:
        kind: The dialect's Struct of an answer.
        status: HTTP status.
        headers: Names in lower case.
        body: The bytes.
        provider: Who answered.
        reports_error: Whether a JSON body that is no answer is an error; what can be both is for the caller to judge.
        failure: Builds the error.

    Raises:
        StatusError: The provider said no, by status or in the body.
        WireError: Not the protocol.
    """
    if status >= 400:
        raise failure(status, headers, parse_json(body), body, provider)
    name = provider.name if provider else None
    if status >= 300:
        target = headers.get("location", "another address")
        raise WireError(
            f"the provider redirects to {target}, which is not followed: check base_url", provider=name, status=status
        )
    if not body.strip():
        raise WireError("the answer is empty", provider=name, status=status)
    try:
        answer: T = decode_json(body, kind, "the answer")
    except WireError as error:
        if reports_error(sent := parse_json(body)):
            raise failure(status, headers, sent, body, provider) from error
        error.provider, error.status = name, status
        raise
    return answer
