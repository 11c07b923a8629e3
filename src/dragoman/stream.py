"""
A streamed answer, as its reader sees it.

Both streams are plain iterators over the same `Opened`; there is no generator between the socket and the reader, so
leaving a stream closes the upstream at once: at its end, on an error, on `break` out of a `with`, on cancel, and when
the last reference is dropped.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from types import TracebackType
from typing import Any

from dragoman.errors import StreamInterrupted
from dragoman.policy.base import Opened
from dragoman.runtime import drive
from dragoman.types.events import Event, TextDelta
from dragoman.types.responses import ChatResponse

_NONE: Iterator[Event] = iter(())


class _Reader:
    """What both faces share: the answer, and where its reader is."""

    def __init__(self) -> None:
        self._opened: Opened | None = None
        self._ready: Iterator[Event] = _NONE
        self._at_end = False
        self._left = False

    def _attach(self, opened: Opened) -> None:
        self._opened = opened
        # Not a method of self: the finalizer must not keep alive what it waits to see die.
        self._abandon = weakref.finalize(self, opened.abandon)
        self._abandon.atexit = False

    def _finished(self) -> None:
        self._at_end = True
        if self._opened is not None:
            self._abandon.detach()

    def _leave(self) -> None:
        if self._opened is not None and not self._at_end:
            self._abandon()
        self._ready = _NONE
        self._left = True

    @property
    def partial(self) -> ChatResponse | None:
        """The answer so far, with finish reason `unknown` until it is complete; None before it was opened."""
        return self._opened.folded() if self._opened is not None else None

    @property
    def response(self) -> ChatResponse:
        """
        The whole answer, after the end.

        Raises:
            StreamInterrupted: The stream has not been read to its end; `.partial` has what was read.
        """
        if not self._at_end or self._opened is None:
            raise StreamInterrupted(
                "the stream was not read to its end: iterate it first, or call drain()", partial=self.partial
            )
        return self._opened.folded()


class Stream(_Reader):
    """
    An answer on the blocking face: an iterator of events, and a context manager.

    >>> from dragoman import Client
    >>> with Client().stream("sim/echo", "one two") as stream:
    ...     "".join(stream.text)
    'one two'
    """

    def __init__(self, opened: Opened) -> None:
        super().__init__()
        self._attach(opened)

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        for event in self._ready:
            return event
        return self._refill()

    def _refill(self) -> Event:
        if self._at_end or self._left or self._opened is None:
            raise StopIteration
        events = drive(self._opened.more())
        if not events:
            self._finished()
            raise StopIteration
        self._ready = iter(events)
        return next(self._ready)

    @property
    def text(self) -> Iterator[str]:
        """The text, piece by piece; everything else is passed over, and still in `response`."""
        return (event.text for event in self if type(event) is TextDelta)

    def drain(self) -> ChatResponse:
        """Read to the end and return the whole answer."""
        for _ in self:
            pass
        return self.response

    def close(self) -> None:
        """Leave the stream; the upstream is closed at once if it is still open.  Idempotent."""
        self._leave()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncStream(_Reader):
    """
    An answer on the async face: an async iterator of events, and an async context manager.

    It is opened by `async with`, by the first event, or by awaiting it; before that nothing has been sent.
    """

    def __init__(self, opening: Callable[[], Awaitable[Opened]]) -> None:
        super().__init__()
        self._opening: Callable[[], Awaitable[Opened]] | None = opening

    async def _open(self) -> AsyncStream:
        if self._opening is not None:
            opening, self._opening = self._opening, None
            self._attach(await opening())
        return self

    def __await__(self) -> Generator[Any, None, AsyncStream]:
        return self._open().__await__()

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        for event in self._ready:
            return event
        if self._at_end or self._left:
            raise StopAsyncIteration
        if self._opened is None:
            await self._open()
        if self._opened is None:
            raise StopAsyncIteration
        events = await self._opened.more()
        if not events:
            self._finished()
            raise StopAsyncIteration
        self._ready = iter(events)
        return next(self._ready)

    @property
    def text(self) -> AsyncIterator[str]:
        """The text, piece by piece; everything else is passed over, and still in `response`."""
        return _Texts(self)

    async def drain(self) -> ChatResponse:
        """Read to the end and return the whole answer."""
        async for _ in self:
            pass
        return self.response

    async def aclose(self) -> None:
        """Leave the stream; the upstream is closed at once if it is still open.  Idempotent."""
        self._leave()

    async def __aenter__(self) -> AsyncStream:
        return await self._open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()


class _Texts:
    """The texts of an async stream; a class, because a dropped async generator is closed late."""

    def __init__(self, stream: AsyncStream) -> None:
        self._stream = stream

    def __aiter__(self) -> _Texts:
        return self

    async def __anext__(self) -> str:
        while True:
            event = await self._stream.__anext__()
            if type(event) is TextDelta:
                return event.text
