"""
A provider on 127.0.0.1, for tests.

    with Server(says("hello"), status(429, retry_after=0.02)) as server:
        client = Client(providers={"fake": {"base_url": server.base_url("openai-chat"), "api_key": "k"}})
        ...
        assert 2 == server.calls

It speaks the server half of every wire, chosen by the path of each request, over real HTTP/1.1 with keep-alive, in a
thread and an event loop of its own, so it serves blocking and asynchronous clients alike.

Rule: nothing is answered that was not asked for.  When the script is empty the answer is a 500 that says so, and an
exception in the test's own functions comes out of `stop`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections import deque
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from dragoman import wire as wires
from dragoman.errors import BadRequestError, ConfigError, DragomanError, NotFoundError, ServerError
from dragoman.testing.beside import wire_beside
from dragoman.testing.connection import Connection, Received, Reply
from dragoman.testing.http1 import HttpHead
from dragoman.testing.routes import MODELS, route_of, wire_of
from dragoman.testing.steps import ModelList, Step
from dragoman.wire.embeddings import codec_of_path

# Every waiting connection of a burst must find room: a client whose SYN is dropped comes back a second later.
_BACKLOG = 4096


class Server:
    """
    A scripted provider.

    Args:
        steps: What to answer, one step for one request (for chat, for vectors, for a count), in order.
        default: What to answer when the steps are used up; None for an error that says so.
        models: Names that `/v1/models` lists.
        tls: To serve https, a context with a certificate.
        port: Where to listen; 0 for any that is free.
        unix: Path of a unix socket to listen on instead.

    Attributes:
        host: `127.0.0.1`.
        port: Where it listens; chosen by the system when the server starts, if none was asked for.

    May be started again after `stop`, with another port; the script and the records stay.
    """

    def __init__(
        self,
        *steps: Step,
        default: Step | None = None,
        models: tuple[str, ...] = ("any",),
        tls: ssl.SSLContext | None = None,
        port: int = 0,
        unix: str | None = None,
    ) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.default = default
        self._tls = tls
        self._wanted_port = port
        self._unix = unix
        self._lock = threading.Lock()
        self._steps: deque[Step] = deque(steps)
        self._standing: dict[str, Step] = dict.fromkeys(MODELS, ModelList(models=models))
        self._received: list[Received] = []
        self._failures: list[BaseException] = []
        self._peers: set[Connection] = set()
        self._numbers = count()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()

    # --- what a test says -------------------------------------------------------------------------------------------

    def script(self, *steps: Step) -> None:
        """Add steps at the end of the script."""
        with self._lock:
            self._steps.extend(steps)

    def on(self, path: str, step: Step) -> None:
        """Answer every request to `path` with `step`, whatever its method; the script is not touched."""
        with self._lock:
            self._standing[path] = step

    def disconnect(self) -> None:
        """Break every open connection now, idle ones too, as a server does that dies."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._abort_all)

    # --- what a test asks -------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The root, without a slash at the end: `http://127.0.0.1:43210`, `http+unix://%2Ftmp%2Fname.sock`."""
        if self._unix is not None:
            return f"http+unix://{quote(self._unix, safe='')}"
        return f"{'https' if self._tls else 'http'}://{self.host}:{self.port}"

    def base_url(self, wire: str = "openai-chat") -> str:
        """
        The base URL for clients of a dialect, as its vendor's SDK wants it.

        Raises:
            ConfigError: No such dialect.
        """
        return self.url + route_of(wire).base

    @property
    def calls(self) -> int:
        """How many requests for an answer have come, good or bad: for chat, for vectors, for a count."""
        return len(self.requests)

    @property
    def requests(self) -> tuple[Received, ...]:
        """The requests that `calls` counts, in order."""
        return tuple(request for request in self.all_requests if request.wire is not None)

    @property
    def all_requests(self) -> tuple[Received, ...]:
        """All requests that have come, those to other paths included."""
        with self._lock:
            return tuple(self._received)

    @property
    def left(self) -> int:
        """How many steps of the script were not played."""
        with self._lock:
            return len(self._steps)

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._peers)

    def gap(self, first: int, second: int) -> float:
        """Seconds from one chat request to another, as the server saw them."""
        requests = self.requests
        return requests[second].received_at - requests[first].received_at

    # --- its life -----------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """
        Begin to serve; connections are accepted when this returns.

        Raises:
            ConfigError: It runs already, or the port or path is taken or forbidden.
        """
        if self._thread is not None:
            raise ConfigError("the server runs already: one start for each stop", field="server")
        listener = self._listen() if self._unix is None else _listen_unix(self._unix)
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._loop, listener), name="dragoman-testing-server", daemon=True
        )
        self._thread.start()
        return self

    def _listen(self) -> socket.socket:
        try:
            listener = socket.create_server((self.host, self._wanted_port), backlog=_BACKLOG)
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {self.host}:{self._wanted_port}: {error.strerror}; take another port", field="port"
            ) from error
        self.port = listener.getsockname()[1]
        return listener

    def stop(self) -> None:
        """
        Break all connections and stop serving.  Idempotent.

        Raises:
            BaseException: Whatever a function of the test raised inside the server, the first of them.
        """
        thread, loop = self._thread, self._loop
        if thread is None or loop is None:
            return
        loop.call_soon_threadsafe(self._stopping.set)
        thread.join()
        self._thread = self._loop = None
        if self._unix is not None:
            Path(self._unix).unlink(missing_ok=True)
        if self._failures:
            failure = self._failures[0]
            self._failures.clear()
            raise failure

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._failures.clear()  # the test fails already, and by its own words
        self.stop()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _run(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
        loop.run_until_complete(self._serve(loop, listener))
        loop.close()

    async def _serve(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
        serving = await loop.create_server(self._connection, sock=listener, ssl=self._tls)
        await self._stopping.wait()
        # What was just accepted is made a connection in the next round, and its socket is left open if the server is
        # closed by then.   (CPython 3.11, `Server._attach`)
        loop.remove_reader(listener)
        await asyncio.sleep(0)
        serving.close()
        await self._break_all()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)
        await self._break_all()  # one that was being accepted

    async def _break_all(self) -> None:
        for peer in tuple(self._peers):
            peer.abort()
            await peer.lost.wait()  # the socket is closed in one of the loop's next rounds

    def _abort_all(self) -> None:
        for peer in tuple(self._peers):
            peer.abort()

    # --- answering ----------------------------------------------------------------------------------------------------

    def _connection(self) -> Connection:
        return Connection(self._answer, self._failures.append, self._peers, next(self._numbers))

    async def _answer(self, connection: Connection, head: HttpHead, body: bytes) -> None:
        request = connection.current = self._record(connection, head, body)
        reply = Reply(connection, request, wires.get(request.wire or "openai-chat"))
        try:
            await self._step(request).play(reply)
        except DragomanError as error:
            if reply.started:
                raise
            await reply.send(*reply.wire.encode_error(error))

    def _record(self, connection: Connection, head: HttpHead, body: bytes) -> Received:
        with self._lock:
            request = Received(len(self._received), connection.number, head, body)
            request.wire = wire_of(head.path) or wire_beside(head.path)
            self._received.append(request)
        if request.wire is not None and head.method == "POST":
            try:
                _read(request)
            except ConfigError as error:
                request.error = error
        return request

    def _step(self, request: Received) -> Step:
        """
        Choose what answers the request.

        Raises:
            StatusError: Nothing does.
        """
        with self._lock:
            standing = self._standing.get(request.path)
            if standing is not None:
                return standing
            _refuse(request)
            if self._steps:
                return self._steps.popleft()
        if self.default is not None:
            return self.default
        raise ServerError(
            "the script is empty: add a step with Server.script(...), or give Server(default=...)", status=500
        )


def _listen_unix(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(path)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {path}: {error.strerror or error}; take another path", field="unix"
        ) from error
    return listener


def _read(request: Received) -> None:
    """Decode the body; that of a question for a count is of no interest."""
    codec = codec_of_path(request.path)
    if codec is not None:
        request.embed = codec.decode_request(request.body, path=request.path)
    elif wire_of(request.path) is not None and request.wire is not None:
        request.chat = wires.get(request.wire).decode_request(request.body, path=request.path)


def _refuse(request: Received) -> None:
    """Raise what a provider answers to a request that is none of its own."""
    if request.wire is None:
        raise NotFoundError(f"nothing is served at {request.path}", status=404)
    if request.method != "POST":
        raise BadRequestError(f"{request.path} takes POST, not {request.method}", status=405)
    if request.error is not None:
        raise BadRequestError(request.error.message, status=400, code="invalid_request_error")
