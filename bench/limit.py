"""
Question `limit`: what does one turn cost, asked for and settled, in one process and in several?

    python bench/limit.py               # all ways to share; keeps the result
    python bench/limit.py host redis    # some; keeps nothing

The limit is so large that nobody waits: what is measured is the pacer, not the wait.  Blocking: one thread that asks,
settles and asks again.  Async: 64 tasks that do, so that a round trip may serve several.  Redis and Postgres are
started for it, on this machine: with two cores, four processes share them with the server.

Does not show: a network between the processes and the store.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

QUESTION = "How many turns can be had each second, asked for and settled?"
SECONDS = 2.0
ROUNDS = 5
TASKS = 64
# name -> who shares, processes, face
ROWS = {
    "process": ("process", 1, "blocking"),
    "process, async": ("process", 1, "async"),
    "host": ("host", 1, "blocking"),
    "host, async": ("host", 1, "async"),
    "host, 4 processes": ("host", 4, "blocking"),
    "redis": ("redis", 1, "blocking"),
    "redis, async": ("redis", 1, "async"),
    "redis, 4 processes, async": ("redis", 4, "async"),
    "postgres": ("postgres", 1, "blocking"),
    "postgres, async": ("postgres", 1, "async"),
    "postgres, 4 processes, async": ("postgres", 4, "async"),
}


def work(limit: str, face: str) -> None:
    """One process: say ready, wait for a line, take turns, and say how many and how long the median one took."""
    from dragoman.limits.opening import open_pacer
    from dragoman.policy.limit.bucket import Limit
    from dragoman.policy.limit.limiter import ScopeKey
    from dragoman.policy.limit.pacer import Pacer, ProcessPacer
    from dragoman.runtime import AsyncRuntime, BlockingRuntime, Runtime, drive

    pacer: Pacer = ProcessPacer() if limit == "process" else open_pacer(limit)
    key = ScopeKey(provider="bench", credential="none", pool="m")
    limits = (Limit(dimension="requests", amount=6e9), Limit(dimension="tokens", amount=6e12))
    cost = {"requests": 1.0, "tokens": 800.0, "input": 500.0, "output": 300.0}
    taken: list[float] = []

    async def turn(runtime: Runtime) -> None:
        since = time.perf_counter()
        permit = await pacer.admit(key, limits, cost, runtime, "normal", None)
        taken.append(time.perf_counter() - since)
        permit.settled(None, ())  # type: ignore[union-attr]

    async def tasks(until: float) -> None:
        runtime = AsyncRuntime()

        async def one() -> None:
            while time.perf_counter() < until:
                await turn(runtime)
                await asyncio.sleep(0)

        await asyncio.gather(*(one() for _ in range(TASKS)))

    def run(seconds: float) -> None:
        until = time.perf_counter() + seconds
        if face == "async":
            asyncio.run(tasks(until))
            return
        runtime = BlockingRuntime()
        while time.perf_counter() < until:
            drive(turn(runtime))

    run(0.3)
    taken.clear()
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    run(SECONDS)
    rate = len(taken) / (time.perf_counter() - began)
    print(json.dumps({"per_second": rate, "p50_us": statistics.median(taken) * 1e6}), flush=True)


def sample(limit: str, processes: int, face: str) -> dict[str, float]:
    """Measure one row once."""
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-limit-") as folder:
        command = [sys.executable, __file__, "--work", limit, face]
        workers = [
            subprocess.Popen(
                command,
                env=os.environ | {"XDG_RUNTIME_DIR": folder},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(processes)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        found = [json.loads(worker.communicate()[0]) for worker in workers]
    return {
        "per_second": sum(one["per_second"] for one in found),
        "p50_us": statistics.median(one["p50_us"] for one in found),
    }


@contextmanager
def store(kind: str) -> Iterator[str]:
    """The server that a row needs."""
    from tests.services import PostgresServer, RedisServer

    servers: dict[str, Callable[[], Any]] = {"redis": RedisServer, "postgres": PostgresServer}
    if kind not in servers:
        with nullcontext():
            yield kind
        return
    server = servers[kind]()
    try:
        yield server.url
    finally:
        server.close()


def main() -> None:
    """Measure and write."""
    from run import commit, machine  # the other questions' frame

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="*", choices=["process", "host", "redis", "postgres", []], default=[])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--work", nargs=2, metavar=("LIMIT", "FACE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.work:
        work(*chosen.work)
        return
    facts, rows = machine(), dict[str, Any]()
    for name, (kind, processes, face) in ROWS.items():
        if chosen.kind and kind not in chosen.kind:
            continue
        with store(kind) as limit:
            samples = [sample(limit, processes, face) for _ in range(chosen.rounds)]
        rates = sorted(one["per_second"] for one in samples)
        row = rows[name] = {
            "processes": processes,
            "rounds": len(samples),
            "per_second": {"min": round(rates[0]), "median": round(statistics.median(rates)), "max": round(rates[-1])},
            "p50_us": round(statistics.median(one["p50_us"] for one in samples), 1),
        }
        print(f"limit  {name:30} {row['per_second']['median']:>8} a second   p50 {row['p50_us']:>8} us", flush=True)
    if not chosen.kind:
        date = datetime.now(UTC).isoformat(timespec="seconds")
        result = {"question": QUESTION, "commit": commit(), "date": date, "machine": facts, "rows": rows}
        target = HERE / "results" / f"limit-{result['commit']}.json"
        target.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
