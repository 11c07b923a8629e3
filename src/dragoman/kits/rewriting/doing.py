"""
From arguments to a document: read, journal, ask within a budget, write.

Rule: everything that can be wrong with the arguments is said before anything is paid.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from dragoman.client import AsyncClient
from dragoman.errors import BudgetError, ConfigError
from dragoman.kits.arguments import texts_of
from dragoman.kits.documents import format_of, read
from dragoman.kits.documents.base import Document
from dragoman.kits.rewriting.engine import Outcome, Progress, Run, total
from dragoman.kits.rewriting.estimate import estimated
from dragoman.kits.rewriting.files import check_output, text_of, write_whole
from dragoman.kits.rewriting.journal import Journal
from dragoman.kits.rewriting.task import Task
from dragoman.kits.rewriting.values import RewriteEstimate
from dragoman.policy.budget.budget import Budget


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """
    Where a document comes from and goes to.

    Attributes:
        source: A text, or the path of a file.
        output: Path of the file to write; None for none.
        job: Path of the journal; None for `OUT.job`, or none without an output.
        format: Of the document; None to see it by the name of the file, and Markdown for a text.
        encoding: Of the files.
        skip: Keys of JSON whose strings stay.
    """

    source: str | Path
    output: Path | None
    job: Path | None
    format: str | None
    encoding: str
    skip: tuple[str, ...]

    def document(self) -> tuple[str, Document]:
        """
        The source, read.

        Raises:
            ConfigError: It cannot be read, or the output could not be written.
        """
        if self.output is not None:
            check_output(self.source, self.output)
        text = text_of(self.source, self.encoding)
        form = self.format or (format_of(self.source) if isinstance(self.source, Path) else "markdown")
        return text, read(text, form, self.skip)

    @property
    def journal(self) -> Path | None:
        """Where the journal is."""
        if self.job is not None or self.output is None:
            return self.job
        return self.output.with_name(f"{self.output.name}.job")


def place(
    source: str | Path,
    output: str | Path | None,
    job: str | Path | None,
    format: str | None,
    encoding: str,
    skip: Sequence[str],
) -> Place:
    """A place, of arguments."""
    return Place(
        source=source if isinstance(source, str) else _path(source, "source"),
        output=None if output is None else _path(output, "output"),
        job=None if job is None else _path(job, "job"),
        format=format,
        encoding=encoding,
        skip=texts_of(skip, "skip", "keys"),
    )


def _path(value: object, field: str) -> Path:
    if not isinstance(value, str | Path):
        raise ConfigError(f"{field} is {type(value).__name__}: give a path", field=field)
    return Path(value)


def check_counts(**counts: object) -> None:
    """
    Look at numbers.

    Raises:
        ConfigError: One is no whole number of 1 or more.
    """
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"{name} is {value!r}: give a whole number, 1 or more", field=name)


async def rewritten(
    task: Task,
    where: Place,
    client: AsyncClient,
    *,
    max_cost: float | str | Decimal | None,
    progress: Progress | None,
    again: bool,
) -> Outcome:
    """
    Do it.

    Raises:
        BudgetError: `max_cost` is used up; what is paid is kept.
        DragomanError: A request failed for good, or a file cannot be written; what is paid is kept.
    """
    journal = Journal(where.journal, task.kit)
    try:
        run = Run(task, journal, progress, again=again)
        async with _within(client, max_cost, journal, run) as asking:
            outcome = await run.finish(asking)
        if where.output is not None:
            write_whole(where.output, outcome.text, where.encoding)
        return outcome
    finally:
        journal.close()


def facts_of(outcome: Outcome, where: Place, document: Document, model: str) -> dict[str, Any]:
    """What a `RewriteResult` says of what was done, whatever the kit."""
    return {
        "text": outcome.text,
        "findings": outcome.findings,
        "model": model,
        "usage": outcome.usage,
        "cost": outcome.cost,
        "requests": outcome.requests,
        "format": document.format,
        "segments": outcome.segments,
        "reused": outcome.reused,
        "output": str(where.output or ""),
    }


def estimated_beforehand(task: Task, where: Place, client: AsyncClient) -> RewriteEstimate:
    """What it will take; a journal that is there is read, and none is made."""
    there = where.journal if where.journal is not None and where.journal.exists() else None
    journal = Journal(there, task.kit)
    try:
        return estimated(task, Run(task, journal, None), client)
    finally:
        journal.close()


@asynccontextmanager
async def _within(
    client: AsyncClient, max_cost: float | str | Decimal | None, journal: Journal, run: Run
) -> AsyncGenerator[AsyncClient | None]:
    """The client, with a budget of what is left of `max_cost` in all runs together."""
    if max_cost is None or not run.groups:
        yield client
        return
    limit = Budget(usd=max_cost).limit
    left = limit - (total(journal.paid) or Decimal(0))
    if left <= 0:
        raise BudgetError(f"max_cost of ${limit} is used up by earlier runs: give more", field="max_cost")
    made = client._again(Budget(usd=left))  # pyright: ignore[reportPrivateUsage] - as a batch does
    async with made:
        yield made
