"""
What a call is known by.

The key is a hash over the scope and everything that decides what is sent: dialect, provider, address, model, method,
headers and body as they are encoded for a plain answer.  Whether the answer is streamed is not part of it.

Rule: nothing that may change the answer is left out.  The order of the body's own fields has no meaning and does not
count; further inside order is kept, because the order of a schema's properties is the order in which a model writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, Protocol

import msgspec

from dragoman.redact import SECRET_HEADERS
from dragoman.secrets.secret import Secret
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Provider

# Of keys and entries together: an entry of another version is not found.
VERSION: Final = 1

# They tell the provider who asks and how to answer over the line, never what to answer.
_NO_MATTER: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "host",
        "idempotency-key",
        "traceparent",
        "tracestate",
        "user-agent",
        "x-client-request-id",
        "x-request-id",
    }
)
# What the vendors' SDKs say of themselves, and of how they were called.
_SDKS: Final = "x-stainless-"


class Named(Protocol):
    """Something with a name."""

    @property
    def name(self) -> str: ...


class Way(Protocol):
    """Where a request goes: a `Route`."""

    @property
    def provider(self) -> Provider: ...

    @property
    def model(self) -> str: ...

    @property
    def wire(self) -> Named: ...


Body = dict[str, msgspec.Raw]
"""The fields of a request's body, not decoded."""


def fields_of(body: bytes) -> Body | None:
    """Take a body apart; None if it is no JSON object."""
    try:
        return msgspec.json.decode(body, type=Body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def key_of(scope: str, ways: Sequence[tuple[Way, HttpRequest, Body | None]], form: str = "") -> bytes:
    """
    Return the 32 bytes that a call is known by.

    Args:
        scope: Whose answers they are.
        ways: For each model that may answer: where the request goes, as encoded for a plain answer without its
            credential, and its body, taken apart.
        form: How these models hang together.
    """
    texts, bodies = [scope, form, str(len(ways))], list[bytes]()
    for way, request, body in ways:
        texts += (way.wire.name, way.provider.name, way.provider.base_url, way.model, request.method, request.url)
        texts += _headers(request, secret=False)
        if body is None:
            texts += ("bytes", str(len(request.body)))
            bodies.append(request.body)
        else:
            texts += ("fields", str(len(body)))
            for name in sorted(body):
                value = bytes(body[name])
                texts += (name, str(len(value)))
                bodies.append(value)
    return _hashed(texts, bodies)


def scope_of_credentials(keys: Sequence[Secret | None], requests: Sequence[HttpRequest]) -> str:
    """
    The scope of whoever has these credentials, which cannot be told from it.

    Args:
        keys: One for each request; None where there is none, or where a library finds it when it signs.
        requests: Headers that the caller set may be credentials, too.
    """
    texts = [str(len(keys))]
    for key, request in zip(keys, requests, strict=True):
        texts += (key.fingerprint() if key else "", *_headers(request, secret=True))
    return f"credential:{_hashed(texts, ()).hex()}"


def scope_of_name(name: str) -> str:
    """The scope of that name, which no credential has."""
    return f"name:{name}"


def scope_id(scope: str) -> bytes:
    """The 16 bytes by which stores know a scope: its name may be a person's."""
    return blake2b(scope.encode("utf-8", "surrogatepass"), digest_size=16, person=b"dragoman-scope").digest()


def _headers(request: HttpRequest, *, secret: bool) -> list[str]:
    """Those that are credentials, or those that are none; after their number."""
    told = [name for name in request.headers if name not in _NO_MATTER and not name.startswith(_SDKS)]
    found = [name for name in told if (name in SECRET_HEADERS) == secret]
    return [str(len(found)), *(text for name in sorted(found) for text in (name, request.headers[name]))]


def _hashed(texts: Sequence[str], bodies: Sequence[bytes]) -> bytes:
    """
    Hash texts, each after its length, and what follows them, whose lengths are among the texts: no two lists of pieces
    are the same bytes.
    """
    head = "".join([f"{len(text)}:{text}" for text in texts]).encode("utf-8", "surrogatepass")
    whole = b"".join((b"%d:%d:" % (VERSION, len(head)), head, *bodies))
    return blake2b(whole, digest_size=32, person=b"dragoman-answer").digest()
