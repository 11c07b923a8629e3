"""
One connection of the test server: bytes in, requests recorded, answers out.

Requests of a connection are answered one after another, as HTTP/1.1 says.  The connection goes on listening while it
answers, so it knows the moment at which the client leaves; what was being answered is then cancelled.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from typing import Any, Final, cast

import msgspec

from dragoman.errors import DragomanError
from dragoman.testing.http1 import BadHttp, HttpHead, RequestParser, chunk, reply_head
from dragoman.types.embeddings import EmbedRequest
from dragoman.types.requests import ChatRequest
from dragoman.wire.base import Wire

# Linger for no time: closing then sends RST instead of FIN.  (socket(7), SO_LINGER)
_NO_LINGER: Final = struct.pack("ii", 1, 0)


class Received:
    """
    One request, as the server saw it.  All times are seconds on `time.monotonic`.

    Attributes:
        number: Counts from 0 in the order of arrival.
        connection: Number of the connection that it came on, from 0.
        method: `POST`, `GET`...
        path: Without the query.
        query: What stands after `?`, as sent; may be empty.
        headers: Names in lower case.
        body: As sent.
        wire: Name of the dialect whose path it was, or None.
        chat: The chat request as a value, or None if it was none that can be read.
        embed: The request for vectors as a value, or None.
        error: Why it could not be read, or None.
        received_at: When its last byte had come.
        finished_at: When the last byte of the answer was written, or None.
        closed_at: When the client was seen to leave before the answer was finished, or None.
    """

    def __init__(self, number: int, connection: int, head: HttpHead, body: bytes) -> None:
        self.number = number
        self.connection = connection
        self.method = head.method
        self.path = head.path
        self.query = head.query
        self.headers = head.headers
        self.keep_alive = head.keep_alive
        self.body = body
        self.wire: str | None = None
        self.chat: ChatRequest | None = None
        self.embed: EmbedRequest | None = None
        self.error: DragomanError | None = None
        self.received_at = time.monotonic()
        self.finished_at: float | None = None
        self.closed_at: float | None = None
        self._over = threading.Event()

    def __repr__(self) -> str:
        return f"<{self.number}: {self.method} {self.path}, {len(self.body)} bytes>"

    @property
    def json(self) -> Any:
        """The body as parsed JSON."""
        return msgspec.json.decode(self.body)

    def wait_closed(self, timeout: float = 5.0) -> float | None:
        """
        Wait up to `timeout` seconds for the client to leave; return when it did.

        None if it did not in that time, or if the answer was finished before.
        """
        self._over.wait(timeout)
        return self.closed_at

    def finished(self) -> None:
        """The answer is written."""
        if not self._over.is_set():
            self.finished_at = time.monotonic()
            self._over.set()

    def aborted(self) -> None:
        """The server broke the connection."""
        self._over.set()

    def closed(self) -> None:
        """The client left."""
        if not self._over.is_set():
            self.closed_at = time.monotonic()
            self._over.set()


class Reply:
    """
    What a step writes its answer on.

    A plain answer is one `send`.  A stream is `start`, any number of `write`, `end`.  A step that breaks the rules of
    HTTP uses `unframed` and `abort`.

    Attributes:
        request: What is being answered.
        wire: The dialect to answer in: the one of the path, or OpenAI's where the path belongs to none.
        started: Whether the status line was written.
        headers: More headers for the answer, over those that a step gives.
    """

    def __init__(self, connection: Connection, request: Received, wire: Wire) -> None:
        self.headers: dict[str, str] = {}
        self.request = request
        self._connection = connection
        self.wire = wire
        self.started = False

    async def sleep(self, seconds: float) -> None:
        """Wait; ends early, with the whole answer, when the client leaves."""
        if seconds > 0:
            await asyncio.sleep(seconds)

    async def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer at once, with a known length."""
        self._head(
            status, {**headers, "content-length": str(len(body))}, b"" if self.request.method == "HEAD" else body
        )
        await self._connection.drained()
        self.request.finished()

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Begin an answer whose pieces follow."""
        self._head(status, {**headers, "transfer-encoding": "chunked"})
        await self._connection.drained()

    async def write(self, data: bytes) -> None:
        """Send the next piece, now, as one chunk.  Empty pieces are left out: they would end the answer."""
        if data:
            self._connection.write(chunk(data))
            await self._connection.drained()

    async def end(self) -> None:
        """The answer is whole."""
        self._connection.write(chunk(b""))
        await self._connection.drained()
        self.request.finished()

    async def unframed(self, data: bytes) -> None:
        """Send bytes as they are, without HTTP's framing."""
        self.started = True
        self._connection.write(data)
        await self._connection.drained()

    def abort(self) -> None:
        """Close the connection now, without ending the answer."""
        self.request.aborted()
        self._connection.abort()

    def close(self) -> None:
        """Close the connection after what was written has left, as a server does that knows no better end."""
        self.request.aborted()
        self._connection.close()

    def reset(self) -> None:
        """Break the connection with a TCP reset; what the client has not read yet may be lost."""
        self.request.aborted()
        self._connection.reset()

    def _head(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        self.started = True
        closing = {} if self.request.keep_alive else {"connection": "close"}
        name = f"req-{self.request.number}"
        ids = dict.fromkeys(("x-request-id", "request-id", "x-amzn-requestid"), name)  # each vendor has its own
        always = {"date": formatdate(usegmt=True), **ids, **closing}
        self._connection.write(reply_head(status, {**always, **headers, **self.headers}) + body)


Answer = Callable[["Connection", HttpHead, bytes], Awaitable[None]]
"""Answers one request on its connection."""


class Connection(asyncio.Protocol):
    """
    Args:
        answer: Answers one request.
        failed: Told of an exception that `answer` raised, which is a fault of the test's own code.
        peers: All open connections; this one adds and removes itself.
        number: Counts connections from 0.

    Attributes:
        current: The request that is being answered, or None.
        lost: Set when the connection is closed.
    """

    def __init__(
        self, answer: Answer, failed: Callable[[BaseException], None], peers: set[Connection], number: int
    ) -> None:
        self.number = number
        self._answer = answer
        self._failed = failed
        self._peers = peers
        self._parser = RequestParser()
        self._waiting: deque[tuple[HttpHead, bytes]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._room = asyncio.Event()
        self._room.set()
        self.lost = asyncio.Event()
        self._written = False  # whether anything of the present answer has left
        self.current: Received | None = None

    # --- asyncio.Protocol -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        # asyncio does it only for sockets that name their protocol, which accepted ones of `create_server` do not.
        # Without it a piece waits for the acknowledgement of the one before: 40 ms.
        sock = transport.get_extra_info("socket")
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._peers.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._waiting.extend(self._parser.feed(data))
        except BadHttp as error:
            self._refuse(error.status, str(error), "invalid_request_error")
            return
        if self._parser.wants_continue:
            self._parser.wants_continue = False
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._next()

    def eof_received(self) -> bool:
        return False  # a client that half-closes is taken to have left: no SDK does it

    def connection_lost(self, exc: Exception | None) -> None:
        self._peers.discard(self)
        self._room.set()
        self._waiting.clear()
        if self.current is not None:
            self.current.closed()
        if self._task is not None:
            self._task.cancel()
        self.lost.set()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    # --- answering --------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes; nothing happens if the connection is closed."""
        self._written = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drained(self) -> None:
        """Wait until the client has taken most of what was written."""
        await self._room.wait()

    def abort(self) -> None:
        """Close now; what is buffered is lost."""
        if self._transport is not None:
            self._transport.abort()

    def reset(self) -> None:
        """Close now, by a TCP reset."""
        if self._transport is not None:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self._transport.abort()

    def close(self) -> None:
        """Close after what was written has left."""
        if self._transport is not None:
            self._transport.close()

    def _next(self) -> None:
        if self._task is None and self._waiting:
            head, body = self._waiting.popleft()
            self._written = False
            self._task = asyncio.ensure_future(self._answer(self, head, body))
            self._task.add_done_callback(lambda task: self._answered(task, head.keep_alive))

    def _answered(self, task: asyncio.Task[None], keep: bool) -> None:
        self._task = self.current = None
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            self._failed(failure)
            self._refuse(500, f"the test's own code raised {failure!r}", "server_error")
        elif not keep:
            self._waiting.clear()
            self.close()
        self._next()

    def _refuse(self, status: int, reason: str, kind: str) -> None:
        self._waiting.clear()
        if not self._written:
            body = msgspec.json.encode({"error": {"message": reason, "type": kind, "param": None, "code": None}})
            headers = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
            self.write(reply_head(status, headers) + body)
        self.close()
