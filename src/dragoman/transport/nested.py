"""
TLS inside TLS: to a server, through the tunnel of a proxy that is itself reached by TLS.

OpenSSL's sockets want a descriptor of the system below them, so the inner connection is made by urllib3's
`SSLTransport`, over memory.  Here it gets what a `Line` expects of a socket.

Rule: an operation here is never tried again by its caller, because bytes that were encrypted once would be sent twice.
So no time runs out here: the way below is a `Line` of its own, has the deadline, and raises `Clockout`.
"""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any, cast

from urllib3.util.ssltransport import SSLTransport

if TYPE_CHECKING:
    from dragoman.transport.line import Line


class Nested:
    """An encrypted connection over a line that is encrypted already."""

    def __init__(self, below: Line, context: ssl.SSLContext, host: str) -> None:
        """
        Do the handshake before the deadline of `below`.

        Raises:
            Clockout: The deadline passed.
            OSError: The handshake failed; also `ssl.SSLError`.
        """
        self._below = below
        self._tls = SSLTransport(cast(Any, below), context, host)

    def recv(self, size: int) -> bytes:
        """Return what is there; `b""` when the peer has closed."""
        return cast("bytes | int", self._tls.recv(size)) or b""  # type: ignore[return-value]

    def recv_into(self, buffer: memoryview) -> int:
        """Like `recv`, into a buffer."""
        return cast(int, self._tls.recv_into(buffer)) or 0

    def send(self, data: memoryview) -> int:
        """Encrypt and send everything."""
        return self._tls.send(cast(bytes, data))

    def pending(self) -> int:
        """Bytes that came and were not read."""
        return self._tls.sslobj.pending() + self._tls.incoming.pending

    def gettimeout(self) -> float:
        """A time that nobody wants, so that `settimeout` is called before each operation: the deadline is absolute."""
        return -1.0

    def settimeout(self, seconds: float | None) -> None:
        """Set the deadline of the way below; 0 is no waiting at all."""
        self._below.patient = seconds != 0.0
        self._below.until = None if not seconds else time.monotonic() + seconds

    def close(self) -> None:
        """Do nothing: who owns the descriptor closes it."""
