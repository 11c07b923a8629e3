"""
10,000 streams that are left: by `break`, by an exception, by a cancel, and by nobody holding them any more.

Both faces, mixed; the garbage collector is off throughout.  The provider writes half of an answer and then nothing, so
every stream would stay open for ever.  It notes the moment at which it sees each connection close.  Time in
which the machine let one of the two processes not run at all is not counted.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from dragoman import AsyncClient, Client
from tests.soaks.figures import PATIENT, Pulse, descriptors, rows, stalled, wait_until
from tests.soaks.provider import Provider

MODEL = "openai/m-1"
AT_ONCE = 8
LIMIT = 0.1  # seconds from leaving to the moment at which the provider knows; DESIGN.md, section 6, rule 7

Left = dict[str, float]
"""Question to the moment at which its stream was left."""


class Leave(Exception):
    """Raised in the middle of a stream, by the code that reads it."""


# --- the blocking face ------------------------------------------------------------------------------------------------


def _break(client: Client, question: str, left: Left) -> None:
    with client.stream(MODEL, question) as stream:
        for _ in stream:
            break
        left[question] = time.monotonic()


def _raise(client: Client, question: str, left: Left) -> None:
    try:
        with client.stream(MODEL, question) as stream:
            next(stream)
            left[question] = time.monotonic()
            raise Leave
    except Leave:
        pass


def _drop(client: Client, question: str, left: Left) -> None:
    stream = client.stream(MODEL, question)
    next(stream)
    left[question] = time.monotonic()
    del stream


_BLOCKING: tuple[Callable[[Client, str, Left], None], ...] = (_break, _raise, _drop)


def blocking(client: Client, count: int, rng: random.Random, left: Left) -> None:
    """Leave `count` streams, one after another."""
    for number in range(count):
        rng.choice(_BLOCKING)(client, f"stall_in_text blocking-{number}", left)


# --- the async face ---------------------------------------------------------------------------------------------------


async def _break_async(client: AsyncClient, question: str, left: Left) -> None:
    async with client.stream(MODEL, question) as stream:
        async for _ in stream:
            break
        left[question] = time.monotonic()


async def _raise_async(client: AsyncClient, question: str, left: Left) -> None:
    try:
        async with client.stream(MODEL, question) as stream:
            await anext(stream)
            left[question] = time.monotonic()
            raise Leave
    except Leave:
        pass


async def _drop_async(client: AsyncClient, question: str, left: Left) -> None:
    stream = client.stream(MODEL, question)
    await anext(stream)
    left[question] = time.monotonic()
    del stream


async def _cancel(client: AsyncClient, question: str, left: Left) -> None:
    """Cancelled while it waits for the event that never comes; the stream is not closed by hand."""
    first = asyncio.Event()

    async def read() -> None:
        async for _ in client.stream(MODEL, question):
            first.set()

    task = asyncio.create_task(read())
    await first.wait()
    await asyncio.sleep(0)
    left[question] = time.monotonic()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _cancel_early(client: AsyncClient, question: str, left: Left) -> None:
    """Cancelled while it waits for the first event."""
    question = question.replace("stall_in_text", "stall_before_answer")
    task = asyncio.create_task(_first(client, question))
    await asyncio.sleep(0.01)
    left[question] = time.monotonic()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _first(client: AsyncClient, question: str) -> None:
    await anext(client.stream(MODEL, question))


_ASYNC: tuple[Callable[[AsyncClient, str, Left], Awaitable[None]], ...] = (
    _cancel_early,
    _break_async,
    _raise_async,
    _drop_async,
    _cancel,
)


async def asynchronous(client: AsyncClient, count: int, rng: random.Random, left: Left) -> None:
    """Leave `count` streams, a few at a time."""
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await rng.choice(_ASYNC)(client, f"stall_in_text async-{number}", left)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


async def _asynchronous(url: str, count: int, rng: random.Random, left: Left) -> None:
    async with AsyncClient(providers=rows(url), timeouts=PATIENT) as client:
        await asynchronous(client, count, rng, left)
        await asyncio.sleep(0.05)  # what was dropped last is closed by the loop


# --- the whole --------------------------------------------------------------------------------------------------------


def abandoned(scale: float = 1.0) -> dict[str, Any]:
    """10,000 abandoned streams; a short run, beside others on a busy machine, gives the closing more time."""
    count, limit = max(20, int(5_000 * scale)), LIMIT if scale >= 0.1 else 2.0
    left: Left = {}
    rng = random.Random(7)
    gc.collect()
    gc.disable()
    try:
        with (
            Pulse() as pulse,
            Provider() as provider,
            Client(providers=rows(provider.url), timeouts=PATIENT) as client,
        ):
            blocking(client, 3, rng, {})  # what is opened once is open
            asyncio.run(_asynchronous(provider.url, 3, rng, {}))
            before = descriptors()
            blocking(client, count, rng, left)
            asyncio.run(_asynchronous(provider.url, count, rng, left))
            closed = wait_until(lambda: provider.connections() == 0, 5)
            after, connections = descriptors(), provider.connections()
            seen = {one.question: one.closed for one in provider.requests()[6:]}
            stalls = pulse.stalls + provider.stalls()
    finally:
        gc.enable()
    arrived = {
        question: at for question, at in left.items() if question in seen
    }  # a cancel may come before the request
    unseen = [question for question in arrived if seen[question] is None]
    times = [(at, end) for question, at in arrived.items() if (end := seen[question]) is not None]
    waits = sorted(end - at for at, end in times)
    over = [(at, end) for at, end in times if end - at > limit]
    late = [end - at for at, end in over if end - at - stalled(stalls, at, end) > limit]
    problems = [f"{len(unseen)} streams were never seen to be left: {unseen[:3]}"] if unseen else []
    problems += [f"{len(late)} closed after more than {limit} s, the last after {max(late):.3f} s"] if late else []
    problems += [] if closed else [f"{connections} connections are open"]
    problems += [f"{after} descriptors are open, {before} were"] if after > before else []
    return {
        "streams": len(left),
        "arrived": len(arrived),
        "close_ms": {
            "least": round(waits[0] * 1e3, 2),
            "median": round(waits[len(waits) // 2] * 1e3, 2),
            "p99": round(waits[int(len(waits) * 0.99)] * 1e3, 2),
            "max": round(waits[-1] * 1e3, 2),
        },
        "late_because_the_machine_was_busy": len(over) - len(late),
        "descriptors": [before, after],
        "connections": connections,
        "problems": problems,
    }
