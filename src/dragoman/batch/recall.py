"""
What a journal says of its batch: how it was begun, and how it stands.

Rule: read only.  A journal that another process is writing may be looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from dragoman.batch.figures import Mark, Timeline
from dragoman.batch.journal import Kind, Record, is_locked, journal_of, read_records
from dragoman.batch.lines import read_line
from dragoman.batch.service.logbook import Logbook
from dragoman.batch.tally import Tally
from dragoman.batch.told import Told
from dragoman.errors import ManifestError
from dragoman.types.batches import BatchReport
from dragoman.types.batching import BatchTask, check_path, split_keywords


def sink_of(given: str | os.PathLike[str]) -> Path:
    """The output file, of which it or its journal was named."""
    path = Path(check_path(given, "sink"))
    return path.with_suffix("") if path.suffix == ".job" else path


def recalled(sink: str | os.PathLike[str], source: object, keywords: Mapping[str, Any]) -> BatchTask:
    """
    The task of a journal.

    Args:
        sink: The output, or the journal.
        source: The input, or None for the one that the journal names.
        keywords: What wins over the journal.

    Raises:
        ManifestError: There is none, or it cannot say all.
    """
    output = sink_of(sink)
    journal = journal_of(output)
    told = _told(journal)
    missing = [name for name in told.unsaid if name not in keywords]
    if missing:
        raise ManifestError(
            f"{journal} cannot carry {', '.join(missing)}, which the batch was begun with: give it again",
            field=missing[0],
        )
    if source is None:
        if told.source is None:
            raise ManifestError(f"{journal}: the batch's input was no file: give source=", field="source")
        source = output.parent / told.source
    where = {"job": journal} if told.bare else {}
    options, settings = split_keywords({**told.options, **told.settings, **where, **keywords})
    return BatchTask(source=source, sink=None if told.bare else output, options=options, settings=settings)


def _told(journal: Path) -> Told:
    last: bytes | None = None
    for record in read_records(journal):
        if record.kind == Kind.START:
            last = record.payload
    if last is None:
        raise ManifestError(f"{journal} says nothing of a batch: run it with its input", field="sink")
    return msgspec.json.decode(last, type=Told)


def standing(sink: str | os.PathLike[str]) -> tuple[BatchReport, int]:
    """
    How the batch of an output file stands, and how many rows are under way or were lost by a kill.

    Raises:
        ManifestError: There is no journal, or it is damaged.
    """
    stood = _Stood()
    for record in read_records(journal_of(sink_of(sink))):
        read = _READ.get(record.kind)
        if read is not None:
            read(stood, record)
    return stood.report(), len(stood.sent)


class _Stood:
    """How it stands, as it is read."""

    def __init__(self) -> None:
        self.sent: set[bytes] = set()
        self._tally = Tally()
        self._failed: dict[bytes, str] = {}
        self._timeline = Timeline()
        self._mark: Mark | None = None

    def start(self, record: Record) -> None:
        """A run began."""
        told = msgspec.json.decode(record.payload, type=Told)
        self._tally.rows = told.rows
        self.sent.clear()
        self._timeline, self._mark = Timeline(), None

    def send(self, record: Record) -> None:
        """A row was sent."""
        self.sent.add(record.key)

    def settle(self, record: Record) -> None:
        """A row has its outcome; one that had failed was tried again."""
        self.sent.discard(record.key)
        before = self._failed.pop(record.key, None)
        if before is not None:
            self._tally.uncount(before)
        line = read_line(record.payload)
        if record.kind == Kind.FAILED:
            self._failed[record.key] = line.error.kind if line.error else "unknown"
        self._tally.count(record.kind, line)

    def mark(self, record: Record) -> None:
        """The run said how it stood."""
        self._mark = msgspec.json.decode(record.payload, type=Mark)
        self._timeline.add(self._mark.point)

    def report(self) -> BatchReport:
        """What was read."""
        report, mark = self._tally.report(), self._mark
        if mark is None:
            return report
        return msgspec.structs.replace(
            report,
            seconds=mark.point.seconds,
            rows_per_second=mark.rows_per_second,
            tokens_per_minute=mark.tokens_per_minute,
            tokens_limit=mark.tokens_limit,
            eta_seconds=mark.eta_seconds if report.left else 0.0,
            projected=(mark.projected or report.projected) if report.left else report.projected,
            waiting=mark.waiting,
            timeline=self._timeline.points(),
        )


_READ: dict[Kind, Callable[[_Stood, Record], None]] = {
    Kind.START: _Stood.start,
    Kind.SENT: _Stood.send,
    Kind.DONE: _Stood.settle,
    Kind.FAILED: _Stood.settle,
    Kind.MARK: _Stood.mark,
}


def away(sink: str | os.PathLike[str]) -> int:
    """How many batches of an output file's batch are at providers."""
    book = Logbook()
    for record in read_records(journal_of(sink_of(sink))):
        if record.kind >= Kind.INTENT:
            book.recall(record)
    return len(book.open)


def running(sink: str | os.PathLike[str]) -> int | None:
    """The process that runs the batch of an output file on this machine; None if none does."""
    journal = journal_of(sink_of(sink))
    return _told(journal).pid if is_locked(journal) else None
