"""
1,000 rounds of 64 callers at once and a budget for some of them, in memory, in SQLite and in Redis.

Half of the rounds are threads of the blocking face, half are tasks of the other.  Some callers read their stream to the
end, some leave it, some give up while they wait.  In every round no more calls are answered than there is room for, and
in the end nothing is reserved.  Who is refused is refused for want of money only.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any

from dragoman import AsyncClient, Budget, BudgetError, Client, background
from tests.services import RedisServer

CALLERS = 64
MODEL = "sim/lorem"
# 16 tokens of output at a thousand dollars a million: a whole answer costs what is reserved for it.
FACTS: dict[str, Any] = {MODEL: {"prices": [{"input": "0", "output": "1000"}], "context": 1000}}
EACH = Decimal("0.016")
HOW = ("chat", "chat", "read", "leave", "give up")


def _blocking(budget: Budget, pool: ThreadPoolExecutor, hows: list[str]) -> int:
    """One round of threads; how many were answered in full."""
    together = threading.Barrier(len(hows))

    def one(how: str) -> int:
        together.wait()
        with suppress(BudgetError):
            if how in ("chat", "give up"):
                client.chat(MODEL, "Go on.", max_tokens=16)
                return 1
            with client.stream(MODEL, "Go on.", max_tokens=16) as stream:
                if how == "read":
                    stream.drain()
                    return 1
                next(stream)
        return 0

    with Client(models=FACTS, budget=budget) as client:
        return sum(pool.map(one, hows))


async def _asynchronous(budget: Budget, hows: list[str]) -> int:
    """One round of tasks; how many were answered in full."""

    async def one(client: AsyncClient, how: str) -> int:
        with suppress(BudgetError, TimeoutError):
            async with asyncio.timeout(0.002 if how == "give up" else None):
                if how in ("chat", "give up"):
                    await client.chat(MODEL, "Go on.", max_tokens=16)
                    return 1
                async with client.stream(MODEL, "Go on.", max_tokens=16) as stream:
                    await asyncio.sleep(0)
                    if how == "read":
                        await stream.drain()
                        return 1
        return 0

    async with AsyncClient(models=FACTS, budget=budget) as client:
        answered = sum(await asyncio.gather(*(one(client, how) for how in hows)))
    await budget.aclose()
    return answered


@contextmanager
def _stores() -> Iterator[dict[str, str | None]]:
    redis = RedisServer()
    try:
        with tempfile.TemporaryDirectory(prefix="dragoman-budget-") as folder:
            yield {"memory": None, "sqlite": f"sqlite:///{folder}/budget.db", "redis": redis.url}
    finally:
        redis.close()


def _round(budget: Budget, pool: ThreadPoolExecutor, number: int, hows: list[str], problems: list[str]) -> int:
    face = "threads" if number % 2 else "tasks"
    answered = _blocking(budget, pool, hows) if number % 2 else asyncio.run(_asynchronous(budget, hows))
    background.flush(30)
    balance = budget.balance()
    if not answered * EACH <= balance.spent <= balance.limit:
        problems.append(f"{number} ({face}): {answered} answers, {balance.spent} spent of {balance.limit}")
    if balance.reserved:
        problems.append(f"{number} ({face}): {balance.reserved} is still reserved")
    return answered


def budget(scale: float = 1.0) -> dict[str, Any]:
    """1,000 rounds for each store."""
    count = max(2, int(1_000 * scale))
    problems: list[str] = []
    answered: dict[str, int] = {}
    rng = random.Random(3)
    with _stores() as stores, ThreadPoolExecutor(CALLERS) as pool:
        for name, store in stores.items():
            answered[name] = 0
            for number in range(count):
                held = Budget(usd=rng.randint(1, CALLERS + 8) * EACH, store=store, name=f"round {number}")
                hows = rng.choices(HOW, k=CALLERS)
                answered[name] += _round(held, pool, number, hows, problems)
                held.close()
    return {"rounds_each": count, "callers": CALLERS, "answered": answered, "problems": problems[:50]}
