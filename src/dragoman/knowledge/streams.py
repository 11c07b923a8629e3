"""
An answer while it is written.

Its text comes as the model writes it, and is held to the documents when it is whole; only then there is an `answer`.
If a citation did not hold, the answer that was asked for again is not what was shown before: `revised` says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any

from dragoman.errors import StreamInterrupted
from dragoman.knowledge.asking import Asked, Asking, nothing
from dragoman.knowledge.checking import Reply
from dragoman.knowledge.values import Answer, Hit
from dragoman.runtime import drive
from dragoman.stream import AsyncStream, Stream


class _Following:
    """What both faces share."""

    def __init__(self) -> None:
        self._shown = ""
        self._answer: Answer | None = None

    @property
    def answer(self) -> Answer:
        """
        The answer, held to the documents; after the end.

        Raises:
            StreamInterrupted: The stream has not been read to its end.
        """
        if self._answer is None:
            raise StreamInterrupted("the answer was not read to its end: iterate it first, or call drain()")
        return self._answer

    @property
    def revised(self) -> bool:
        """Whether the text of the answer is another than the one that was streamed."""
        return self.answer.text.strip() != self._shown.strip()

    def _more(self, partial: Any) -> str:
        """What has come since the last time."""
        whole: str = getattr(partial, "answer", None) or ""
        more = whole[len(self._shown) :]
        self._shown += more
        return more


class AnswerStream(_Following):
    """
    An answer on the blocking face: an iterator of pieces of its text, and a context manager.

    Attributes:
        question: As it was looked for.
        passages: What the model is shown.
    """

    def __init__(self, asking: Asking, asked: Asked, opening: Callable[[], Stream]) -> None:
        super().__init__()
        self._asking = asking
        self._asked = asked
        self._stream = opening() if asked.passages else None
        self._pieces = self._read()
        self.question = asked.question
        self.passages: tuple[Hit, ...] = asked.passages

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    def drain(self) -> Answer:
        """Read to the end and return the answer."""
        for _ in self:
            pass
        return self.answer

    def close(self) -> None:
        """Leave it; the upstream is closed at once if it is still open.  Idempotent."""
        if self._stream is not None:
            self._stream.close()
        self._pieces = iter(())

    def __enter__(self) -> AnswerStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> Iterator[str]:
        if self._stream is None:
            self._answer = nothing(self._asked)
            self._shown = self._answer.text
            yield self._shown
            return
        for partial in self._stream.partials:
            if more := self._more(partial):
                yield more
        reply: Reply = self._stream.output
        self._answer = drive(self._asking.conclude(self._asked, self._stream.response, reply))


class AsyncAnswerStream(_Following):
    """
    An answer on the asynchronous face: an async iterator, and an async context manager; as `AnswerStream`.

    Nothing is looked for or sent before it is entered or first read.
    """

    def __init__(
        self, asking: Asking, preparing: Callable[[], Awaitable[Asked]], opening: Callable[[Asked], AsyncStream]
    ) -> None:
        super().__init__()
        self._asking = asking
        self._preparing = preparing
        self._opening = opening
        self._asked: Asked | None = None
        self._stream: AsyncStream | None = None
        self._partials: AsyncIterator[Any] | None = None
        self._left = False

    @property
    def question(self) -> str:
        """As it was looked for; empty before the stream is entered or read."""
        return self._asked.question if self._asked is not None else ""

    @property
    def passages(self) -> tuple[Hit, ...]:
        """What the model is shown; empty before."""
        return self._asked.passages if self._asked is not None else ()

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        if self._answer is not None or self._left:
            raise StopAsyncIteration
        asked = await self._begun()
        if self._stream is None or self._partials is None:
            self._answer = nothing(asked)
            self._shown = self._answer.text
            return self._shown
        async for partial in self._partials:
            if more := self._more(partial):
                return more
        reply: Reply = self._stream.output
        self._answer = await self._asking.conclude(asked, self._stream.response, reply)
        raise StopAsyncIteration

    async def drain(self) -> Answer:
        """Read to the end and return the answer."""
        async for _ in self:
            pass
        return self.answer

    async def aclose(self) -> None:
        """Leave it; the upstream is closed at once if it is still open.  Idempotent."""
        self._left = True
        if self._stream is not None:
            await self._stream.aclose()

    async def __aenter__(self) -> AsyncAnswerStream:
        await self._begun()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _begun(self) -> Asked:
        if self._asked is None:
            self._asked = await self._preparing()
            if self._asked.passages:
                self._stream = self._opening(self._asked)
                self._partials = self._stream.partials
        return self._asked
