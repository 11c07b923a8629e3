"""
What a journal says of its batch: how it was begun, and how it stands.

Rule: read only.  A journal that another process is writing may be looked at.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from dragoman.batch.job import Told
from dragoman.batch.journal import Kind, is_locked, journal_of, read_records
from dragoman.batch.lines import read_line
from dragoman.batch.tally import Tally
from dragoman.errors import ManifestError
from dragoman.types.batches import BatchReport
from dragoman.types.batching import BatchTask, split_keywords


def sink_of(given: str | os.PathLike[str]) -> Path:
    """The output file, of which it or its journal was named."""
    path = Path(given)
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
    options, settings = split_keywords({**told.options, **told.settings, **keywords})
    return BatchTask(source=source, sink=output, options=options, settings=settings)


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
    tally, sent = Tally(), set[bytes]()
    for record in read_records(journal_of(sink_of(sink))):
        if record.kind == Kind.START:
            tally = _restarted(msgspec.json.decode(record.payload, type=Told), tally)
            sent.clear()
        elif record.kind == Kind.SENT:
            sent.add(record.key)
        else:
            sent.discard(record.key)
            tally.count(record.kind, read_line(record.payload))
    return tally.report(), len(sent)


def _restarted(told: Told, tally: Tally) -> Tally:
    tally.rows = told.rows
    return tally


def running(sink: str | os.PathLike[str]) -> int | None:
    """The process that runs the batch of an output file on this machine; None if none does."""
    journal = journal_of(sink_of(sink))
    return _told(journal).pid if is_locked(journal) else None
