"""Both transports behind one set of blocking verbs, and a server that does exactly what its script says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from dragoman.transport.aio import AsyncTransport
from dragoman.transport.base import Exchange, Transport
from dragoman.transport.blocking import BlockingTransport
from dragoman.types.http import HttpRequest


class Close:
    """Close the connection."""


class Reset:
    """Close the connection with RST."""


class Hold:
    """Wait until the client closes, and note when."""


CLOSE, RESET, HOLD = Close(), Reset(), Hold()

# Bytes are sent, a number is a pause in seconds, a callable gets the connection.
Step = bytes | float | Close | Reset | Hold | Callable[[socket.socket], None]


def plain(body: bytes = b"hello", *, status: str = "200 OK", headers: str = "") -> bytes:
    """An answer with a length."""
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode("latin-1") + body


def chunked(*pieces: bytes, headers: str = "", end: bool = True) -> bytes:
    """An answer in chunks."""
    head = f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n{headers}\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if end else b"")


class Server:
    """
    Serves scripts, one for each request; the last is repeated.

    Attributes:
        requests: What was received, whole requests.
        connections: How many were accepted.
        closed: When clients closed before the script was at its end, on `time.monotonic`.
    """

    def __init__(
        self,
        *scripts: list[Step],
        context: ssl.SSLContext | None = None,
        family: int = socket.AF_INET,
        path: str | None = None,
    ) -> None:
        """With `path`, it listens on a unix socket."""
        self.scripts = list(scripts)
        self.requests: list[bytes] = []
        self.connections = 0
        self.closed: list[float] = []
        self.noted = threading.Condition()
        self.path = path
        self.host = "[::1]" if family == socket.AF_INET6 else "127.0.0.1"
        self._context = context
        if path is None:
            self._listener = socket.create_server((self.host.strip("[]"), 0), family=family, backlog=256)
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(path)
            self._listener.listen(256)
        self.port: int = 0 if path else self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        if self.path is not None:
            return f"http+unix://{quote(self.path, safe='')}/v1"
        scheme = "http" if self._context is None else "https"
        return f"{scheme}://{self.host}:{self.port}/v1"

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def wait(self, condition: Callable[[], bool], seconds: float = 3.0) -> bool:
        """Wait until something was noted that makes `condition` true."""
        with self.noted:
            return self.noted.wait_for(condition, seconds)

    def _note(self, change: Callable[[], object]) -> None:
        with self.noted:
            change()
            self.noted.notify_all()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self.path is None:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            if self._context is not None:
                connection = self._secure(connection)
            while True:
                request = read_request(connection)
                if not request:
                    return
                self._note(lambda request=request: self.requests.append(request))
                for step in self.scripts[min(len(self.requests), len(self.scripts)) - 1]:
                    if not self._do(step, connection):
                        return
        except OSError:
            self._note(lambda: self.closed.append(time.monotonic()))
        finally:
            self._open.discard(connection)
            connection.close()

    def _secure(self, connection: socket.socket) -> socket.socket:
        assert self._context is not None
        self._open.discard(connection)
        try:
            secured = self._context.wrap_socket(connection, server_side=True)
        except BaseException:
            connection.close()
            raise
        self._open.add(secured)
        return secured

    def _do(self, step: Step, connection: socket.socket) -> bool:
        """Do one step; whether to go on."""
        if isinstance(step, bytes):
            connection.sendall(step)
        elif isinstance(step, float | int):
            time.sleep(step)
        elif isinstance(step, Close | Reset):
            if isinstance(step, Reset):
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        elif isinstance(step, Hold):
            with contextlib.suppress(OSError):
                while connection.recv(65536):
                    pass
            self._note(lambda: self.closed.append(time.monotonic()))
            return False
        else:
            step(connection)
        return True


def read_request(connection: socket.socket) -> bytes:
    """One request with its body; `b""` when the client has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    missing = int(fields.get(b"content-length", b"0")) - len(body)
    while missing > 0:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
        missing -= len(piece)
    return data


class Opened:
    """An exchange with blocking verbs."""

    def __init__(self, face: Face, exchange: Exchange) -> None:
        self.face = face
        self.exchange = exchange
        self.status = exchange.status
        self.headers = exchange.headers

    def read(self, seconds: float | None = 5.0) -> bytes:
        return self.face.run(self.exchange.read(deadline(seconds)))

    def all(self, seconds: float | None = 5.0) -> bytes:
        """Read to the end."""
        return b"".join(iter(lambda: self.read(seconds), b""))

    def all_until(self, until: float) -> bytes:
        """Read to the end, which must come before `until` on `time.monotonic`."""
        return b"".join(iter(lambda: self.face.run(self.exchange.read(until)), b""))

    def gather(self, into: list[bytes]) -> None:
        """Read to the end, and keep the pieces whatever happens."""
        while piece := self.read():
            into.append(piece)

    def finish(self) -> bytes:
        """Read to the end and release."""
        data = self.all()
        self.release()
        return data

    def release(self) -> None:
        self.face.call(self.exchange.release)

    def abort(self) -> None:
        self.exchange.abort()


def deadline(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds


class Face:
    """One of the two transports."""

    name: str
    make: type[Transport]

    def __init__(self) -> None:
        self.made: list[Any] = []
        self.opened: list[Opened] = []
        self.start()

    def start(self) -> None: ...

    def stop(self) -> None:
        for opened in self.opened:
            opened.abort()
        for transport in self.made:
            transport.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        raise NotImplementedError

    def call(self, function: Callable[[], object]) -> None:
        raise NotImplementedError

    def transport(self, **options: Any) -> Any:
        transport: Any = self.make(**options)
        self.made.append(transport)
        return transport

    def open(
        self,
        url: str,
        *,
        transport: Any = None,
        method: str = "POST",
        headers: dict[str, str] | None = None,
        body: bytes = b"{}",
        connect: float | None = 5.0,
        seconds: float | None = 5.0,
    ) -> Opened:
        if transport is None:
            transport = self.made[0] if self.made else self.transport()
        request = HttpRequest(method=method, url=url, headers=headers or {}, body=body)
        work = transport.open(request, connect_until=deadline(connect), until=deadline(seconds))
        opened = Opened(self, self.run(work))
        self.opened.append(opened)
        return opened


class BlockingFace(Face):
    name = "blocking"
    make = BlockingTransport

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            work.send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("suspended on the blocking face")

    def call(self, function: Callable[[], object]) -> None:
        function()


class AioFace(Face):
    """Runs a loop in a thread of its own, so that tests can be blocking."""

    name = "aio"
    make = AsyncTransport

    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def stop(self) -> None:
        super().stop()
        self.run(self.loop.shutdown_asyncgens())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def call(self, function: Callable[[], object]) -> None:
        async def work() -> None:
            function()

        self.run(work())
