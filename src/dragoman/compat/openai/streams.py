"""
Streams of objects: iterators and context managers, as the openai library has them.

Leaving one, by `break`, `close`, an error or the last reference, closes the upstream at once.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

import msgspec

from dragoman.bridge.reply import Flow
from dragoman.compat.openai.errors import both
from dragoman.errors import DragomanError, StatusError
from dragoman.runtime import drive
from dragoman.wire import sse

T = TypeVar("T")

# After it a stream is over, and has said why.
_TOLD = frozenset({"response.failed", "response.incomplete"})


class Pieces:
    """
    Reads the objects of a stream.

    Args:
        flow: Its bytes.
        shape: Makes an object.
        stamp: Fields that say when it was made, for providers that do not.
    """

    def __init__(self, flow: Flow, shape: Callable[[dict[str, Any]], Any], stamp: dict[str, Any]) -> None:
        self.abandon = flow.abandon
        self._flow = flow
        self._shape = shape
        self._stamp = stamp
        self._decoder = sse.Decoder()
        self._ready: list[Any] = []
        self._last = ""
        self._ended = False

    async def next(self) -> Any:
        """
        Return the next object, or None at the end.

        Raises:
            OpenAIError: The stream broke, or its provider reported an error.
        """
        while not self._ready and not self._ended:
            try:
                piece = await self._flow.read()
            except StatusError as error:
                if self._last not in _TOLD:
                    raise both(error) from error.__cause__
                piece = b""
            except DragomanError as error:
                raise both(error) from error.__cause__
            self._take(piece)
        return self._ready.pop(0) if self._ready else None

    def _take(self, piece: bytes) -> None:
        self._ended = not piece
        for event in self._decoder.feed(piece):
            fields = msgspec.json.decode(event.data) if event.data.startswith("{") else None
            if fields is None or fields.get("error") or fields.get("type") == "error":
                continue  # the end mark, or an error that is raised next
            for within in (fields, cast("dict[str, Any]", fields.get("response") or {})):
                within.update({name: value for name, value in self._stamp.items() if within.get(name) == 0})
            self._last = fields.get("type") or ""
            self._ready.append(self._shape(fields))


class _Left:
    """What both faces share."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        # Not a method of self: the finalizer must not keep alive what it waits to see die.
        self._leave = weakref.finalize(self, pieces.abandon)
        self._leave.atexit = False
        self._left = False


class Stream(_Left, Generic[T]):
    """A stream on the blocking face."""

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        piece = None if self._left else drive(self._pieces.next())
        if piece is None:
            raise StopIteration
        return cast("T", piece)

    def close(self) -> None:
        """Leave it; the upstream is closed at once if it is still open.  Idempotent."""
        self._left = True
        self._leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncStream(_Left, Generic[T]):
    """A stream on the asynchronous face."""

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        piece = None if self._left else await self._pieces.next()
        if piece is None:
            raise StopAsyncIteration
        return cast("T", piece)

    async def close(self) -> None:
        """Leave it; the upstream is closed at once if it is still open.  Idempotent."""
        self._left = True
        self._leave()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
