"""One request of an SDK, as a value that knows nothing of the SDK's HTTP library."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import msgspec

from dragoman.bridge.credentials import Credential, take
from dragoman.plain import Plain
from dragoman.policy.base import Context
from dragoman.policy.deadline import Clocks
from dragoman.redact import redact
from dragoman.types.http import HttpRequest

# What our own transports decide: framing, and what they can decompress.
_OURS: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "keep-alive", "te", "upgrade"})
# A signature covers the headers; with another kind of credential this one is ours, too.
_SIGNED: Final = "aws4-"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """
    A request.

    Attributes:
        method: `POST`, `GET`...
        url: Absolute, with its query.
        headers: Names in lower case, without placeholders.
        body: As the SDK wrote it.
        credential: What it brought.
        connect: Seconds for the connection that the SDK was given, or None.
        read: Longest silence in seconds, likewise.
        retried: How often the SDK has sent it already.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    credential: Credential
    connect: float | None = None
    read: float | None = None
    retried: int = 0

    def __repr__(self) -> str:
        return f"<Asked {self.method} {redact(self.url)}, {len(self.body)} bytes>"

    @property
    def path(self) -> str:
        """Its path, without the query."""
        return urlsplit(self.url).path

    def request(self, *, stream: bool = False) -> HttpRequest:
        """The request for a transport.  A stream is asked for uncompressed, as all of ours are."""
        headers = self.headers | ({"accept-encoding": "identity"} if stream and not _signed(self.headers) else {})
        return HttpRequest(method=self.method, url=self.url, headers=headers, body=self.body)

    def context(self, plain: Plain) -> Context:
        """
        The context of a call; timeouts that the SDK was given stand in for the client's.

        Raises:
            ConfigError: A timeout that is no time.
        """
        context = plain.context(None)
        read = {"first_event": self.read, "idle": self.read} if self.read is not None else {}
        given = read | ({"connect": self.connect} if self.connect is not None else {})
        if given:
            timeouts = msgspec.structs.replace(context.clocks.timeouts, **given)
            context.clocks = Clocks(timeouts, context.runtime.now())
        context.key = self.headers.get("idempotency-key", context.key)
        context.credential = self.credential.secret
        return context


def read(
    method: str,
    url: str,
    headers: list[tuple[str, str]],
    body: bytes,
    *,
    connect: float | None = None,
    silence: float | None = None,
) -> Asked:
    """Make the value of what an HTTP library was given."""
    joined: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        joined[lower] = f"{joined[lower]}, {value}" if lower in joined else value
    credential, kept = take({name: value for name, value in joined.items() if name not in _OURS})
    if not _signed(kept):
        kept.pop("accept-encoding", None)
    count = kept.get("x-stainless-retry-count", "")
    return Asked(
        method=method,
        url=url,
        headers=kept,
        body=body,
        credential=credential,
        connect=connect,
        read=silence,
        retried=int(count) if count.isdecimal() else 0,
    )


def _signed(headers: dict[str, str]) -> bool:
    return headers.get("authorization", "").lower().startswith(_SIGNED)
