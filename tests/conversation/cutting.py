"""
A line to Postgres that is cut where a test says.

What passes is counted by messages of the protocol, in both directions together, from the moment the line is armed.  The
message with the number that was given does not pass: both sides are closed in its place, once.

Source: PostgreSQL documentation, "Message Formats": a type and a length, the type missing from a client's first.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress


class Line:
    """
    A listener on 127.0.0.1 before a server.

    Attributes:
        port: Where clients connect.
        cut: Whether the line was cut since it was armed.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut = False
        self._left: int | None = None
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def arm(self, number: int) -> None:
        """Let so many messages pass, and cut instead of the next."""
        with self._lock:
            self._left, self.cut = number, False

    def disarm(self) -> None:
        """Let all pass."""
        with self._lock:
            self._left = None

    def close(self) -> None:
        """End all."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._hang_up(*self._open)
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.create_connection(("127.0.0.1", self._server))
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.append(end)
            self._start(self._carry, client, server, False)
            self._start(self._carry, server, client, True)

    def _carry(self, source: socket.socket, target: socket.socket, typed: bool) -> None:
        with suppress(OSError), source.makefile("rb") as stream:
            while message := _message(stream, typed):
                typed = True
                if not self._passes():
                    break
                target.sendall(message)
        self._hang_up(source, target)

    def _passes(self) -> bool:
        with self._lock:
            if self._left is None:
                return True
            self._left -= 1
            if self._left >= 0:
                return True
            self._left, self.cut = None, True
            return False

    def _hang_up(self, *ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()


def _message(stream: object, typed: bool) -> bytes:
    """One message whole, or nothing at the end."""
    read = stream.read  # type: ignore[attr-defined]
    head: bytes = read(5 if typed else 4)
    if len(head) < (5 if typed else 4):
        return b""
    (length,) = struct.unpack("!I", head[-4:])
    body: bytes = read(length - 4)
    return head + body if len(body) == length - 4 else b""
