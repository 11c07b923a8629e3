"""
Both faces as `httpx2` knows them.

Rule: this is the only module that knows httpx2; its exceptions are those that httpx2's own transports would raise.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final, NoReturn

import httpx2

from dragoman.bridge.asked import Asked, read
from dragoman.bridge.core import Bridge, too_large
from dragoman.bridge.reply import Flow, Reply
from dragoman.errors import ConnectError, DragomanError, StreamInterrupted, TimeoutError, WireError
from dragoman.plain import Plain
from dragoman.runtime import drive
from dragoman.transport.base import Limits


def blocking(plain: Plain) -> httpx2.Client:
    """An httpx2 client over a `Client`."""
    # Without timeouts the SDKs set none of their own, and the client's hold.
    return httpx2.Client(transport=_Transport(Bridge(plain)), timeout=None, trust_env=False)


def asynchronous(plain: Plain) -> httpx2.AsyncClient:
    """An httpx2 client over an `AsyncClient`."""
    return httpx2.AsyncClient(transport=_AsyncTransport(Bridge(plain)), timeout=None, trust_env=False)


class _Transport(httpx2.BaseTransport):
    """The blocking face."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.SyncByteStream)  # httpx2 has looked
        body = _Body()
        for piece in request.stream:
            body.add(piece)
        if body.large:
            return _response(too_large(request.url.path), _Pieces)
        try:
            return _response(drive(self._bridge.answer(_asked(request, body))), _Pieces)
        except DragomanError as error:
            _fail(error)


class _AsyncTransport(httpx2.AsyncBaseTransport):
    """The asynchronous face."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert isinstance(request.stream, httpx2.AsyncByteStream)  # httpx2 has looked
        body = _Body()
        async for piece in request.stream:
            body.add(piece)
        if body.large:
            return _response(too_large(request.url.path), _AsyncPieces)
        try:
            return _response(await self._bridge.answer(_asked(request, body)), _AsyncPieces)
        except DragomanError as error:
            _fail(error)


# --- requests ---------------------------------------------------------------------------------------------------------


class _Body:
    """The body of a request; what is above the limit is read, and not kept."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._left = Limits.body

    @property
    def large(self) -> bool:
        return self._left < 0

    def add(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._left >= 0:
            self._pieces.append(piece)

    def joined(self) -> bytes:
        return b"".join(self._pieces)


def _asked(request: httpx2.Request, body: _Body) -> Asked:
    timeout: dict[str, Any] = request.extensions.get("timeout", {})
    return read(
        request.method,
        str(request.url),
        request.headers.multi_items(),
        body.joined(),
        connect=timeout.get("connect"),
        silence=timeout.get("read"),
    )


# --- answers ----------------------------------------------------------------------------------------------------------


def _response(reply: Reply, pieces: Callable[[Flow], Any]) -> httpx2.Response:
    extensions: dict[str, Any] = {"http_version": b"HTTP/1.1"}
    if reply.error is not None:
        extensions["dragoman_error"] = reply.error
    # Bytes as Latin-1, as they were read: httpx2 would take texts for ASCII.
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
    return httpx2.Response(reply.status, headers=headers, stream=pieces(reply.flow), extensions=extensions)


class _Left:
    """A body that may be left: closed, or dropped."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        # Not a method of self: the finalizer must not keep alive what it waits to see die.
        self._leave = weakref.finalize(self, flow.abandon)
        self._leave.atexit = False


class _Pieces(_Left, httpx2.SyncByteStream):
    """A body on the blocking face."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            piece = drive(self._flow.read())
        except DragomanError as error:
            _fail(error)
        if not piece:
            raise StopIteration
        return piece

    def close(self) -> None:
        self._leave()


class _AsyncPieces(_Left, httpx2.AsyncByteStream):
    """A body on the asynchronous face."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._flow.read()
        except DragomanError as error:
            _fail(error)
        if not piece:
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        self._leave()


# --- failures ---------------------------------------------------------------------------------------------------------

_KINDS: Final[tuple[tuple[type[DragomanError], type[httpx2.TransportError]], ...]] = (
    (TimeoutError, httpx2.ReadTimeout),
    (ConnectError, httpx2.ConnectError),
    (StreamInterrupted, httpx2.RemoteProtocolError),
    (WireError, httpx2.RemoteProtocolError),
    (DragomanError, httpx2.LocalProtocolError),
)


def _fail(error: DragomanError) -> NoReturn:
    kind = next(theirs for ours, theirs in _KINDS if isinstance(error, ours))
    if isinstance(error, TimeoutError) and error.clock == "connect":
        kind = httpx2.ConnectTimeout
    raise kind(str(error)) from error
