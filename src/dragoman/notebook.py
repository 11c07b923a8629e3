"""
In a notebook: answers that are shown while they come, batches that show how they stand, tables of what was used.

Answers, conversations, reports and estimates show themselves (`types/shown`).  What is here changes what it has shown,
by the display handles of IPython; outside of a notebook the same functions write to the terminal.

Rule: IPython is never loaded here.  If the program runs in it, it is there already.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, overload

from dragoman.observe.logfile import By, Filter, LogFile, Totals
from dragoman.observe.place import default_path
from dragoman.types.events import TextDelta
from dragoman.types.shown import markdown, report_html, response_markdown, table_html

if TYPE_CHECKING:
    from dragoman.stream import AsyncStream, Stream
    from dragoman.types.batches import BatchReport
    from dragoman.types.responses import ChatResponse
    from dragoman.verbs.batch import AsyncBatch, Batch

_EVERY: Final = 0.1  # seconds between two pictures of an answer: a front end keeps up with that
_BATCH: Final = 0.5

Bundle = dict[str, str]


class _Screen(Protocol):
    """Where something is shown that changes."""

    def show(self, bundle: Bundle, new: str) -> None:
        """Show this instead; `new` is what a terminal has not seen of it."""
        ...

    def close(self) -> None:
        """It is over."""
        ...


class _Cell:
    """An output of a notebook's cell."""

    def __init__(self, publish: Callable[..., Any]) -> None:
        self._publish = publish
        self._name = f"dragoman-{os.urandom(8).hex()}"
        self._there = False

    def show(self, bundle: Bundle, new: str) -> None:
        self._publish(bundle, transient={"display_id": self._name}, update=self._there)
        self._there = True

    def close(self) -> None:
        pass


class _Terminal:
    """Standard output of a program that is no notebook."""

    def __init__(self) -> None:
        self._at_start = True

    def show(self, bundle: Bundle, new: str) -> None:
        sys.stdout.write(new)
        sys.stdout.flush()
        self._at_start = new.endswith("\n") if new else self._at_start

    def close(self) -> None:
        if not self._at_start:
            self.show({}, "\n")


def in_notebook() -> bool:
    """Whether this program runs in a Jupyter kernel."""
    return _publisher() is not None


def _publisher() -> Callable[..., Any] | None:
    """What publishes outputs, where a kernel runs that has any."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    publish: Callable[..., Any] = shell.display_pub.publish
    return publish


def _screen() -> _Screen:
    publish = _publisher()
    return _Terminal() if publish is None else _Cell(publish)


class _Shown:
    """The picture of an answer that comes."""

    def __init__(self) -> None:
        self._screen = _screen()
        self._text: list[str] = []
        self._waiting: list[str] = []
        self._at = 0.0
        self.whole: ChatResponse | None = None

    def see(self, event: Any) -> None:
        if type(event) is not TextDelta:
            return
        self._waiting.append(event.text)
        if time.monotonic() - self._at >= _EVERY:
            self._draw()

    def _draw(self) -> None:
        new = "".join(self._waiting)
        self._text.append(new)
        self._waiting.clear()
        text = "".join(self._text)
        self._screen.show({"text/markdown": markdown(text), "text/plain": text}, new)
        self._at = time.monotonic()

    def end(self) -> None:
        """Show what is left, and with a whole answer what it took."""
        self._draw()
        if self.whole is not None:
            bundle = {"text/markdown": response_markdown(self.whole), "text/plain": self.whole.text}
            self._screen.show(bundle, "")
        self._screen.close()


def display(stream: Stream) -> ChatResponse:
    """
    Show an answer while it comes, and return it.  What came stays when it breaks off or is interrupted.

    Raises:
        DragomanError: As the stream.
    """
    shown = _Shown()
    try:
        for event in stream:
            shown.see(event)
        shown.whole = stream.response
        return shown.whole
    finally:
        shown.end()
        stream.close()


async def display_async(stream: AsyncStream) -> ChatResponse:
    """As `display`, for a stream of the async face."""
    shown = _Shown()
    try:
        async for event in stream:
            shown.see(event)
        shown.whole = stream.response
        return shown.whole
    finally:
        shown.end()
        await stream.aclose()


class _Progress:
    """The picture of a batch that runs."""

    def __init__(self, report: Callable[[], BatchReport]) -> None:
        self._report = report
        self._screen = _screen()
        self._last = ""

    def draw(self) -> None:
        report = self._report()
        line = f"{report}\n"
        new = line if line != self._last else ""
        self._screen.show({"text/html": report_html(report), "text/plain": str(report)}, new)
        self._last = line


def run(batch: Batch) -> BatchReport:
    """
    Run a batch that was made with `start=False`, and show how it stands while it does.

    Raises:
        DragomanError: As `Batch.run`.
    """
    progress, done = _Progress(lambda: batch.report), threading.Event()

    def follow() -> None:
        while not done.wait(_BATCH):
            progress.draw()

    thread = threading.Thread(target=follow, name="dragoman-progress", daemon=True)
    thread.start()
    try:
        return batch.run()
    finally:
        done.set()
        thread.join()
        progress.draw()


async def run_async(batch: AsyncBatch) -> BatchReport:
    """As `run`, for a batch of the async face."""
    progress = _Progress(lambda: batch.report)

    async def follow() -> None:
        while True:
            await asyncio.sleep(_BATCH)
            progress.draw()

    task = asyncio.create_task(follow())
    try:
        return await batch.run()
    finally:
        task.cancel()
        progress.draw()


class UsageTable(Sequence[Totals]):
    """
    What calls come to together, group by group; it shows itself as a table.

    Attributes:
        by: What was added up.
    """

    def __init__(self, by: str, rows: Sequence[Totals]) -> None:
        self.by = by
        self._rows = tuple(rows)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Totals: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Totals, ...]: ...

    def __getitem__(self, at: int | slice) -> Totals | tuple[Totals, ...]:
        return self._rows[at]

    def __repr__(self) -> str:
        return f"<UsageTable of {len(self._rows)} by {self.by}>"

    def _repr_html_(self) -> str:
        heads = (self.by, "calls", "failed", "tokens in", "tokens out", "cost", "mean s")
        return table_html(heads, [_cells(one) for one in self._rows])


def usage(by: By = "model", *, since: float | None = None, path: str | Path | None = None) -> UsageTable:
    """
    Add up the calls that a log store has kept.

    Args:
        by: `model`, `provider`, `key`, `day`, `status` or `operation`.
        since: Seconds back from now; None for all.
        path: Of the store; by default the one of `dragoman logs`.

    Raises:
        ConfigError: There is no such group.
        StoreError: The file cannot be read.
    """
    file = LogFile(Path(path) if path is not None else default_path(os.environ))
    try:
        chosen = Filter(since=None if since is None else time.time() - since)
        return UsageTable(by, file.totals(by, chosen))
    finally:
        file.close()


def _cells(one: Totals) -> tuple[str, ...]:
    counts = ["" if count is None else f"{count:,}" for count in (one.input_tokens, one.output_tokens)]
    cost = "" if one.cost is None else f"${one.cost:.4f}"
    return (one.name or "-", f"{one.calls:,}", f"{one.failed:,}", *counts, cost, f"{one.seconds:.2f}")
