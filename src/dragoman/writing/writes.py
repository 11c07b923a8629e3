"""What `verbs/write.py` asks for: a text to its end, or one to be read."""

from __future__ import annotations

from dragoman.errors import DragomanError
from dragoman.policy.base import Opened
from dragoman.types.events import Event
from dragoman.types.fold import unfold
from dragoman.types.responses import ChatResponse
from dragoman.types.writing import check_writable
from dragoman.verbs.write import WriteCall
from dragoman.writing.checkpoint import Checkpoint, DoneRecord, OutlineRecord, digests
from dragoman.writing.draft import Draft, RoundRecord, TextRecord
from dragoman.writing.keeper import Keeper
from dragoman.writing.report import Report
from dragoman.writing.writer import Clock, Writing


async def finished(call: WriteCall) -> ChatResponse:
    """Write to the end; see `Client.write`."""
    text = await opened(call)
    while await text.more():
        pass
    return text.folded()


async def opened(call: WriteCall) -> Opened:
    """Begin to write, and return when the first content is there; see `Client.write_stream`."""
    check_writable(call.request)
    checkpoint = None
    if call.options.checkpoint is not None:
        path, asked = call.options.checkpoint, digests(call.request, call.options)
        checkpoint = await call.runtime.run_blocking(lambda: Checkpoint(path, asked), None)
        done = next((line for line in checkpoint.lines if isinstance(line, DoneRecord)), None)
        if done is not None:
            checkpoint.close()
            return _Known(done.answer)
    kept = Kept(_text(call, checkpoint), checkpoint, Keeper(checkpoint, call.runtime))
    await kept.open()
    return kept


def _text(call: WriteCall, checkpoint: Checkpoint | None) -> Writing | Report:
    now = call.runtime.now
    clock = Clock(now, call.total, None if call.total is None else now() + call.total)
    lines = checkpoint.lines if checkpoint is not None else []
    if call.options.outline:
        plan = next((line.outline for line in lines if isinstance(line, OutlineRecord)), None)
        return Report(call, clock, checkpoint, plan)
    draft = Draft()
    draft.resume([line for line in lines if isinstance(line, TextRecord | RoundRecord)])
    keeper = Keeper(checkpoint, call.runtime)
    return Writing(call, call.request, call.options, draft, clock=clock, keeper=keeper)


class Kept:
    """
    A text whose checkpoint is closed with it, and marked as done when it is at its end.

    Attributes:
        response: None: it is always read as a stream.
    """

    def __init__(self, text: Writing | Report, checkpoint: Checkpoint | None, keeper: Keeper) -> None:
        self.response: ChatResponse | None = None
        self._text = text
        self._checkpoint = checkpoint
        self._keeper = keeper
        self._done = False

    async def open(self) -> None:
        """Begin."""
        try:
            await self._text.open()
        except BaseException:
            self._close()
            raise

    async def more(self) -> list[Event]:
        """Return the next events; an empty list when the text is at its end, and the checkpoint says so."""
        try:
            events = await self._text.more()
            if not events and self._text.response is not None and not self._done:
                self._done = True
                await self._keeper.write(DoneRecord(self._text.response))
        except DragomanError as error:
            self._close()
            error.partial = error.partial or self._text.response
            raise
        except BaseException:
            self.abandon()
            raise
        if not events:
            self._close()
        return events

    def folded(self) -> ChatResponse:
        """Return the text so far."""
        return self._text.folded()

    def abandon(self) -> None:
        """Stop.  Idempotent, from any thread."""
        self._text.abandon()
        self._close()

    def _close(self) -> None:
        if self._checkpoint is not None:
            self._checkpoint.close()


class _Known:
    """A text that was finished by an earlier run of the same call."""

    def __init__(self, answer: ChatResponse) -> None:
        self.response: ChatResponse | None = None
        self._answer = answer
        self._events: list[Event] = unfold(answer)

    async def more(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def folded(self) -> ChatResponse:
        return self._answer

    def abandon(self) -> None:
        """Nothing is open."""
