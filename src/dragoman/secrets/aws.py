"""
AWS credentials: a bearer token, or a signature (SigV4) over the finished request.

The signer is botocore's, and so is the search for credentials (environment, profiles, SSO, web identity, containers,
instances) where none are given.  Given are: `AWS_BEARER_TOKEN_BEDROCK` or an `api_key`, which goes as a bearer token;
or `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or an `api_key` of the form `id:secret` or `id:secret:token`.
A row whose `address` says `service` is signed for that one; only Bedrock takes bearer tokens.

Rule: the secret of a signature never leaves the process; only what it signed does.

Sources: AWS General Reference, Signature Version 4; Bedrock user guide, API keys; botocore 1.44, `auth.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from dragoman.errors import ConfigError, MissingKeyError
from dragoman.redact import register
from dragoman.secrets.secret import Secret, check_key
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Provider

_SERVICE: Final = "bedrock"
_HOST: Final = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)\Z")
_PAIR: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def find_pair(provider: Provider, environ: Mapping[str, str]) -> Secret | None:
    """
    An access key of the environment as one secret, or None.

    Raises:
        ConfigError: A variable holds what cannot be a key.
    """
    if not all(environ.get(name) for name in _PAIR):
        return None
    names = (*_PAIR, "AWS_SESSION_TOKEN")
    return Secret(":".join(check_key(environ[name], provider.name, name) for name in names if environ.get(name)))


def authorize(request: HttpRequest, provider: Provider, key: Secret | None) -> HttpRequest:
    """
    Return the request with a bearer token or a signature.

    Where no key is given, botocore looks for credentials: that may wait for a network.

    Raises:
        ConfigError: botocore is not installed, or the region is not known.
        MissingKeyError: No credentials were found.
    """
    text = key.reveal() if key is not None else ""
    if text and ":" not in text and _service(provider) != _SERVICE:
        text = ""
    if text and ":" not in text:
        return msgspec.structs.replace(request, headers=request.headers | {"authorization": f"Bearer {text}"})
    return _signed(request, provider, _given(text, provider) if text else _found(provider))


def region_of(provider: Provider) -> str:
    """
    The region that signs: the one of the host, else of the row or the environment.

    Raises:
        ConfigError: None of them names it.
    """
    host = _HOST.search(urlsplit(provider.base_url).hostname or "")
    region = host[1] if host else provider.address.get("region")
    if not region:
        raise ConfigError(
            "the AWS region is not known: set AWS_REGION, or pass address={'region': ...}",
            provider=provider.name,
            field="region",
        )
    return region


def _service(provider: Provider) -> str:
    return provider.address.get("service", _SERVICE)


def _signed(request: HttpRequest, provider: Provider, credentials: Any) -> HttpRequest:
    try:
        from botocore.auth import S3SigV4Auth, SigV4Auth
        from botocore.awsrequest import AWSRequest
    except ImportError as error:
        raise _missing(provider) from error
    service = _service(provider)
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(credentials, service, region_of(provider))
    with request.upload.path.open("rb") if request.upload else BytesIO(request.body) as body:  # hashed in pieces
        signed = AWSRequest(method=request.method, url=request.url, data=body, headers=dict(request.headers))
        signer.add_auth(signed)
    return msgspec.structs.replace(request, headers={name.lower(): value for name, value in signed.headers.items()})


class _Pair(NamedTuple):
    """What the signer reads of credentials."""

    access_key: str
    secret_key: str
    token: str | None


def _given(text: str, provider: Provider) -> Any:
    access, _, rest = text.partition(":")
    secret, _, token = rest.partition(":")
    if not access or not secret:
        raise ConfigError(
            "an AWS api_key is a bearer token, or 'id:secret', or 'id:secret:token'",
            provider=provider.name,
            field="api_key",
        )
    return _known(_Pair(access, secret, token or None))


def _found(provider: Provider) -> Any:
    """Credentials that botocore found, fresh."""
    try:
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise _missing(provider) from error
    try:
        credentials = _chain()
        frozen = credentials.get_frozen_credentials() if credentials is not None else None
    except BotoCoreError as error:
        words = f"AWS credentials cannot be read: {error}"
        raise ConfigError(words, provider=provider.name, field="api_key") from error
    if frozen is None:
        places = ["environment", "botocore's credential chain"]
        raise MissingKeyError(provider.name, "AWS_BEARER_TOKEN_BEDROCK or AWS_ACCESS_KEY_ID", places)
    return _known(frozen)


@cache
def _chain() -> Any:
    """The process's own credentials; they renew themselves, and are safe to be asked by many threads."""
    from botocore.session import Session

    return Session().get_credentials()


def _known(credentials: Any) -> Any:
    """Make the secrets known to the redactor."""
    for secret in (credentials.secret_key, credentials.token):
        if secret:
            register(secret)
    return credentials


def _missing(provider: Provider) -> ConfigError:
    return ConfigError(
        "AWS requests are signed by botocore, which is not installed: pip install dragoman[aws], "
        "or use a bearer token (AWS_BEARER_TOKEN_BEDROCK)",
        provider=provider.name,
        field="auth",
    )
