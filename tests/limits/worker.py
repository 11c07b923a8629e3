"""
One of several processes that share a limit: `python -m tests.limits.worker LIMIT WHERE COUNT AT_ONCE`.

It says `ready`, waits for a line, makes its calls, and writes a line for each answer: the time, and how long it was
under way.  Where is a base URL; or a limit of requests per minute: then nothing is sent, only turns are taken, and the
times are those of the decisions, whatever the machine does to the process in between.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from dragoman import AsyncClient
from dragoman.limits.opening import open_pacer
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.limiter import ScopeKey
from dragoman.policy.retry import Retry
from dragoman.runtime import AsyncRuntime

_KEY = ScopeKey(provider="openai", credential="c0ffee", pool="m")


async def together(count: int, at_once: int, once: Callable[[int], Awaitable[tuple[float, float]]]) -> None:
    """Do something so many times, so many at a time, from when a line comes."""
    left = iter(range(count))

    async def caller() -> None:
        for number in left:
            at, took = await once(number)
            print(f"{at:.6f} {took:.6f}", flush=True)

    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await asyncio.gather(*(caller() for _ in range(at_once)))


async def calls(limit: str, base_url: str, count: int, at_once: int) -> None:
    """Ask a provider."""
    row = {"openai": {"base_url": base_url, "api_key": "k"}}
    async with AsyncClient(providers=row, limit=limit, retry=Retry(attempts=8)) as client:

        async def call(number: int) -> tuple[float, float]:
            since = time.monotonic()
            answer = await client.chat("openai/m", f"call {number}", max_tokens=16)
            assert "ok" == answer.text
            return time.monotonic(), time.monotonic() - since

        await together(count, at_once, call)


async def turns(limit: str, rpm: float, count: int, at_once: int) -> None:
    """Only take turns."""
    pacer, runtime = open_pacer(limit), AsyncRuntime()
    limits = (Limit(dimension="requests", amount=rpm),)

    async def turn(number: int) -> tuple[float, float]:
        permit: Any = await pacer.admit(_KEY, limits, {"requests": 1.0, "tokens": 9.0}, runtime, "normal", None)
        await asyncio.sleep(0.05)
        permit.settled(None, ())
        return permit._grant.at, permit.waited

    await together(count, at_once, turn)


if __name__ == "__main__":
    _, limit, where, count, at_once = sys.argv
    if where.startswith("http"):
        asyncio.run(calls(limit, where, int(count), int(at_once)))
    else:
        asyncio.run(turns(limit, float(where), int(count), int(at_once)))
