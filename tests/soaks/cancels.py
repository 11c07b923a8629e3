"""
A storm of cancels on ten connections, for 60 s; then a hundred calls, each of which must succeed.

Ten tasks call, plain and streamed, and each is cancelled after a random time: while it connects, while it sends, while
it waits, in the middle of the answer, in the moment in which it ends.  A call that ends before its cancel must have its
own answer.

Source of the case: httpcore #830, httpx #1171 and #1461: after a storm the pool is exhausted, or hands over the answer
of a request that was cancelled.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from dragoman import AsyncClient
from dragoman.testing import Server, calls, says
from dragoman.testing.steps import Step
from dragoman.types.requests import ChatRequest
from tests.soaks.figures import PATIENT, descriptors, rows, wait_until

MODEL = "openai/m-1"
CONNECTIONS = 10
_LONGEST = 0.02  # seconds until a cancel; an answer takes up to about that long
_AFTER = 100


def _paced(request: ChatRequest) -> Step:
    """The question, word for word, at a speed that is in the question."""
    text = request.messages[-1].text
    return says(text, latency=int(text.split()[0]) / 1e4, pace=0.001)


async def _call(client: AsyncClient, question: str, streamed: bool) -> str:
    if not streamed:
        return (await client.chat(MODEL, question)).text
    async with client.stream(MODEL, question) as stream:
        return "".join([text async for text in stream.text])


class Storm:
    """
    What the tasks share.

    Attributes:
        begun, cancelled, ended: Counts of calls.
        problems: Answers that were another call's, and errors.
    """

    def __init__(self, client: AsyncClient, seed: int) -> None:
        self.begun = self.cancelled = self.ended = 0
        self.problems: list[str] = []
        self._client = client
        self._rng = random.Random(seed)

    async def worker(self, until: float) -> None:
        """Call and cancel, one after another."""
        while time.monotonic() < until:
            self.begun += 1
            await self._one(f"{self._rng.randrange(100)} is the pace of number {self.begun} here")

    async def _one(self, question: str) -> None:
        task = asyncio.create_task(_call(self._client, question, self._rng.random() < 0.5))
        await asyncio.wait([task], timeout=self._rng.random() * _LONGEST)
        task.cancel()
        [outcome] = await asyncio.gather(task, return_exceptions=True)
        if isinstance(outcome, asyncio.CancelledError):
            self.cancelled += 1
        elif outcome == question:
            self.ended += 1
        else:
            self.problems.append(f"{question!r} was answered by {outcome!r}")

    async def calm(self) -> int:
        """The calls after it: how many succeed."""
        right = 0
        places = asyncio.Semaphore(CONNECTIONS)

        async def one(number: int) -> None:
            nonlocal right
            question = f"0 is the pace of number {number} afterwards"
            async with places:
                text = (await self._client.chat(MODEL, question, timeout=5)).text
            right += text == question

        outcomes = await asyncio.gather(*(one(number) for number in range(_AFTER)), return_exceptions=True)
        self.problems += [f"after the storm: {outcome!r}" for outcome in outcomes if outcome is not None][:5]
        return right


async def _storm(server: Server, seconds: float) -> dict[str, Any]:
    async with AsyncClient(providers=rows(server.base_url()), timeouts=PATIENT) as client:
        storm = Storm(client, seed=11)
        until = time.monotonic() + seconds
        await asyncio.gather(*(storm.worker(until) for _ in range(CONNECTIONS)))
        right = await storm.calm()
        await asyncio.sleep(0.05)
        connections = server.connections
    # A connection whose stream was just read to its end may still wait for the last byte when the next is opened.
    if connections > 2 * CONNECTIONS:
        storm.problems.append(f"{connections} connections are kept after {CONNECTIONS} calls at once")
    if right != _AFTER:
        storm.problems.append(f"{right} of {_AFTER} calls after the storm succeeded")
    counts = {"calls": storm.begun, "cancelled": storm.cancelled, "ended": storm.ended}
    return {**counts, "right_after": right, "connections": connections, "problems": storm.problems[:20]}


def cancels(scale: float = 1.0) -> dict[str, Any]:
    """60 s of cancels."""
    seconds = max(0.4, 60 * scale)
    with Server(default=calls(_paced)) as server:
        asyncio.run(_storm(server, 0.1))  # what is opened once is open
        wait_until(lambda: server.connections == 0, 2)
        before = descriptors()
        found = asyncio.run(_storm(server, seconds))
        wait_until(lambda: descriptors() <= before, 2)
        after = descriptors()
    if after > before:
        found["problems"].append(f"{after} descriptors are open, {before} were")
    return {"seconds": seconds, **found, "descriptors": [before, after]}
