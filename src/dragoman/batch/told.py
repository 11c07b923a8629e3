"""
What a run was told, and how its journal keeps it.

Rule: a journal names no place of the machine but the input, relative to itself, and holds no setting that JSON would
change; those it only names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from dragoman.batch.journal import journal_of
from dragoman.errors import ConfigError
from dragoman.types.batching import BatchTask
from dragoman.types.requests import settings_from

# They are said for one run.
_FOR_ONE_RUN: Final = ("retry_failed", "job", "engine", "workers", "ray")


class Told(msgspec.Struct, kw_only=True):
    """
    What a run was told, as its journal keeps it.

    Attributes:
        source: Path of the input as seen from the journal; None if it was no file.
        rows: In the input, if they were counted.
        options: The batch's own keywords.
        settings: For all rows, where they are JSON.
        unsaid: Settings that a journal cannot carry.
        pid: The process that runs it.
        bare: Whether it has a journal, and no output.
    """

    source: str | None = None
    rows: int | None = None
    options: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    unsaid: list[str] = []
    pid: int = 0
    bare: bool = False


def told(
    task: BatchTask, meant: Mapping[str, Any], *, source: Path | None, rows: int | None, journal: Path | None
) -> Told:
    """
    What the journal says of a task.

    Args:
        task: What is to be done.
        meant: Its settings, as they were understood.
        source: The input, if it is a file.
        rows: In the input, if they were counted.
        journal: Where the journal is; None if there is none.
    """
    options = msgspec.to_builtins(task.options, str_keys=True, enc_hook=str)
    for name in _FOR_ONE_RUN:
        del options[name]
    carried = {name: value for name, value in task.settings.items() if _carried(name, value, meant.get(name))}
    return Told(
        source=os.path.relpath(source, journal.parent) if source is not None and journal is not None else None,
        rows=rows,
        options=options,
        settings=carried,
        unsaid=[name for name in task.settings if name not in carried],
        pid=os.getpid(),
        bare=task.sink is None,
    )


def journal_path(sink: Path | None, said: str | os.PathLike[str] | None) -> Path | None:
    """Where the journal is: beside the output, or where it was said; None if neither is there."""
    if said is not None:
        if sink is not None:
            raise ConfigError("job is for a batch without an output: the journal of one is OUT.job", field="job")
        return Path(said)
    return None if sink is None else journal_of(sink)


def _carried(name: str, value: object, meant: object) -> bool:
    """Whether a setting that has gone through JSON still means the same."""
    try:
        again = settings_from({name: msgspec.json.decode(msgspec.json.encode(value))}).values()
    except (ConfigError, TypeError, UnicodeEncodeError):
        return False
    return again.get(name) == meant
