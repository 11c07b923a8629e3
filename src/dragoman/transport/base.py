"""
The seam between the core and the network.

A transport opens one exchange: it sends a request and reads the status line and headers.  The body is then read piece
by piece.  Every wait has an absolute deadline on the runtime's clock.  Nothing is retried, no redirect is followed, no
credential is stored here.
"""

from __future__ import annotations

from typing import Protocol

from dragoman.types.http import HttpRequest


class Clockout(Exception):
    """
    A deadline passed.  The caller knows which clock it was; this says only in which phase.

    Attributes:
        sent: Whether any byte of the request may have left.
    """

    def __init__(self, sent: bool) -> None:
        self.sent = sent
        super().__init__("deadline passed " + ("after sending" if sent else "before sending"))


class Disconnected(Exception):
    """
    The connection broke, or what came is not HTTP.

    Attributes:
        answered: Whether a valid status line had come.
        reused: Whether it was a connection kept from an earlier request.
    """

    def __init__(self, reason: str, *, answered: bool, reused: bool = False) -> None:
        self.reason = reason
        self.answered = answered
        self.reused = reused
        super().__init__(reason)


class Exchange(Protocol):
    """
    One answer that is being read.

    Attributes:
        status: HTTP status.
        headers: Names in lower case; repeated ones joined by `, `.
    """

    status: int
    headers: dict[str, str]

    async def read(self, until: float | None) -> bytes:
        """
        Return the next bytes of the body, decompressed, as soon as any are there; `b""` at its end.

        Raises:
            Clockout: `until` passed.
            Disconnected: The connection broke before the body's end.
            WireError: The body is larger than the limit, or its compression is damaged.
        """
        ...

    def release(self) -> None:
        """The answer is whole: keep the connection if its body has ended, else close it.  Never waits."""
        ...

    def abort(self) -> None:
        """Close the connection now.  Idempotent; may be called from any thread, also while another reads."""
        ...


class Transport(Protocol):
    """Opens exchanges.  One instance serves any number of threads or tasks."""

    async def open(self, request: HttpRequest, *, connect_until: float | None, until: float | None) -> Exchange:
        """
        Send `request` and return its answer, headers read.

        Args:
            request: With credentials.
            connect_until: When the connection must be open: name resolution, proxy and TLS included.
            until: When the headers must have come.

        Raises:
            ConnectError: No connection; nothing was sent.
            Clockout: A deadline passed.
            Disconnected: It broke after sending began and before the headers were whole.
            WireError: The headers are larger than the limit.
        """
        ...

    def close(self) -> None:
        """Close every idle connection.  Idempotent, never waits."""
        ...

    async def aclose(self) -> None:
        """Like `close`, and return when it is done."""
        ...


class Limits:
    """Sizes in bytes above which an answer is refused."""

    headers = 256 * 1024
    body = 256 * 1024 * 1024
