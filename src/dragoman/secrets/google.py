"""
Google Cloud credentials: an access token, as given or as `google-auth` finds and renews it.

Given is an `api_key`, or the variable that the row names.  Otherwise the application default credentials are asked
(`GOOGLE_APPLICATION_CREDENTIALS`, `gcloud auth application-default login`, the instance's own account).

Source: google-auth 2.62, `google.auth.default`; Google Cloud documentation, application default credentials.
"""

from __future__ import annotations

import threading
from functools import cache
from importlib import import_module
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError, MissingKeyError
from dragoman.redact import register
from dragoman.secrets.secret import Secret
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Provider

_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)

_renewing = threading.Lock()


def authorize(request: HttpRequest, provider: Provider, key: Secret | None) -> HttpRequest:
    """
    Return the request with an access token.

    Where no token is given, google-auth finds one: that may wait for a network.

    Raises:
        ConfigError: google-auth is not installed, or Google refused to renew the token.
        MissingKeyError: No credentials were found.
    """
    token = key.reveal() if key is not None else _token(provider)
    return msgspec.structs.replace(request, headers=request.headers | {"authorization": f"Bearer {token}"})


def _token(provider: Provider) -> str:
    try:
        from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
        from google.auth.transport.requests import Request
    except ImportError as error:
        raise ConfigError(
            "Google credentials are found by google-auth, which is not installed: pip install dragoman[gcp]",
            provider=provider.name,
            field="auth",
        ) from error
    try:
        credentials = _found()
        with _renewing:
            if not credentials.valid:
                credentials.refresh(Request())
            token = str(credentials.token)
    except DefaultCredentialsError as error:
        places = ["environment", "application default credentials"]
        raise MissingKeyError(provider.name, "GOOGLE_APPLICATION_CREDENTIALS", places) from error
    except GoogleAuthError as error:
        raise ConfigError(f"Google gave no token: {error}", provider=provider.name, field="api_key") from error
    register(token)
    return token


@cache
def _found() -> Any:
    """The process's own credentials."""
    auth: Any = import_module("google.auth")  # its functions are typed in part only
    return auth.default(scopes=_SCOPES)[0]
