"""
One batch: its input, its journal, and the files that it makes.

    prepared    the input was looked through and the journal read; nothing was sent
    run         rows are asked until all are settled
    settled     the output files are written; the journal stays, so that the same batch again costs nothing

Rule: what the journal says is all that is known.  It names no place of the machine beside the input, relative to
itself, so both may be carried to another.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from dragoman.batch.columns import columns_of
from dragoman.batch.engine import Engine
from dragoman.batch.feed import closed, opened
from dragoman.batch.figures import size_of
from dragoman.batch.index import Index
from dragoman.batch.journal import NO_KEY, Journal, Kind, Record
from dragoman.batch.keeping import Keeping
from dragoman.batch.lines import cost_of, read_line
from dragoman.batch.merge import check_places, write_files
from dragoman.batch.outcomes import Outcomes
from dragoman.batch.prefix import by_prefix
from dragoman.batch.rows import Row, Rows
from dragoman.batch.service.logbook import Logbook
from dragoman.batch.sinks import check_sink
from dragoman.batch.source import Given, Source
from dragoman.batch.tally import Tally
from dragoman.batch.template import Template
from dragoman.batch.told import Told, journal_path, told
from dragoman.batch.twins import Twins
from dragoman.errors import ConfigError, SourceError
from dragoman.policy.budget.budget import Budget
from dragoman.types.batches import BatchReport
from dragoman.types.batching import BatchTask, Mode
from dragoman.types.placement import Placement
from dragoman.types.requests import OutputFormat, settings_from

if TYPE_CHECKING:
    from dragoman.batch.processes.spread import Spread
    from dragoman.batch.ray.afar import Afar
    from dragoman.batch.service.engine import Remote
    from dragoman.client import AsyncClient


class Job:
    """
    A batch of one client.

    Args:
        task: What is to be done.
        client: Makes the client that asks, which holds to one more budget if it is given one, and is of a kind, if
            it is given one.
        resolves: Raises `UnknownModelError` for a reference that leads nowhere.

    Attributes:
        tally: The sums so far.
        ended: Whether there is no more to come from this run.
        outcomes: What rows have come to.
    """

    def __init__(self, task: BatchTask, client: Callable[..., AsyncClient], resolves: Callable[[str], object]) -> None:
        self.tally = Tally()
        self.ended = False
        self.listeners: list[Callable[[], None]] = []
        self._task = task
        self._client = client
        options = task.options
        self._settings = settings_from(task.settings).values()
        self._form: OutputFormat | None = self._settings.get("output")
        if options.model is not None:
            resolves(options.model)
        self._sink = None if task.sink is None else Path(task.sink)
        self._source = Source(task.source)
        if self._sink is not None:
            check_sink(self._sink)
            check_places(self._sink, self._source.path)
        self._rows = Rows(
            model=options.model,
            settings=self._settings,
            template=None if options.template is None else Template(options.template),
            system=options.system,
            key=options.key,
            resolves=resolves,
            embed=options.verb == "embed",
            said={"dimensions": options.dimensions, "kind": options.kind},
            parse=options.verb == "parse",
        )
        self._twins = Twins() if options.dedupe else None
        self._engine: Engine | None = None
        self._book = Logbook()
        self._remote: Remote | None = None
        self._revoked = False
        self._index = Index()
        self._journal: Journal | None = None
        self._path = journal_path(self._sink, options.job)
        self._spent = Decimal(0)
        self._unwanted = False
        self.outcomes = Outcomes(self._index, self._opened, self._form)

    # --- before -------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """
        Look through the input, and read the journal.

        Raises:
            SourceError: A row that can be none; the message names line and field.
            ManifestError: The journal cannot be used.
        """
        try:
            if self._source.again:
                with closing(iter(self._source)) as rows:
                    self.tally.rows = sum(1 for _ in map(self._measured, rows))
            self._journal = Journal(self._path)
            for record in self._journal.records():
                _RECALL[record.kind](self, record)
        except BaseException:
            self.close()
            raise

    def _look(self, given: Given) -> None:
        name = self._rows.name(given)
        taken = self._index.claim(name, given.number)
        if taken is not None:
            raise SourceError(
                f"{given.place}: the id {name!r} is that of {self._source.place(taken)}, too", field="custom_id"
            )

    def _measured(self, given: Given) -> None:
        self._look(given)
        self.tally.projection.total += size_of(given.value, given.line)

    def _settled(self, record: Record) -> None:
        line = read_line(record.payload)
        self._spent += cost_of(line) or 0
        if self._twins is not None and isinstance(line.asked, str):
            self._twins.keep(bytes.fromhex(line.asked), record.at)
        if record.kind == Kind.FAILED and self._task.options.retry_failed:
            self._index.forget(record.key)
        else:
            self._index.settle(record.key, record.at, failed=record.kind == Kind.FAILED)

    def _sent(self, record: Record) -> None:
        self._index.send(record.key)

    def _ignored(self, record: Record) -> None:
        """Nothing of a run before matters but its rows."""

    @property
    def rereadable(self) -> bool:
        """Whether the input can be read more than once."""
        return self._source.again

    def spread(self, step: int) -> Iterator[Row | None]:
        """Every so many-th row, or None for one that is settled."""
        with closing(iter(self._source)) as rows:
            for given in rows:
                if given.number % step == 0:
                    row = self._rows.row(given)
                    yield None if self._index.settled(row.key) else row

    # --- while --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """
        Ask all rows that are not settled, and write the files.

        Raises:
            DragomanError: What stopped it; everything until then is kept.
        """
        if self.ended:
            return
        journal, options = self._opened(), self._task.options
        begun, given = time.monotonic(), opened(self._source)
        self.tally.begin()
        try:
            journal.append(Kind.START, 0, NO_KEY, msgspec.json.encode(self._told()))
            if options.order == "prefix":
                given = await by_prefix(self._source, self._rows, lambda: self._unwanted)
            async with self._asking() as client:
                keeping = self._keeping()
                await self._hand_in(client, keeping)
                if self._remote is None or self._remote.left:
                    self._engine = Engine(
                        given if self._remote is None else self._unsettled(given),
                        self._rows,
                        keeping,
                        window=options.window
                        if self.tally.rows is None
                        else min(options.window, max(1, self.tally.rows)),
                        outage=options.outage,
                        look=None if self._source.again else self._look,
                    )
                    if self._unwanted:
                        self._engine.stop(None)
                    await self._engine.run(client)
            journal.sync()
            await self._finish()
        finally:
            self.tally.note(last=True)
            self.tally.seconds = time.monotonic() - begun
            await closed(given)
            if self._remote is not None:
                self._remote.close()
            self.ended = True
            journal.unlock()
            self._changed()

    def _asking(self) -> AsyncClient:
        placement = self._task.options.placement
        if placement is None:
            return self._client(self._budget())
        made = self._elsewhere(placement)
        self.tally.notes = made.notes
        return made

    def _elsewhere(self, placement: Placement) -> Afar | Spread:
        if placement.engine == "ray":
            from dragoman.batch.ray.afar import afar  # who asks from this process need not load this

            return afar(self._client, self._budget(), placement)
        from dragoman.batch.processes.spread import spread

        most = self._task.options.window if self.tally.rows is None else min(self._task.options.window, self.tally.rows)
        return spread(self._client, self._budget(), placement, most)

    def _keeping(self) -> Keeping:
        return Keeping(
            self._opened(),
            self._index,
            self.tally,
            ordered=self._task.options.order is not None,
            changed=self._changed,
            twins=self._twins,
        )

    async def _hand_in(self, client: AsyncClient, keeping: Keeping) -> None:
        """Have rows asked by providers' batch APIs, where the mode says so."""
        options = self._task.options
        if options.mode == "live" and not self._book.open:
            return
        if not self._source.again:
            raise ConfigError(
                f"mode={options.mode!r} needs a source that can be read twice: a file, or a list", field="source"
            )
        from dragoman.batch.service.engine import Remote  # who asks live need not load this

        with closing(iter(self._source)) as given:
            self._remote = Remote(given, self._rows, keeping, self._book, options, client)
            self._remote.revoked = self._revoked
            self.tally.waiting, self.tally.notes = self._remote.waiting, self._remote.notes
            if self._unwanted:
                self._remote.stop(None)
            await self._remote.run()

    def _unsettled(self, given: Any) -> Iterator[Given]:
        """The rows that providers' batches have left."""
        return (one for one in given if not self._index.settled(self._rows.row(one).key))

    @property
    def mode(self) -> Mode:
        """As it was told."""
        return self._task.options.mode

    @property
    def away(self) -> bool:
        """Whether something of it is at a provider."""
        return bool(self._book.open)

    def revoke(self) -> None:
        """What is at a provider is to be cancelled there when it stops; from any thread."""
        self._revoked = True
        if self._remote is not None:
            self._remote.revoked = True

    def _recall_book(self, record: Record) -> None:
        self._book.recall(record)

    def stop(self, grace: float | None) -> None:
        """Take no more rows, and leave those under way so many seconds; in the thread of the loop."""
        self._unwanted = True  # for an engine that is not there yet
        if self._remote is not None and not self.ended:
            self._remote.stop(grace)
        if self._engine is not None and not self.ended:
            self._engine.stop(grace)

    def drop(self) -> None:
        """It shall not run at all."""
        self.tally.stopped, self.ended = "cancelled", True
        self._opened().unlock()

    async def _finish(self) -> None:
        import asyncio  # the engine has it already

        if not self._whole:
            self.tally.stopped = "cancelled" if not self.away else "it goes on at the provider: run it again to collect"
            return
        self.tally.rows = self.tally.done + self.tally.failed
        if self._sink is not None:
            columns = columns_of(self._form, embed=self._rows.vectors, chat=self._rows.words)
            await asyncio.to_thread(write_files, self._sink, self.outcomes.records(), self.tally.failed, columns)

    @property
    def _whole(self) -> bool:
        """Whether the input was read to its end, and everything that it gave is settled."""
        if self._remote is not None and not self._remote.whole:
            return False
        return self._engine is None or self._engine.whole

    def _budget(self) -> Budget | None:
        dollars = self._task.options.dollars
        return None if dollars is None else Budget(max(Decimal(0), dollars - self._spent), name="max_cost")

    def _told(self) -> Told:
        rows, source = self.tally.rows, self._source.path
        return told(self._task, self._settings, source=source, rows=rows, journal=self._path)

    def _changed(self) -> None:
        for listener in self.listeners:
            listener()

    def _opened(self) -> Journal:
        if self._journal is None:
            raise ConfigError("the batch is not prepared", field="batch")
        return self._journal

    # --- after --------------------------------------------------------------------------------------------------------

    def report(self) -> BatchReport:
        """How it stands."""
        return self.tally.report()

    def close(self) -> None:
        """Let everything go.  Idempotent."""
        self._index.close()
        if self._twins is not None:
            self._twins.close()
        if self._journal is not None:
            self._journal.close()


_RECALL: dict[Kind, Callable[[Job, Record], None]] = {
    Kind.START: Job._ignored,  # pyright: ignore[reportPrivateUsage] - its own table
    Kind.SENT: Job._sent,  # pyright: ignore[reportPrivateUsage]
    Kind.DONE: Job._settled,  # pyright: ignore[reportPrivateUsage]
    Kind.FAILED: Job._settled,  # pyright: ignore[reportPrivateUsage]
    Kind.MARK: Job._ignored,  # pyright: ignore[reportPrivateUsage]
    Kind.INTENT: Job._recall_book,  # pyright: ignore[reportPrivateUsage]
    Kind.SUBMITTED: Job._recall_book,  # pyright: ignore[reportPrivateUsage]
    Kind.ENDED: Job._recall_book,  # pyright: ignore[reportPrivateUsage]
    Kind.CLOSED: Job._recall_book,  # pyright: ignore[reportPrivateUsage]
}
