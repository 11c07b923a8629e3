"""
A socket with a deadline.

The timeouts of the socket module hold for one receive or send, so a peer that drips a byte a second keeps a reader
for ever. A `Line` has one absolute deadline instead, and every receive and send, wherever in the HTTP library it
happens (status line, headers, the reply to CONNECT), gets only what is left of it.

A `Line` stands where `http.client` expects a socket.  It is no subclass of one, so that it works over a TLS socket of
any context, too, and so that the timeouts which libraries set do not reach the socket.

Threads: one thread uses a line.  `abort` may come from any other: it shuts the connection down, which the peer sees and
which wakes a waiting `recv`; the descriptor is closed by whoever is last, because closing it under a waiting `recv`
could hit a new connection with the same number.  There is no lock: the user says "inside" and then looks for "dead",
the aborter says "dead" and then looks for "inside", so at least one of them closes.
"""

from __future__ import annotations

import errno
import io
import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from dragoman.transport.base import Clockout
from dragoman.transport.nested import Nested

# The timeout of the socket is set anew only when it is wrong by more than this, which saves a system call for each
# receive.  It is how much later than its deadline a wait may end, in seconds.
SLACK = 0.05
# Larger pieces are sent by themselves: copying them together costs more than the second segment.
_JOIN = 64 * 1024


def _polled(sock: socket.socket) -> bool:
    poller = select.poll()
    poller.register(sock, select.POLLIN | select.POLLPRI)
    return bool(poller.poll(0))


def _selected(sock: socket.socket) -> bool:
    return bool(select.select([sock], [], [sock], 0)[0])


# Windows has no poll, and elsewhere select knows no descriptor above 1,023.
_readable = _polled if hasattr(select, "poll") else _selected


class NotYet(Exception):
    """Nothing is there, and the caller does not want to wait."""


class HeadersTooLarge(Exception):
    """More bytes came before the end of the headers than are allowed."""


class Line:
    """
    One connection, seen as a socket with a deadline.

    Attributes:
        until: Deadline on `time.monotonic`, or None.
        sent: Whether any byte was given to the system to send.
        patient: Whether `recv` waits; if not, it raises `NotYet`.
        answered: A valid status line was read.
        ended: The peer has closed its side.
        allowance: Bytes that may still come before the headers end, or None if they have.
    """

    def __init__(self, sock: socket.socket, until: float | None) -> None:
        self.until = until
        self.sent = False
        self.patient = True
        self.answered = False
        self.ended = False
        self.allowance: int | None = None
        self._sock = sock  # the descriptor's
        self._io: socket.socket | Nested = sock  # what is read and written: the same, or TLS over it
        self._inside = False
        self._dead = False
        self._corked: list[bytes] | None = None

    # --- what an HTTP library expects of a socket ---

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a reader over this line; closing it does not close the line."""
        return io.BufferedReader(_Reader(self), io.DEFAULT_BUFFER_SIZE)

    def settimeout(self, timeout: float | None) -> None:
        """Do nothing: the deadline decides."""

    def sendall(self, data: bytes) -> None:
        """Send everything before the deadline, or keep it while the line is corked."""
        if self._corked is not None:
            self._corked.append(data)
            return
        self._left()
        self.sent = True
        view = memoryview(data)
        while view:
            view = view[self._guarded(self._io.send, view) :]

    def recv(self, size: int) -> bytes:
        """Return what is there as soon as anything is; `b""` when the peer has closed."""
        data: bytes = self._guarded(self._io.recv, size)
        if not data:
            self.ended = True
        return data

    def recv_into(self, buffer: memoryview) -> int:
        """Like `recv`, into a buffer; counts while headers are read."""
        size: int = self._guarded(self._io.recv_into, buffer)
        if not size:
            self.ended = True
        elif self.allowance is not None:
            self.allowance -= size
            if self.allowance < 0:
                raise HeadersTooLarge
        return size

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self._sock.fileno()

    def close(self) -> None:
        """
        Do nothing: the library closes its side of a connection while the answer is still being read.

        Who owns the line ends it by `abort`.
        """

    # --- what its owner does ---

    def cork(self) -> None:
        """Keep what is sent from now on until `uncork`."""
        self._corked = []

    def uncork(self) -> None:
        """Send what was kept, headers and a small body as one segment."""
        pieces, self._corked = self._corked or [], None
        if sum(map(len, pieces)) <= _JOIN:
            pieces = [b"".join(pieces)]
        for piece in pieces:
            self.sendall(piece)

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Turn the line into a TLS connection, verified for `host`, before the deadline; inside TLS, too."""
        plain = self._sock
        if isinstance(plain, ssl.SSLSocket):
            self._io = Nested(Line(plain, self.until), context, host)
            return
        plain.settimeout(self._left())
        try:
            # The handshake of `ssl` holds its timeout as a whole, unlike a chain of receives.
            self._sock = self._io = context.wrap_socket(plain, server_hostname=host)
        except TimeoutError:
            raise Clockout(self.sent) from None
        finally:
            if self._sock is plain:
                plain.close()

    def stale(self) -> bool:
        """Whether an idle line is of no use any more: its peer has closed it, or says what nobody asked."""
        if any(tls.pending() for tls in (self._sock, self._io) if isinstance(tls, ssl.SSLSocket | Nested)):
            return True
        return _readable(self._sock)

    def abort(self) -> None:
        """End the connection now.  Idempotent, from any thread."""
        self._dead = True
        with suppress(OSError):  # not connected any more
            # The plain shutdown even under TLS: that of `ssl` takes the session away from a thread that reads.
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
        if not self._inside:
            self._sock.close()

    def forget(self) -> None:
        """Close the descriptor and nothing else: in a forked child, where the connection is the parent's."""
        self._dead = True
        self._sock.close()

    # --- deadlines ---

    def _left(self) -> float | None:
        if self.until is None:
            return None
        left = self.until - time.monotonic()
        if left <= 0:
            raise Clockout(self.sent)
        return left

    def _arm(self, exactly: bool) -> None:
        left = self._left()
        current = self._io.gettimeout()
        if left is None or current is None:
            if left is not current:
                self._io.settimeout(left)
        elif exactly or not left / 2 <= current <= left + SLACK:
            self._io.settimeout(left)

    def _guarded(self, operation: Callable[[Any], Any], argument: Any) -> Any:
        """Do one receive or send before the deadline."""
        if not self.patient:
            return self._at_once(operation, argument)
        exactly = False
        while True:
            self._arm(exactly)
            try:
                return self._inside_of(operation, argument)
            except TimeoutError as error:
                if error.errno == errno.ETIMEDOUT:
                    raise  # the system's own: the peer does not answer
                exactly = True

    def _inside_of(self, operation: Callable[[Any], Any], argument: Any) -> Any:
        self._inside = True
        try:
            if self._dead:
                raise ConnectionAbortedError(errno.ECONNABORTED, "the exchange was aborted")
            result = operation(argument)
            if self._dead:
                raise ConnectionAbortedError(errno.ECONNABORTED, "the exchange was aborted")
            return result
        finally:
            self._inside = False
            if self._dead:
                self._sock.close()

    def _at_once(self, operation: Callable[[Any], Any], argument: Any) -> Any:
        self._io.settimeout(0.0)
        try:
            return self._inside_of(operation, argument)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise NotYet from None


class _Reader(io.RawIOBase):
    """The reading side of a line, for `io.BufferedReader`."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.sealed = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return None if self.sealed else self.line.recv_into(buffer)
