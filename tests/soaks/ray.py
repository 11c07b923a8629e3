"""
A batch of 10,000 rows on a Ray cluster of this machine: a worker is killed in the middle; then the driver is, and the
same command goes on.

Rule: each row has one answer, in its place, whoever died; what was paid beyond one pass is at most what was under way.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from dragoman.testing import Server, echo
from tests.batch.ray.cluster import Ray, short_folder
from tests.batch.ray.test_ray import WINDOW, Run, outcomes, workers_of, write_rows
from tests.batch.rows import expected, texts

ROWS = 10_000
DRIVERS = 3


def ray(scale: float = 1.0) -> dict[str, Any]:
    """10,000 rows on two Ray workers, with a worker killed, and with the driver killed three times."""
    count = max(200, int(ROWS * scale))
    with (
        short_folder() as folder,
        Ray(Path(folder)) as cluster,
    ):
        worker, driver = _worker(cluster, count), _driver(cluster, count)
    return {"rows": count, **worker, **driver, "problems": worker.pop("problems") + driver.pop("problems")}


def _worker(cluster: Ray, count: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="dragoman-ray-s") as folder,
        Server(default=echo(latency=0.01)) as server,
    ):
        write_rows(Path(folder), count)
        run = Run(cluster, server, Path(folder), workers=2).after(server, count // 2)
        os.kill(workers_of(cluster)[0], signal.SIGKILL)
        told = run.end()
        again = server.calls - count
        problems = [f"a worker was killed: {line}" for line in _wrong(Path(folder), count, again, 1)]
    return {"worker_killed_again": again, "rows_per_second": round(told.get("rate", 0.0)), "problems": problems}


def _driver(cluster: Ray, count: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="dragoman-ray-s") as folder,
        Server(default=echo(latency=0.01)) as server,
    ):
        write_rows(Path(folder), count)
        kills = DRIVERS if count == ROWS else 1
        for kill in range(kills):
            run = Run(cluster, server, Path(folder)).after(server, count * (kill + 1) // (kills + 1))
            run.process.kill()
            run.end()
        Run(cluster, server, Path(folder)).end()
        again = server.calls - count
        problems = [f"the driver was killed: {line}" for line in _wrong(Path(folder), count, again, kills)]
    return {"driver_killed_again": again, "problems": problems}


def _wrong(folder: Path, count: int, again: int, kills: int) -> list[str]:
    output = folder / "out.jsonl"
    if not output.exists():
        return ["there is no output"]
    problems = [] if expected(count) == texts(output) else ["the output is not one answer for each row, in order"]
    kept: Counter[bytes] = outcomes(folder)
    if not count == len(kept) == sum(kept.values()):
        problems.append(f"{sum(kept.values())} outcomes of {len(kept)} rows in the journal")
    return problems + ([f"{again} rows were asked again"] if again > WINDOW * kills else [])
