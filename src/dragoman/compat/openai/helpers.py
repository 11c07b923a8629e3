"""`with client.chat.completions.stream(...) as stream`, and the same for `responses`: the faces of `snapshots`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any

from dragoman.compat.openai.streams import AsyncStream, Pieces, Stream


class HelperStream:
    """
    A stream of the helper's events.

    Attributes:
        current_completion_snapshot: What there is so far.
    """

    def __init__(self, pieces: Pieces, snapshot: Any) -> None:
        self._stream: Stream[Any] = Stream(pieces)
        self._snapshot = snapshot
        self._ready: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        while not self._ready:
            self._ready = self._snapshot.add(next(self._stream))
        return self._ready.pop(0)

    @property
    def current_completion_snapshot(self) -> Any:
        return self._snapshot.completion()

    def until_done(self) -> HelperStream:
        """Read to the end."""
        for _ in self:
            pass
        return self

    def get_final_completion(self) -> Any:
        """Read to the end and return the whole, with its parsed values."""
        return self.until_done()._snapshot.final()

    get_final_response = get_final_completion

    def close(self) -> None:
        """Leave it; the upstream is closed at once."""
        self._stream.close()


class Manager:
    """Opens the stream when it is entered."""

    def __init__(self, opening: Callable[[], HelperStream]) -> None:
        self._opening = opening
        self._stream: HelperStream | None = None

    def __enter__(self) -> HelperStream:
        self._stream = self._opening()
        return self._stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()


class AsyncHelperStream:
    """The same on the asynchronous face."""

    def __init__(self, pieces: Pieces, snapshot: Any) -> None:
        self._stream: AsyncStream[Any] = AsyncStream(pieces)
        self._snapshot = snapshot
        self._ready: list[Any] = []

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        while not self._ready:
            self._ready = self._snapshot.add(await anext(self._stream))
        return self._ready.pop(0)

    @property
    def current_completion_snapshot(self) -> Any:
        return self._snapshot.completion()

    async def until_done(self) -> AsyncHelperStream:
        """Read to the end."""
        async for _ in self:
            pass
        return self

    async def get_final_completion(self) -> Any:
        """Read to the end and return the whole, with its parsed values."""
        return (await self.until_done())._snapshot.final()

    get_final_response = get_final_completion

    async def close(self) -> None:
        """Leave it; the upstream is closed at once."""
        await self._stream.close()


class AsyncManager:
    """Opens the stream when it is entered."""

    def __init__(self, opening: Callable[[], Awaitable[AsyncHelperStream]]) -> None:
        self._opening = opening
        self._stream: AsyncHelperStream | None = None

    async def __aenter__(self) -> AsyncHelperStream:
        self._stream = await self._opening()
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            await self._stream.close()
