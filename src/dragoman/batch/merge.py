"""
The output files, made of the journal.

Rule: a file is whole or is not there.  It is written under another name and takes its own when all of it is durable.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dragoman.batch.journal import Kind, Record, sync_folder, unwritable


def errors_of(sink: Path) -> Path:
    """Where the rows that failed go: `.jsonl` made `.errors.jsonl`."""
    return sink.with_suffix(".errors.jsonl") if sink.suffix == ".jsonl" else Path(f"{sink}.errors.jsonl")


def write_files(sink: Path, records: Iterator[Record], failed: int) -> None:
    """
    Write the answers to `sink` and the failures beside it; without failures no errors file is there.

    Raises:
        BatchError: No room; the files are as they were.
    """
    errors = errors_of(sink)
    parts = {Kind.DONE: Path(f"{sink}.part"), Kind.FAILED: Path(f"{errors}.part")}
    try:
        _write(parts, records)
        os.replace(parts[Kind.DONE], sink)
        if failed:
            os.replace(parts[Kind.FAILED], errors)
        else:
            parts[Kind.FAILED].unlink()
            errors.unlink(missing_ok=True)
        sync_folder(sink)
    except OSError as error:
        for part in parts.values():
            with suppress(OSError):
                part.unlink(missing_ok=True)
        raise unwritable(sink, error) from error


def _write(parts: dict[Kind, Path], records: Iterator[Record]) -> None:
    with parts[Kind.DONE].open("wb") as done, parts[Kind.FAILED].open("wb") as failed:
        files = {Kind.DONE: done, Kind.FAILED: failed}
        for record in records:
            files[record.kind].write(record.payload)
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())
