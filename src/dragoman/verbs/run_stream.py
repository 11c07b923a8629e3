"""
A run with tools, as its reader sees it: a stream of the model's events and those of the tools.

Rule: the readers are those of an answer (`stream.py`); here is only what a run adds.  Leaving one stops its tools, too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from types import TracebackType
from typing import Any, Protocol, cast

from dragoman.policy.base import Opened
from dragoman.stream import AsyncStream, Stream
from dragoman.types.messages import Message
from dragoman.types.requests import OutputFormat
from dragoman.types.runs import RunEvent, RunResponse


class OpenedRun(Protocol):
    """A run that has begun; see `policy.base.Opened`."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """The history so far; every call in it has a result."""
        ...

    async def more(self) -> list[RunEvent]:
        """Return the next events; an empty list at the end."""
        ...

    def folded(self) -> RunResponse:
        """Return the run so far."""
        ...

    def abandon(self) -> None:
        """Stop it.  Idempotent, never waits, from any thread."""
        ...


class RunStream:
    """A run on the blocking face: an iterator of events, and a context manager."""

    def __init__(self, run: OpenedRun, form: OutputFormat | None = None) -> None:
        self._run = run
        self._stream = Stream(cast("Opened", run), form)

    def __iter__(self) -> Iterator[RunEvent]:
        return self

    def __next__(self) -> RunEvent:
        return next(self._stream)

    @property
    def text(self) -> Iterator[str]:
        """The text of all rounds, piece by piece."""
        return self._stream.text

    @property
    def messages(self) -> tuple[Message, ...]:
        """The history so far: every call in it has a result, also when the run was left or failed."""
        return self._run.messages

    @property
    def partial(self) -> RunResponse | None:
        """The run so far."""
        return cast("RunResponse | None", self._stream.partial)

    @property
    def response(self) -> RunResponse:
        """
        The last answer with all that was used, after the end.

        Raises:
            StreamInterrupted: The run has not been read to its end.
        """
        return cast("RunResponse", self._stream.response)

    @property
    def output(self) -> Any:
        """The typed value that was asked for by `output=`, after the end.  As `Stream.output`."""
        return self._stream.output

    def drain(self) -> RunResponse:
        """Read to the end and return the answer."""
        return cast("RunResponse", self._stream.drain())

    def close(self) -> None:
        """Leave the run: what runs is stopped.  Idempotent."""
        self._stream.close()

    def __enter__(self) -> RunStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncRunStream:
    """
    A run on the async face: an async iterator of events, and an async context manager.

    It is opened by `async with`, by the first event, or by awaiting it; before that nothing has been sent.
    """

    def __init__(self, opening: Callable[[], Awaitable[OpenedRun]], form: OutputFormat | None = None) -> None:
        self._run: OpenedRun | None = None
        self._opening = opening
        self._stream = AsyncStream(self._open, form)

    async def _open(self) -> Opened:
        self._run = await self._opening()
        return cast("Opened", self._run)

    async def _entered(self) -> AsyncRunStream:
        await self._stream
        return self

    def __await__(self) -> Generator[Any, None, AsyncRunStream]:
        return self._entered().__await__()

    def __aiter__(self) -> AsyncIterator[RunEvent]:
        return self

    async def __anext__(self) -> RunEvent:
        return await self._stream.__anext__()

    @property
    def text(self) -> AsyncIterator[str]:
        """The text of all rounds, piece by piece."""
        return self._stream.text

    @property
    def messages(self) -> tuple[Message, ...]:
        """The history so far, empty before the run was opened; every call in it has a result."""
        return self._run.messages if self._run is not None else ()

    @property
    def partial(self) -> RunResponse | None:
        """The run so far; None before it was opened."""
        return cast("RunResponse | None", self._stream.partial)

    @property
    def response(self) -> RunResponse:
        """The last answer with all that was used, after the end.  As `RunStream.response`."""
        return cast("RunResponse", self._stream.response)

    @property
    def output(self) -> Any:
        """The typed value that was asked for by `output=`, after the end.  As `Stream.output`."""
        return self._stream.output

    async def drain(self) -> RunResponse:
        """Read to the end and return the answer."""
        return cast("RunResponse", await self._stream.drain())

    async def aclose(self) -> None:
        """Leave the run: what runs is stopped.  Idempotent."""
        await self._stream.aclose()

    async def __aenter__(self) -> AsyncRunStream:
        return await self._entered()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stream.aclose()
