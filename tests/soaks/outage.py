"""
What a provider that is down, or says no, gets to see: counted by itself.

In a total outage, 2,000 calls on each face add at most a tenth to the load that they would be without retries.  All
requests of a call carry the same idempotency key, and no other call's.  Where trying again is no use (quota, key, bad
request) there is exactly one request for each call, however many there are.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dragoman import AsyncClient, Client, DragomanError
from tests.soaks.figures import PATIENT, rows
from tests.soaks.provider import Provider, Seen

MODEL = "openai/m-1"
IN_FLIGHT = 16
EXTRA = 0.10
OUTAGES = ("status_500", "status_503", "status_529")
FINAL = ("quota", "quota_in_words", "status_401", "status_400", "should_not_retry")


def _blocking(url: str, questions: list[str]) -> int:
    with Client(providers=rows(url), timeouts=PATIENT, limit=None) as client, ThreadPoolExecutor(IN_FLIGHT) as pool:

        def refused(question: str) -> bool:
            try:
                client.chat(MODEL, question)
            except DragomanError:
                return True
            return False

        return sum(pool.map(refused, questions))


async def _asynchronous(url: str, questions: list[str]) -> int:
    rest = iter(questions)
    refused = 0

    async def worker(client: AsyncClient) -> None:
        nonlocal refused
        for question in rest:
            try:
                await client.chat(MODEL, question)
            except DragomanError:
                refused += 1

    async with AsyncClient(providers=rows(url), timeouts=PATIENT, limit=None) as client:
        await asyncio.gather(*(worker(client) for _ in range(IN_FLIGHT)))
    return refused


def _keys(requests: list[Seen]) -> list[str]:
    """What is wrong with the idempotency keys."""
    keys: dict[str, set[str]] = defaultdict(set)
    for request in requests:
        keys[request.question].add(request.key)
    several = [question for question, found in keys.items() if len(found) != 1 or "" in found]
    problems = [f"{len(several)} calls changed their key: {several[:3]}"] if several else []
    if len({key for found in keys.values() for key in found}) != len(keys):
        problems.append("two calls had the same key")
    return problems


def outage(scale: float = 1.0) -> dict[str, Any]:
    """2,000 calls on each face, in each kind of outage and for each final answer; one kind of each, if it is small."""
    count = max(100, int(2_000 * scale))
    names = (*OUTAGES, *FINAL) if scale >= 0.1 else (OUTAGES[0], FINAL[0])
    extra: dict[str, float] = {}
    problems: list[str] = []
    for name in names:
        for face in ("blocking", "async"):
            with Provider() as provider:
                questions = [f"{name} {face} {number}" for number in range(count)]
                refused = _ASK[face](provider.url, questions)
                requests = provider.requests()
            allowed = count + (0 if name in FINAL else int(count * EXTRA))
            extra[f"{name}, {face}"] = round(len(requests) / count - 1, 4)
            found = [f"{count - refused} calls were answered"] if refused != count else []
            found += [f"{len(requests)} requests for {count} calls"] if len(requests) > allowed else []
            problems += [f"{name}, {face}: {line}" for line in (*found, *_keys(requests))]
    return {"calls_each": count, "extra_load": extra, "problems": problems}


_ASK: dict[str, Callable[[str, list[str]], int]] = {
    "blocking": _blocking,
    "async": lambda url, questions: asyncio.run(_asynchronous(url, questions)),
}
