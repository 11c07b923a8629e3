"""
How a credential goes on a request: one function for each value of `Provider.auth`.

Rule: credentials travel only in headers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, get_args

import msgspec

from dragoman.secrets import aws, google
from dragoman.secrets.secret import Secret
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Auth, Provider

Authorize = Callable[[HttpRequest, Provider, Secret | None], HttpRequest]

_LIBRARIES: Final[dict[str, Authorize]] = {"aws-sigv4": aws.authorize, "google": google.authorize}


def _none(request: HttpRequest, provider: Provider, key: Secret | None) -> HttpRequest:
    return request


def _header(request: HttpRequest, provider: Provider, key: Secret | None) -> HttpRequest:
    if key is None:
        return request
    text = key.reveal()
    named = {"authorization": f"Bearer {text}"} if provider.auth == "bearer" else {provider.auth: text}
    return msgspec.structs.replace(request, headers=request.headers | named)


_WAYS: Final[dict[str, Authorize]] = dict.fromkeys(get_args(Auth), _header) | _LIBRARIES | {"none": _none}


def finds_its_own(provider: Provider) -> bool:
    """Whether a library finds credentials where no key is given; that may wait for a network."""
    return provider.auth in _LIBRARIES


def authorize(request: HttpRequest, provider: Provider, key: Secret | None) -> HttpRequest:
    """
    Return the request with its credential.

    Raises:
        ConfigError: A library that is needed is not installed, or something that it needs is not known.
        MissingKeyError: No credentials were found.
    """
    return _WAYS[provider.auth](request, provider, key)
