"""
What goes back to an SDK.

A failure of the network is raised, and the HTTP library's own exception is made of it.  Everything else is an answer:
that of the provider as it came, or one in its dialect where nothing came from it.

Rule: the SDK does not send again what the client has given up: an answer that says no says so, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from dragoman import wire
from dragoman.errors import DragomanError
from dragoman.exact import Kept
from dragoman.redact import knows, redact

# Our transports have undone the framing; nothing of ours keeps cookies or follows redirects, and no SDK shall.
_GONE: Final = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "keep-alive",
        "location",
        "proxy-authenticate",
        "set-cookie",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


class Flow(Protocol):
    """The body of an answer on its way."""

    async def read(self) -> bytes:
        """
        Return the next bytes; `b""` at the end.

        Raises:
            DragomanError: There are no more, and the answer is not whole.
        """
        ...

    def abandon(self) -> None:
        """Close the upstream now, if it is open.  Idempotent, never waits, from any thread."""
        ...


class Whole:
    """A body that is there."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        body, self._body = self._body, b""
        return body

    def abandon(self) -> None:
        pass


class Reply(msgspec.Struct, frozen=True):
    """
    An answer.

    Attributes:
        status: HTTP status.
        headers: Names in lower case.
        flow: Its body.
        error: What went wrong, where something did.
    """

    status: int
    headers: dict[str, str]
    flow: Flow
    error: DragomanError | None = None


def passed(status: int, headers: Mapping[str, str], flow: Flow) -> Reply:
    """The provider's answer."""
    return Reply(status, _headers(headers), flow)


def refused(error: DragomanError, kept: Kept | None, dialect: str) -> Reply:
    """
    An answer that says no.

    Args:
        error: Why.
        kept: The answer that the error was made of, if there was one.
        dialect: Name of the wire in which it is written where the provider wrote none.
    """
    if kept is None or kept.status < 300 or error.status != kept.status:
        status, headers, body = wire.get(dialect).encode_error(error)
    elif kept.status < 400:  # the SDK shall read why it is not followed
        _, headers, body = wire.get(dialect).encode_error(error)
        status = kept.status
    else:
        status, headers, body = kept.status, _headers(kept.headers), _masked(kept.take())
    return Reply(status, {**headers, "x-should-retry": "false"}, Whole(body), error)


def _masked(body: bytes) -> bytes:
    """An error's body, of which some servers make an echo of the request."""
    text = body.decode("utf-8", "surrogateescape")
    return redact(text).encode("utf-8", "surrogateescape")


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    left = {name: value for name, value in headers.items() if name not in _GONE}
    return {name: redact(value) for name, value in left.items()} if knows("\n".join(left.values())) else left
