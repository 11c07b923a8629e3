"""
One measurement, in a process of its own: `python measure.py PEER QUESTION URL` prints one JSON object.

CPU time is that of this process, all its threads included; the server's is not in it.  The answer of every call is
looked at, so that a peer that loses a chunk fails instead of looking fast.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from servers import CHUNKS

# Long enough that the clock's grain and one garbage collection do not show.
SECONDS = 1.0
WARM_UP = 3
CALLS_IN_FLIGHT = 64
STREAMS_IN_FLIGHT = 16

Sample = dict[str, float]


def load(peer: str) -> ModuleType:
    """Import a peer's file, under a name that hides no library."""
    spec = spec_from_file_location(f"peer_{peer}", Path(__file__).parent / "peers" / f"{peer}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(answer: Any) -> int:
    """Return how many units of work an answer is: one for a text, `CHUNKS` for a stream."""
    if isinstance(answer, str) and answer.startswith(" word0"):
        return 1
    if answer == CHUNKS:
        return CHUNKS
    raise SystemExit(f"wrong answer: {answer!r}")


def rss_mb() -> float:
    """Peak resident memory of this process, in megabytes; not `ru_maxrss`, which begins with the parent's."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def per_unit(units: int, cpu: float, wall: float) -> Sample:
    """Microseconds for one unit of work."""
    return {"cpu_us": cpu / units * 1e6, "wall_us": wall / units * 1e6, "rss_mb": rss_mb(), "units": units}


def blocking(once: Callable[[], Any]) -> Sample:
    """One after another, until `SECONDS` are over."""
    for _ in range(WARM_UP):
        check(once())
    units, cpu, wall = 0, time.process_time(), time.perf_counter()
    while time.perf_counter() - wall < SECONDS:
        units += check(once())
    return per_unit(units, time.process_time() - cpu, time.perf_counter() - wall)


async def in_flight(make: Callable[[], Callable[[], Awaitable[Any]]], width: int) -> Sample:
    """`width` at a time, until `SECONDS` are over."""
    once = make()
    for _ in range(WARM_UP):
        await asyncio.gather(*(once() for _ in range(width)))
    units, cpu, wall = 0, time.process_time(), time.perf_counter()

    async def worker() -> None:
        nonlocal units
        while time.perf_counter() - wall < SECONDS:
            answer = await once()  # apart: `units += await` would read `units` before it waits
            units += check(answer)

    await asyncio.gather(*(worker() for _ in range(width)))
    return per_unit(units, time.process_time() - cpu, time.perf_counter() - wall)


def first_call(peer: ModuleType, url: str) -> Sample:
    """From the start of the process to the first answer, imports included."""
    if hasattr(peer, "call"):
        check(peer.call(url)())
    else:
        check(asyncio.run(_one(peer, url)))
    return {"cpu_ms": time.process_time() * 1e3, "rss_mb": rss_mb()}


async def _one(peer: ModuleType, url: str) -> Any:
    return await peer.call_async(url)()


def ask(peer: ModuleType, question: str, url: str) -> Sample:
    """Measure one question."""
    if question == "first_call":
        return first_call(peer, url)
    make = getattr(peer, question)
    if question in ("call", "stream"):
        return blocking(make(url))
    width = CALLS_IN_FLIGHT if question == "call_async" else STREAMS_IN_FLIGHT
    return asyncio.run(in_flight(lambda: make(url), width))


if __name__ == "__main__":
    print(json.dumps(ask(load(sys.argv[1]), sys.argv[2], sys.argv[3])))
    sys.stdout.flush()
