"""
`batch` and `resume_batch` as the two clients have them, and what they return.

The work is a capability and lives above the clients (`dragoman.batch`), so it is loaded by its name, when a client
first runs a batch.

Rule: here stand signatures and words.  On either face a batch asks by an `AsyncClient` made like this client, so every
policy holds for each row, and limits, budgets and caches are shared.
"""

from __future__ import annotations

import weakref
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, Unpack, cast

from dragoman.errors import ConfigError
from dragoman.types.batches import BatchEstimate, BatchReport, BatchRow
from dragoman.types.batching import BatchDict, BatchTask, PathLike, check_path, split_keywords
from dragoman.types.requests import Settings, settings_of
from dragoman.verbs.parts import Parts

if TYPE_CHECKING:
    from dragoman.client import AsyncClient
    from dragoman.policy.budget.budget import Budget


class _Blocking(Protocol):
    """What the capability gives the blocking face."""

    def report(self) -> BatchReport: ...

    def estimate(self) -> BatchEstimate: ...

    def run(self) -> None: ...

    def rows(self, owner: object) -> Iterator[BatchRow]: ...

    def lines(self, owner: object) -> Generator[bytes, None, None]: ...

    def close(self) -> None: ...

    def cancel(self) -> None: ...


class _Async(Protocol):
    """What it gives the async face."""

    def report(self) -> BatchReport: ...

    def estimate(self) -> BatchEstimate: ...

    async def run(self) -> None: ...

    def rows(self, owner: object) -> AsyncIterator[BatchRow]: ...

    def lines(self, owner: object) -> AsyncIterator[bytes]: ...

    def close(self) -> None: ...

    def cancel(self) -> None: ...


class _Batches(Protocol):
    """The capability."""

    def blocking_run(self, task: BatchTask, client: Callable[..., AsyncClient], routes: object) -> _Blocking: ...

    def async_run(self, task: BatchTask, client: Callable[..., AsyncClient], routes: object) -> Awaitable[_Async]: ...

    def recalled(self, sink: PathLike, source: object, keywords: Mapping[str, Any]) -> BatchTask: ...


def _batches(module: str = "faces") -> _Batches:
    return cast("_Batches", import_module(f"dragoman.batch.{module}"))


class Batch:
    """
    A batch on the blocking face.

    >>> from dragoman import Client
    >>> batch = Client().batch(["one", "two"], model="sim/echo")
    >>> [row.text for row in batch.results()]
    ['one', 'two']
    """

    def __init__(self, run: _Blocking) -> None:
        self._run = run
        weakref.finalize(self, run.close)

    @property
    def estimate(self) -> BatchEstimate:
        """
        What is still to be done will take, estimated without asking anybody.

        Raises:
            ConfigError: The source can be read only once.
        """
        return self._run.estimate()

    @property
    def report(self) -> BatchReport:
        """How it stands now; never waits."""
        return self._run.report()

    def run(self) -> BatchReport:
        """Run to the end, and report.  Errors as `Client.batch`."""
        self._run.run()
        return self._run.report()

    def results(self) -> Iterator[BatchRow]:
        """
        Give each row's outcome, in the order of the batch, as soon as it is there; may be called again.

        A batch that does not run yet is started, and one whose results are left (by `break`) is stopped.
        """
        return self._run.rows(self)

    def lines(self) -> Generator[bytes, None, None]:
        """
        Give each row's outcome as a line of the output file, or of the errors file, as soon as it is there.

        As `results`, for who passes them on.
        """
        return self._run.lines(self)

    def cancel(self) -> None:
        """Stop: take no more rows, and leave those under way ten seconds.  Idempotent, from any thread."""
        self._run.cancel()

    def __iter__(self) -> Iterator[BatchRow]:
        return self.results()


class AsyncBatch:
    """A batch on the async face; as `Batch`."""

    def __init__(self, run: _Async) -> None:
        self._run = run
        weakref.finalize(self, run.close)

    @property
    def estimate(self) -> BatchEstimate:
        """What is still to be done will take.  As `Batch.estimate`."""
        return self._run.estimate()

    @property
    def report(self) -> BatchReport:
        """How it stands now; never waits."""
        return self._run.report()

    async def run(self) -> BatchReport:
        """Run to the end, and report.  Errors as `Client.batch`."""
        await self._run.run()
        return self._run.report()

    def results(self) -> AsyncIterator[BatchRow]:
        """Give each row's outcome as soon as it is there.  As `Batch.results`."""
        return self._run.rows(self)

    def lines(self) -> AsyncIterator[bytes]:
        """Give each row's outcome as a line of the files.  As `Batch.lines`."""
        return self._run.lines(self)

    def cancel(self) -> None:
        """Stop: take no more rows, and leave those under way ten seconds.  Idempotent, in the loop's thread."""
        self._run.cancel()

    def __aiter__(self) -> AsyncIterator[BatchRow]:
        return self.results()


class _Making(Parts):
    """What both faces have for it."""

    def _asking(self, budget: Budget | None, kind: Callable[..., AsyncClient] | None = None) -> AsyncClient:
        return self._again(budget, kind)

    def _task(
        self, source: object, sink: PathLike | None, settings: Settings | None, keywords: Mapping[str, Any]
    ) -> BatchTask:
        if self._closed:
            raise ConfigError("the client is closed: make a new one", field="client")
        if sink is not None:
            check_path(sink, "sink")
        options, rest = split_keywords(keywords)
        said = {**settings_of(settings).values(), **{k: v for k, v in rest.items() if v is not None}}
        return BatchTask(source=source, sink=sink, options=options, settings=said)


class BlockingBatches(_Making):
    """Batches of `Client`."""

    def batch(
        self,
        source: PathLike | Iterable[Any] | AsyncIterable[Any],
        sink: PathLike | None = None,
        *,
        start: bool = True,
        settings: Settings | None = None,
        **keywords: Unpack[BatchDict],
    ) -> Batch:
        """
        Ask every row of a source, and keep each answer so that nothing is paid twice.

        The journal is `SINK.job`.  The same call again goes on where the last one ended, whatever ended it; rows that
        have changed are asked, others are not.  When all rows are settled the answers are in `sink`, in OpenAI's form,
        and those that failed in the same name with `.jsonl` made `.errors.jsonl`.

        Args:
            source: Path of a `.jsonl` (OpenAI's batch lines, or objects with `prompt`, `messages` or `input`), `.csv`,
                `.tsv` or `.parquet` file; or an iterable, or async iterable, of texts, objects, lists of messages, or
                `ChatRequest`s.
            sink: Path of the output, whose suffix says its form, as for the source; None to have the results only from
                `.results()`.
            start: Run now and return when all is done; False to look at `.estimate` first, and then `.run()` or read
                `.results()`.
            settings: Reusable settings; the keywords win, and what a row says itself wins over both.
            **keywords: `model`, `template`, `system`, `key`, `order`, `window`, `max_cost`, `retry_failed`, `engine`
                and more as `BatchOptions` describes them; and all settings.

        Raises:
            ConfigError: The call is wrong; nothing was sent.
            SourceError: The input cannot be read; a file or list is looked through before anything is sent.
            ManifestError: The journal is another's, damaged, or in use.
            BudgetError: `max_cost`, or a budget of the client, is used up.
            BatchError: The journal cannot be written: no room.
            AuthenticationError: Or another error that is the account's, not a row's.
        """
        task = self._task(source, sink, settings, keywords)
        return self._made(task, start=start)

    def resume_batch(
        self,
        sink: PathLike,
        source: PathLike | Iterable[Any] | AsyncIterable[Any] | None = None,
        *,
        start: bool = True,
        settings: Settings | None = None,
        **keywords: Unpack[BatchDict],
    ) -> Batch:
        """
        Go on with the batch of an output file, as its journal says it was begun.

        Args:
            sink: The output that was given, or its journal.
            source: The input, if it was no file or is elsewhere now.
            start: As `batch`.
            settings: As `batch`; over what the journal says.
            **keywords: As `batch`; over what the journal says.

        Raises:
            ManifestError: There is no journal, or it cannot say all that is needed (`.field` says what is missing).
            DragomanError: As `batch`.
        """
        task = self._task(source, sink, settings, keywords)
        return self._made(_batches("recall").recalled(sink, source, {**task.settings, **dict(keywords)}), start=start)

    def _made(self, task: BatchTask, *, start: bool) -> Batch:
        made = Batch(_batches().blocking_run(task, self._asking, self._plain.routes))
        if start:
            made.run()
        return made


class AsyncBatches(_Making):
    """Batches of `AsyncClient`.  Arguments, results and errors are those of `Client`."""

    async def batch(
        self,
        source: PathLike | Iterable[Any] | AsyncIterable[Any],
        sink: PathLike | None = None,
        *,
        start: bool = True,
        settings: Settings | None = None,
        **keywords: Unpack[BatchDict],
    ) -> AsyncBatch:
        """Ask every row of a source, and keep each answer.  Arguments and errors as `Client.batch`."""
        return await self._made(self._task(source, sink, settings, keywords), start=start)

    async def resume_batch(
        self,
        sink: PathLike,
        source: PathLike | Iterable[Any] | AsyncIterable[Any] | None = None,
        *,
        start: bool = True,
        settings: Settings | None = None,
        **keywords: Unpack[BatchDict],
    ) -> AsyncBatch:
        """Go on with the batch of an output file.  Arguments and errors as `Client.resume_batch`."""
        task = self._task(source, sink, settings, keywords)
        recalled = _batches("recall").recalled(sink, source, {**task.settings, **dict(keywords)})
        return await self._made(recalled, start=start)

    async def _made(self, task: BatchTask, *, start: bool) -> AsyncBatch:
        made = AsyncBatch(await _batches().async_run(task, self._asking, self._plain.routes))
        if start:
            await made.run()
        return made
