"""
100,000 calls, of which one in ten meets a fault, on both faces: memory and descriptors stay as they were.

Half are plain, half are streams; the faults are a 429 and a 500 that the next attempt does not meet, an answer that is
cut, a connection that is reset, and a page of HTML.  Every answer is looked at.  The first tenth is the warm-up.

The clients do not pace (`limit=None`): how long a provider that said 429 is left alone is the limiter's own test.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dragoman import AsyncClient, ChatResponse, Client, DragomanError, Retry
from dragoman.testing.faults import TEXT
from tests.soaks.figures import PATIENT, descriptors, memory, rows
from tests.soaks.provider import Provider

MODEL = "openai/m-1"
ROUNDS = 10
THREADS = 4
IN_FLIGHT = 16
GROWTH = 10.0  # MB

# Fault to the classes of which one is raised; none: the answer comes.
FAULTS: dict[str, tuple[str, ...]] = {
    "once:status_429": (),
    "once:status_500": (),
    "cut_in_text": ("StreamInterrupted", "WireError"),
    "reset_in_text": ("StreamInterrupted",),
    "html": ("WireError",),
}


def questions(count: int, rng: random.Random) -> Iterator[tuple[str, str, bool]]:
    """(fault or nothing, question, whether it is asked as a stream)."""
    names = list(FAULTS)
    for number in range(count):
        name = rng.choice(names) if rng.random() < 0.1 else ""
        yield name, f"{name or 'hello'} {number}", rng.random() < 0.5


def wrong(name: str, outcome: ChatResponse | DragomanError) -> str | None:
    """What is not as it should be."""
    expected = FAULTS.get(name, ())
    if isinstance(outcome, DragomanError):
        return None if type(outcome).__name__ in expected else f"{name or 'no fault'}: {outcome!r}"
    if expected or outcome.text != TEXT.text:
        return f"{name or 'no fault'}: {outcome.text!r}"
    return None


def _ask(client: Client, question: str, streamed: bool) -> ChatResponse:
    if not streamed:
        return client.chat(MODEL, question)
    with client.stream(MODEL, question) as stream:
        return stream.drain()


async def _ask_async(client: AsyncClient, question: str, streamed: bool) -> ChatResponse:
    if not streamed:
        return await client.chat(MODEL, question)
    async with client.stream(MODEL, question) as stream:
        return await stream.drain()


def blocking(client: Client, count: int, seed: int) -> Iterator[str]:
    """One round on the blocking face."""

    def one(row: tuple[str, str, bool]) -> str | None:
        name, question, streamed = row
        try:
            return wrong(name, _ask(client, question, streamed))
        except DragomanError as error:
            return wrong(name, error)

    with ThreadPoolExecutor(THREADS) as pool:
        yield from filter(None, pool.map(one, questions(count, random.Random(seed))))


async def asynchronous(client: AsyncClient, count: int, seed: int) -> list[str]:
    """One round on the async face."""
    found: list[str] = []
    rows = questions(count, random.Random(seed))

    async def worker() -> None:
        for name, question, streamed in rows:
            try:
                problem = wrong(name, await _ask_async(client, question, streamed))
            except DragomanError as error:
                problem = wrong(name, error)
            found.extend([problem] if problem else [])

    await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
    return found


def flat(scale: float = 1.0) -> dict[str, Any]:
    """100,000 calls with 10 % faults."""
    each = max(20, int(100_000 * scale / ROUNDS / 2))
    problems: Counter[str] = Counter()
    megabytes: list[float] = []
    files: list[int] = []
    with Provider() as provider:
        options: dict[str, Any] = {"providers": rows(provider.url), "timeouts": PATIENT}
        options |= {"retry": Retry(base=0.001), "limit": None}
        with Client(**options) as client:
            client_async = AsyncClient(**options)
            for number in range(ROUNDS):
                problems.update(blocking(client, each, number))
                problems.update(asyncio.run(asynchronous(client_async, each, number)))
                megabytes.append(round(memory(), 1))
                files.append(descriptors())
            asyncio.run(client_async.aclose())
        requests = provider.calls()
    growth = round(megabytes[-1] - megabytes[0], 1)
    lines = [f"{count} times {line}" for line, count in problems.most_common(10)]
    lines += [f"memory grew by {growth} MB after the warm-up"] if growth > GROWTH else []
    lines += [f"descriptors: {files}"] if files[-1] > files[0] + THREADS else []
    return {
        "calls": 2 * each * ROUNDS,
        "requests": requests,
        "memory_mb": megabytes,
        "growth_mb": growth,
        "descriptors": files,
        "problems": lines,
    }
