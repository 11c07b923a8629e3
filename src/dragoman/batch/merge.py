"""
The output files, made of the journal.

Rule: a file is whole or is not there.  It is written under another name and takes its own when all of it is durable.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from dragoman.batch.journal import Kind, Record, sync_folder, unwritable
from dragoman.batch.sinks import Columns, Sink, is_table, open_sink
from dragoman.errors import ConfigError

_KNOWN: Final = frozenset({".jsonl", ".ndjson"})


def errors_of(sink: Path) -> Path:
    """Where the rows that failed go: `.jsonl`, or the suffix of a table, made `.errors.jsonl`."""
    plain = sink.with_suffix("") if sink.suffix.lower() == ".gz" else sink
    if plain.suffix.lower() in _KNOWN or is_table(plain):
        return plain.with_suffix(".errors.jsonl")
    return Path(f"{sink}.errors.jsonl")


def check_places(sink: Path, source: Path | None) -> None:
    """
    Look whether the output files can take their names.

    Raises:
        ConfigError: One is a folder, a device or a pipe, or the input, which would be written over.
    """
    if os.path.isdir(sink):
        raise ConfigError(f"{sink} is a directory: give a file", field="sink")
    for place in (sink, errors_of(sink)):
        if not os.path.exists(place):
            continue
        if not os.path.isfile(place):
            raise ConfigError(f"{place} is a pipe or a device: give a file", field="sink")
        if source is not None and os.path.samefile(place, source):
            raise ConfigError(f"{place} is the input, and would be written over: give another output", field="sink")


def write_files(sink: Path, records: Iterator[Record], failed: int, columns: Columns = ()) -> None:
    """
    Write the answers to `sink` and the failures beside it; without failures no errors file is there.

    Args:
        sink: Its name says the form.
        records: The outcomes, in their order.
        failed: How many failures are among them.
        columns: Of a table.

    Raises:
        BatchError: No room; the files are as they were.
    """
    errors = errors_of(sink)
    done, poison = Path(f"{sink}.part"), Path(f"{errors}.part")
    try:
        _write(sink, done, poison, records, columns)
        os.replace(done, sink)
        if failed:
            os.replace(poison, errors)
        else:
            poison.unlink()
            errors.unlink(missing_ok=True)
        sync_folder(sink)
    except OSError as error:
        for part in (done, poison):
            with suppress(OSError):
                part.unlink(missing_ok=True)
        raise unwritable(sink, error) from error


def _write(sink: Path, done: Path, poison: Path, records: Iterator[Record], columns: Columns) -> None:
    with done.open("wb") as answers, poison.open("wb") as failures:
        out = open_sink(sink, answers, columns)
        try:
            _fill(out, records, failures.write)
        finally:
            out.drop()
        for file in (answers, failures):
            file.flush()
            os.fsync(file.fileno())


def _fill(out: Sink, records: Iterator[Record], fail: Callable[[bytes], object]) -> None:
    for record in records:
        out.add(record)
        if record.kind == Kind.FAILED:
            fail(record.payload)
    out.close()
