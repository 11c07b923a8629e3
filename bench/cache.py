"""
Question `cache`: what do a hit and a miss cost, per call, over no cache at all?

    python bench/cache.py               # keeps the result
    python bench/cache.py --rounds 3    # a quick look; keeps nothing

The middleware alone, around a handler that has its answer ready: a question of 20 words, an answer of 200 with its
body.  A miss is looked for, asked, and kept; a hit is found and decoded.  CPU time of the process, so the thread in
which SQLite works for the asyncio face counts, too.

Does not show: the request that a hit saves, Redis (its server's and the line's time), waiting for locks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from dragoman import Cache, ChatRequest, ChatResponse, Context, Event, Message, Text, Timeouts, Usage
from dragoman.call import Sender
from dragoman.policy.cache.caching import Caching
from dragoman.policy.deadline import Clocks
from dragoman.routes import Routes
from dragoman.runtime import AsyncRuntime, BlockingRuntime, drive

QUESTION = "What do a hit and a miss of the cache cost over none (microseconds of CPU)?"
CALLS, ROUNDS = 1000, 15
WORDS = " ".join(f"word{number}" for number in range(200))
BODY = msgspec.json.encode({"id": "bench-1", "choices": [{"message": {"content": WORDS}, "finish_reason": "stop"}]})
ANSWER = ChatResponse(
    message=Message("assistant", (Text(WORDS),), origin="openai/bench-1"),
    finish_reason="stop",
    usage=Usage(input_tokens=20, output_tokens=200),
    body=BODY,
)


class _Ready:
    """An answer that is there."""

    response = ANSWER

    async def more(self) -> list[Event]:
        return []

    def folded(self) -> ChatResponse:
        return ANSWER

    def abandon(self) -> None: ...


async def ready(request: ChatRequest, context: Context) -> Any:
    """The handler below."""
    return _Ready()


def question(number: int) -> ChatRequest:
    """Twenty words; none is asked twice with another number."""
    return ChatRequest("openai/bench-1", f"{number} " + "word " * 19, temperature=0.0)


class Bench:
    """One cache on one face."""

    def __init__(self, cache: Cache | None, suspends: bool) -> None:
        routes = Routes({"openai": {"api_key": "benchmark"}}, environ={})
        prepare = Sender(routes.resolve, lambda route: sys.exit("nothing is sent")).prepare
        self._handler = ready if cache is None else Caching(cache, prepare, routes.key).wrap(ready)
        self._runtime = AsyncRuntime() if suspends else BlockingRuntime()
        self._runner = asyncio.Runner() if suspends else None

    def micros(self, first: int, *, same: bool) -> float:
        """CPU of one call; with `same`, of one that was asked before."""
        asked = [question(first if same else first + at) for at in range(CALLS)]
        if same:
            self._run(asked[:1])
        since = time.process_time()
        self._run(asked)
        return (time.process_time() - since) / CALLS * 1e6

    def _run(self, asked: list[ChatRequest]) -> None:
        work = self._ask(asked)
        drive(work) if self._runner is None else self._runner.run(work)

    async def _ask(self, asked: list[ChatRequest]) -> None:
        runtime, timeouts = self._runtime, Timeouts()
        for request in asked:
            await self._handler(request, Context(runtime, Clocks(timeouts, runtime.now())))


def measured(rounds: int, folder: str) -> dict[str, float]:
    """The median of each, over that of no cache."""
    stores: dict[str, Callable[[int], Cache | None]] = {
        "none": lambda number: None,
        "memory": lambda number: Cache("memory://", scope="bench"),
        "sqlite": lambda number: Cache(f"sqlite:///{folder}/{number}.db", scope="bench"),
    }
    benches = {
        f"{face}, {store}": Bench(make(number), face == "async")
        for number, face in enumerate(("blocking", "async"))
        for store, make in stores.items()
    }
    found: dict[str, list[float]] = {}
    for turn in range(rounds):
        for name, bench in benches.items():
            for same in (True, False):
                value = bench.micros((2 * turn + same) * CALLS, same=same)
                found.setdefault(f"{name}, {'hit' if same else 'miss'}", []).append(value)
    medians = {name: statistics.median(values) for name, values in found.items()}
    return {
        name: round(value - medians[f"{name.partition(',')[0]}, none, {name.rpartition(' ')[2]}"], 1)
        for name, value in medians.items()
        if ", none," not in name
    }


def main() -> None:
    """Measure, print, and keep."""
    options = argparse.ArgumentParser(description=QUESTION)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-cache-") as folder:
        micros = measured(rounds, folder)
    for name, value in micros.items():
        print(f"{name:28} {value:8.1f} us")
    if rounds == ROUNDS:
        report = {
            "question": QUESTION,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {
                "system": f"{platform.system()} {platform.release()} {platform.machine()}",
                "cores": os.cpu_count(),
                "load_after": [round(value, 2) for value in os.getloadavg()],
                "python": platform.python_version(),
                "sqlite": sqlite3.sqlite_version,
            },
            "micros": micros,
        }
        kept = Path(__file__).parent / "results" / "cache.json"
        kept.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
