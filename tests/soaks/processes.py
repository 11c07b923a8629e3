"""
A batch of 10,000 rows by worker processes of this machine: workers are killed now and then; then the driver is, and the
same command goes on.

Rule: each row has one answer, in its place, whoever died; what was paid beyond one pass is at most what was under way,
and no process is left.
"""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

from dragoman.testing import Server, echo
from tests.batch.processes.running import WINDOW, Run, gone, outcomes, write_rows
from tests.batch.rows import expected, texts

ROWS = 10_000
KILLS = 10


def processes(scale: float = 1.0) -> dict[str, Any]:
    """10,000 rows on two worker processes, with ten workers killed, and with the driver killed ten times."""
    count = max(400, int(ROWS * scale))
    kills = KILLS if count == ROWS else 2
    worker, driver = _workers(count, kills), _drivers(count, kills)
    return {"rows": count, **worker, **driver, "problems": worker.pop("problems") + driver.pop("problems")}


def _workers(count: int, kills: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="dragoman-processes-") as folder,
        Server(default=echo(latency=0.01)) as server,
    ):
        write_rows(Path(folder), count)
        run, seen = Run(server, Path(folder), workers=2), set[int]()
        for kill in range(kills):
            workers = run.after(server, count * (kill + 1) // (kills + 1)).workers()
            seen.update(workers)
            if workers:
                os.kill(workers[kill % len(workers)], signal.SIGKILL)
        told = run.end()
        gone(sorted(seen))
        again = server.calls - count
        problems = [f"workers were killed: {line}" for line in _wrong(Path(folder), count, again, kills)]
    return {"workers_killed_again": again, "rows_per_second": round(told.get("rate", 0.0)), "problems": problems}


def _drivers(count: int, kills: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="dragoman-processes-") as folder,
        Server(default=echo(latency=0.01)) as server,
    ):
        write_rows(Path(folder), count)
        for kill in range(kills):
            run = Run(server, Path(folder), workers=2).after(server, count * (kill + 1) // (kills + 1))
            workers = run.workers()
            run.process.kill()
            run.end()
            gone(workers)
        Run(server, Path(folder), workers=2).end()
        again = server.calls - count
        problems = [f"the driver was killed: {line}" for line in _wrong(Path(folder), count, again, kills)]
    return {"driver_killed_again": again, "problems": problems}


def _wrong(folder: Path, count: int, again: int, kills: int) -> list[str]:
    output = folder / "out.jsonl"
    if not output.exists():
        return ["there is no output"]
    problems = [] if expected(count) == texts(output) else ["the output is not one answer for each row, in order"]
    kept = outcomes(folder)
    if not count == len(kept) == sum(kept.values()):
        problems.append(f"{sum(kept.values())} outcomes of {len(kept)} rows in the journal")
    return problems + ([f"{again} rows were asked again"] if again > WINDOW * kills else [])
