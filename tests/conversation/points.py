"""
Every operation of the SQLite store, failed at each of its writes in turn: by an error of the disk, and by death.

strace makes a system call fail, or kills the process in it.  Afterwards the file must hold the state before the
operation or the one after it, never something between; the one after it, if the operation was acknowledged; and when it
is done again, the one after it in any case.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dragoman.conversation.store import open_store
from tests.conversation.operation import OPERATIONS, prepared, state

# What SQLite changes a file with.
CALLS: Final = ("pwrite64", "fdatasync", "fsync", "ftruncate", "unlink")
HARMS: Final = ("error=EIO", "error=ENOSPC", "signal=SIGKILL")


def problems(name: str, harms: tuple[str, ...] = HARMS, every: int = 1) -> tuple[int, list[str]]:
    """
    Harm one operation everywhere.

    Args:
        name: Of the operation.
        harms: How, as strace says it.
        every: Only every so many-th point.

    Returns:
        How many points there were, and what did not hold.
    """
    with tempfile.TemporaryDirectory(prefix="dragoman-points-") as folder:
        base = Path(folder) / "base"
        base.mkdir()
        store = open_store(_url(base))
        prepared(store)
        store.close()
        before, after = _states(base, name)
        points = [(call, number) for call, count in _counts(base, name) for number in range(1, count + 1)][::every]
        found: list[str] = []
        for call, number in points:
            for harm in harms:
                work = _copy(base, "work")
                said = _harmed(work, name, call, number, harm)
                problem = _problem(work, name, said, before, after)
                if problem:
                    found.append(f"{name}, {call} {number}, {harm}: {problem}")
        return len(points) * len(harms), found


def _states(base: Path, name: str) -> tuple[object, object]:
    work = _copy(base, "states")
    store = open_store(_url(work))
    before = state(store)
    OPERATIONS[name](store)
    after = state(store)
    store.close()
    return before, after


def _counts(base: Path, name: str) -> Iterator[tuple[str, int]]:
    """How often each call is made."""
    work = _copy(base, "counted")
    log = work / "log"
    _traced(["-o", str(log), "-e", f"trace={','.join(CALLS)}"], work, name)
    text = log.read_text()
    for call in CALLS:
        yield call, len(re.findall(rf"\b{call}\(", text))


def _harmed(work: Path, name: str, call: str, number: int, harm: str) -> str:
    return _traced(["-o", "/dev/null", "-e", f"inject={call}:{harm}:when={number}"], work, name)


def _problem(work: Path, name: str, said: str, before: object, after: object) -> str | None:
    store = open_store(_url(work))
    try:
        now = _without_ids(state(store))
        if now not in (_without_ids(before), _without_ids(after)):
            return "the file is neither as before nor as after"
        if said == "done" and now != _without_ids(after):
            return "it was acknowledged and is not there"
        if said.startswith("error False") and now != _without_ids(before):
            return "it was said to be undone and is there"
        OPERATIONS[name](store)
        return None if _without_ids(state(store)) == _without_ids(after) else "done again it is not as after it"
    finally:
        store.close()


def _without_ids(told: object) -> object:
    return re.sub(r"[0-9A-HJKMNP-TV-Z]{26}", "", repr(told))


def _traced(options: list[str], work: Path, name: str) -> str:
    command = ["strace", "-f", "-qq", "--seccomp-bpf", *options, sys.executable, "-B", "-m"]
    done = subprocess.run(
        [*command, "tests.conversation.operation", _url(work), name], capture_output=True, text=True, check=False
    )
    if "Traceback" in done.stderr:
        return f"traceback {done.stderr[-500:]}"
    return done.stdout.strip()


def _copy(base: Path, name: str) -> Path:
    work = base.parent / name
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base, work)
    return work


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/talk.db"
