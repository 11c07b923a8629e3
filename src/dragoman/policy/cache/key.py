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
from typing import Final, Protocol, cast

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
    digest = _Digest(scope, form, str(len(ways)))
    for way, request, body in ways:
        digest.take(way.wire.name, way.provider.name, way.provider.base_url, way.model, request.method, request.url)
        digest.take_headers(request, secret=False)
        if body is None:
            digest.take("bytes", request.body)
        else:
            digest.take("fields", str(len(body)))
            for name in sorted(body):
                digest.take(name, memoryview(body[name]))
    return digest.bytes()


def scope_of_credentials(keys: Sequence[Secret | None], requests: Sequence[HttpRequest]) -> str:
    """
    The scope of whoever has these credentials, which cannot be told from it.

    Args:
        keys: One for each request; None where there is none, or where a library finds it when it signs.
        requests: Headers that the caller set may be credentials, too.
    """
    digest = _Digest(str(len(keys)))
    for key, request in zip(keys, requests, strict=True):
        digest.take(key.fingerprint() if key else "")
        digest.take_headers(request, secret=True)
    return f"credential:{digest.bytes().hex()}"


def scope_of_name(name: str) -> str:
    """The scope of that name, which no credential has."""
    return f"name:{name}"


def scope_id(scope: str) -> bytes:
    """The 16 bytes by which stores know a scope: its name may be a person's."""
    return blake2b(scope.encode("utf-8", "surrogatepass"), digest_size=16, person=b"dragoman-scope").digest()


class _Digest:
    """Hashes pieces, each after its length, so that no two lists of pieces are the same bytes."""

    def __init__(self, *pieces: str) -> None:
        self._pieces: list[bytes | memoryview] = []
        self.take(*pieces)

    def take(self, *pieces: str | bytes | memoryview) -> None:
        for piece in pieces:
            data = piece.encode("utf-8", "surrogatepass") if type(piece) is str else cast("bytes", piece)
            self._pieces += (b"%d:" % len(data), data)

    def take_headers(self, request: HttpRequest, *, secret: bool) -> None:
        """Those that are credentials, or those that are none; after their number."""
        found = [name for name in request.headers if (name in SECRET_HEADERS) == secret and name not in _NO_MATTER]
        self.take(str(len(found)))
        for name in sorted(found):
            self.take(name, request.headers[name])

    def bytes(self) -> bytes:
        # All at once: there are many small ones.
        return blake2b(b"".join(self._pieces), digest_size=32, person=b"dragoman-ans-%d" % VERSION).digest()
