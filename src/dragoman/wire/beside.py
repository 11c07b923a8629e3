"""
Requests to the endpoints that lie beside a dialect's chat endpoint.

Rule: where a provider's chat path is its own (a deployment's, say), the others lie beside it, under the same part of
the path; so only the tail that is the dialect's own is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from dragoman.types.http import HttpRequest, Notice
from dragoman.types.providers import Provider
from dragoman.wire.base import encode_json

# The tail of a chat path that other endpoints stand in place of.
_CHAT_TAILS: Final = ("/chat/completions", "chat/completions", "/responses", "/messages")


def address(provider: Provider, path: str, *, model: str = "", params: Mapping[str, str] | None = None) -> str:
    """
    Address of an endpoint that is not the chat one.

    Args:
        provider: Who is asked.
        path: Below the base URL; `{model}` is replaced.
        model: Name of the model, as it is.
        params: The query.
    """
    own = provider.quirks.path or ""
    tail = next((tail for tail in _CHAT_TAILS if own.endswith(tail)), "")
    chosen = f"{own.removesuffix(tail)}/{path}" if tail else path
    bare = msgspec.structs.replace(provider, quirks=msgspec.structs.replace(provider.quirks, path=None))
    return bare.url(chosen, quote(model, safe="/@:"), query=urlencode(params or {}))


def asking(
    provider: Provider,
    path: str,
    *,
    method: str = "POST",
    model: str = "",
    body: dict[str, Any] | None = None,
    params: Mapping[str, str] | None = None,
    notices: tuple[Notice, ...] = (),
) -> HttpRequest:
    """
    Write a request with JSON, or with nothing, in its body; without credentials.

    Raises:
        ConfigError: A value of the body is not JSON; `.field` says where.
    """
    return HttpRequest(
        method=method,
        url=address(provider, path, model=model, params=params),
        headers=headers(provider) | ({"content-type": "application/json"} if body is not None else {}),
        body=b"" if body is None else encode_json(body),
        notices=notices,
    )


def headers(provider: Provider) -> dict[str, str]:
    """What goes with every request to a provider, besides its credential."""
    always = {"accept": "application/json"} | {name.lower(): value for name, value in provider.headers.items()}
    if provider.wire == "anthropic-messages":
        from dragoman.wire.anthropic_messages.dialect import DEFAULT_VERSION  # who asks others need not load it

        always["anthropic-version"] = provider.quirks.api_version or DEFAULT_VERSION
    return always
