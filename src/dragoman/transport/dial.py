"""
To open a connection on the blocking face, before a deadline.

A name may have several addresses, of which the first does not answer (IPv6 that is announced but not routed).  So the
attempts are staggered: each gets a head start, then the next begins beside it, and the first to connect wins.

Source: RFC 8305 ("Happy Eyeballs"), section 5.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time

from dragoman.transport.base import Clockout
from dragoman.transport.line import Line
from dragoman.transport.names import AddressInfo, lookup
from dragoman.transport.sockets import tune

# Head start of each attempt, in seconds (RFC 8305: 250 ms recommended).
_HEAD_START = 0.25
# Seconds between two attempts at a unix socket whose server is busy.
AGAIN = 0.01
_UNDER_WAY = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)


def dial(host: str, port: int, until: float | None) -> Line:
    """
    Connect to `host`.

    Raises:
        Clockout: `until` passed.
        OSError: The name does not resolve, or no address accepts; the error is that of the first address.
    """
    sock = _Race(lookup(host, port).wait(until), until).run()
    tune(sock)
    return Line(sock, until)


def dial_unix(path: str, until: float | None) -> Line:
    """
    Connect to a unix socket.

    Raises:
        Clockout: `until` passed.
        OSError: Nobody listens there, or it may not be used.
    """
    sock = unix_socket()
    try:
        while not connected(sock, path):
            if until is not None and time.monotonic() >= until:
                raise Clockout(sent=False)
            time.sleep(AGAIN)
    except BaseException:
        sock.close()
        raise
    return Line(sock, until)


def unix_socket() -> socket.socket:
    """A unix socket that does not block."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)
    return sock


def connected(sock: socket.socket, path: str) -> bool:
    """
    Try to connect a unix socket; False if the server's queue is full, which has to be tried again.

    It is at once, or not at all: EAGAIN is no beginning of a connection, and nothing tells of a place in the queue.
    (connect(2))
    """
    try:
        sock.connect(path)
    except BlockingIOError:
        return False
    return True


def alternating(found: list[AddressInfo]) -> list[AddressInfo]:
    """Order addresses so that the families take turns, beginning with the resolver's first."""
    first = [item for item in found if item[0] == found[0][0]]
    others = [item for item in found if item[0] != found[0][0]]
    ordered: list[AddressInfo] = []
    while first or others:
        ordered += first[:1] + others[:1]
        first, others = first[1:], others[1:]
    return ordered


class _Race:
    """Connects to one of several addresses."""

    def __init__(self, found: list[AddressInfo], until: float | None) -> None:
        self._waiting = alternating(found)
        self._until = until
        self._failure: OSError | None = None
        self._selector = selectors.DefaultSelector()

    def run(self) -> socket.socket:
        """Return the first socket that is connected; close the others."""
        winner: socket.socket | None = None
        try:
            while winner is None:
                self._start_next()
                winner = self._wait()
            return winner
        finally:
            for key in list(self._selector.get_map().values()):
                if key.fileobj is not winner:
                    key.data.close()
            self._selector.close()

    def _start_next(self) -> None:
        """Begin an attempt; if none is left and none is under way, the race is lost."""
        while self._waiting:
            family, kind, protocol, _, address = self._waiting.pop(0)
            sock = socket.socket(family, kind, protocol)
            sock.setblocking(False)
            code = sock.connect_ex(address)
            if code in _UNDER_WAY:
                self._selector.register(sock, selectors.EVENT_WRITE, sock)
                return
            sock.close()
            self._failed(code)
        if not self._selector.get_map():
            raise self._failure or OSError("the name has no address")

    def _wait(self) -> socket.socket | None:
        for key, _ in self._selector.select(self._patience()):
            sock: socket.socket = key.data
            self._selector.unregister(sock)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not code:
                return sock
            sock.close()
            self._failed(code)
        return None

    def _patience(self) -> float | None:
        """Seconds to wait for the attempts that are under way."""
        head_start = _HEAD_START if self._waiting else None
        if self._until is None:
            return head_start
        left = self._until - time.monotonic()
        if left <= 0:
            raise Clockout(sent=False)
        return left if head_start is None else min(left, head_start)

    def _failed(self, code: int) -> None:
        if self._failure is None:
            self._failure = OSError(
                code, os.strerror(code)
            )  # the class that fits the code, such as ConnectionRefusedError
