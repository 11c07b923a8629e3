"""
A streamed answer, as its reader sees it.

Both streams are plain iterators over the same `Opened`; there is no generator between the socket and the reader, so
leaving a stream closes the upstream at once: at its end, on an error, on `break` out of a `with`, on cancel, and when
the last reference is dropped.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from dragoman.errors import StreamInterrupted
from dragoman.policy.base import Opened
from dragoman.runtime import drive
from dragoman.types.events import Event, TextDelta
from dragoman.types.requests import OutputFormat
from dragoman.types.responses import ChatResponse

if TYPE_CHECKING:
    from dragoman.structured.following import Following

_NONE: Iterator[Event] = iter(())


class _Reader:
    """What both faces share: the answer, and where its reader is."""

    def __init__(self, form: OutputFormat | None = None) -> None:
        self._form = form
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

    @property
    def output(self) -> Any:
        """
        The value that was asked for by `output=`, after the end; None for an answer that calls tools.

        Raises:
            ConfigError: No type was asked for.
            SchemaError: The answer does not satisfy it; a streamed one is not asked for again.
            TruncatedError, RefusalError, ContentFilterError: The answer ended so.
            StreamInterrupted: The stream has not been read to its end.
        """
        return self._following().concluded(self.response)

    def _following(self) -> Following:
        from dragoman.structured.following import Following  # who streams text need not load this

        return Following(self._form)


class Stream(_Reader):
    """
    An answer on the blocking face: an iterator of events, and a context manager.

    >>> from dragoman import Client
    >>> with Client().stream("sim/echo", "one two") as stream:
    ...     "".join(stream.text)
    'one two'
    """

    def __init__(self, opened: Opened, form: OutputFormat | None = None) -> None:
        super().__init__(form)
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

    @property
    def partials(self) -> Iterator[Any]:
        """
        What is there of the value that was asked for by `output=`, each time that more of it came: a `Partial`, or
        for a list the list so far.  At the end the whole value is held to the type, as by `output`.
        """
        following = self._following()
        for event in self:
            yield from following.views(event)
        following.concluded(self.response)

    @property
    def items(self) -> Iterator[Any]:
        """
        The elements of the list that was asked for (or of the first list in the object), each when it is whole, and
        held to its type.  At the end the whole value is, as by `output`.
        """
        following = self._following()
        for event in self:
            yield from following.elements(event, lambda: self.partial)
        following.concluded(self.response)

    def drain(self) -> ChatResponse:
        """Read to the end and return the whole answer."""
        for _ in self:
            pass
        return self.response

    def display(self) -> ChatResponse:
        """
        Show the answer while it comes, in a notebook's output or on the terminal, and return it.

        Raises:
            DragomanError: As reading it would.  What came is shown.
        """
        from dragoman.notebook import display  # only who shows it loads this

        return display(self)

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

    def __init__(self, opening: Callable[[], Awaitable[Opened]], form: OutputFormat | None = None) -> None:
        super().__init__(form)
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

    @property
    def partials(self) -> AsyncIterator[Any]:
        """What is there of the value that was asked for, each time that more of it came; as `Stream.partials`."""
        following = self._following()
        return _Followed(self, following.views, following)

    @property
    def items(self) -> AsyncIterator[Any]:
        """The elements of the list that was asked for, each when it is whole; as `Stream.items`."""
        following = self._following()
        return _Followed(self, lambda event: following.elements(event, lambda: self.partial), following)

    async def drain(self) -> ChatResponse:
        """Read to the end and return the whole answer."""
        async for _ in self:
            pass
        return self.response

    async def display(self) -> ChatResponse:
        """Show the answer while it comes, and return it; as `Stream.display`."""
        from dragoman.notebook import display_async  # only who shows it loads this

        return await display_async(self)

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


class _Followed:
    """What is seen of a value while the events of an async stream come; a class for the same reason."""

    def __init__(self, stream: AsyncStream, see: Callable[[Event], Iterator[Any]], following: Following) -> None:
        self._stream = stream
        self._see = see
        self._following = following
        self._seen: deque[Any] = deque()
        self._at_end = False

    def __aiter__(self) -> _Followed:
        return self

    async def __anext__(self) -> Any:
        while not self._seen:
            if self._at_end:
                raise StopAsyncIteration
            try:
                event = await self._stream.__anext__()
            except StopAsyncIteration:
                self._at_end = True
                self._following.concluded(self._stream.response)
                raise
            self._seen.extend(self._see(event))
        return self._seen.popleft()
