"""
One of several processes that share a limit: `python -m tests.limits.worker LIMIT BASE_URL COUNT AT_ONCE`.

It says `ready`, waits for a line, makes its calls, and writes a line for each answer: the time, and how long it was
under way.
"""

from __future__ import annotations

import asyncio
import sys
import time

from dragoman import AsyncClient
from dragoman.policy.retry import Retry


async def work(limit: str, base_url: str, count: int, at_once: int) -> None:
    """Make all calls, so many at a time."""
    left = iter(range(count))
    row = {"openai": {"base_url": base_url, "api_key": "k"}}

    async def caller(client: AsyncClient) -> None:
        for number in left:
            since = time.monotonic()
            answer = await client.chat("openai/m", f"call {number}", max_tokens=16)
            assert "ok" == answer.text
            now = time.monotonic()
            print(f"{now:.6f} {now - since:.6f}", flush=True)

    async with AsyncClient(providers=row, limit=limit, retry=Retry(attempts=8)) as client:
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        await asyncio.gather(*(caller(client) for _ in range(at_once)))


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
