"""
A socket whose receives and sends share one deadline, for a library that does not know ours.

The timeouts of the socket module hold for one receive, so an answer that drips keeps a reader for ever.  Here each
receive and send gets what is left until the deadline.  It stands where a library expects a socket; the timeouts that
the library sets do not reach it.
"""

from __future__ import annotations

import socket
import time
from typing import Any

from dragoman.drivers.base import Clockout


class DeadlineSocket:
    """
    Wraps a connected socket, plain or TLS.

    Attributes:
        until: The deadline, on `time.monotonic`.
    """

    def __init__(self, sock: socket.socket, until: float) -> None:
        self.until = until
        self._sock = sock

    def sendall(self, data: Any) -> None:
        """Send everything before the deadline."""
        view = memoryview(data)
        while view:
            self._arm()
            view = view[self._held(self._sock.send, view) :]

    def recv(self, size: int) -> bytes:
        """Return what is there as soon as anything is."""
        self._arm()
        data: bytes = self._held(self._sock.recv, size)
        return data

    def recv_into(self, buffer: Any, size: int = 0) -> int:
        """Like `recv`, into a buffer."""
        self._arm()
        return int(self._held(self._sock.recv_into, buffer, size))

    def settimeout(self, timeout: float | None) -> None:
        """Do nothing: the deadline decides."""

    def gettimeout(self) -> float | None:
        """Seconds left."""
        return max(0.0, self.until - time.monotonic())

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self._sock.fileno()

    def shutdown(self, how: int) -> None:
        """End both directions; under TLS, too, without a word."""
        socket.socket.shutdown(self._sock, how)

    def close(self) -> None:
        """Close the descriptor."""
        self._sock.close()

    def getpeername(self) -> Any:
        """Return the server's address."""
        return self._sock.getpeername()

    def _arm(self) -> None:
        remaining = self.until - time.monotonic()
        if remaining <= 0:
            raise Clockout
        self._sock.settimeout(remaining)

    def _held(self, operation: Any, *arguments: Any) -> Any:
        try:
            return operation(*arguments)
        except TimeoutError as error:
            if error.errno is not None:
                raise  # the system's own: the peer does not answer
            raise Clockout from None
