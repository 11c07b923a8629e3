"""
Hands rows to a provider's batch service, as the engine does.

`python -m tests.batch.service.handing PROVIDER MODULE:CLASS FOLDER ROW` hands in 2,500 rows of 8 KB, reads their
results, and prints how many came and how many bytes were in use at most.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable
from contextlib import aclosing
from importlib import import_module
from pathlib import Path
from typing import Any

from dragoman import AsyncClient, Message
from dragoman.batch.service.base import FINAL, Part, Result, Sending, Sent, Service, Status
from dragoman.batch.service.calls import Calls
from dragoman.types.requests import ChatRequest


def key_of(number: int) -> str:
    """The key of a row."""
    return f"{number:032x}"


class Hand:
    """
    A service and what it is handed.

    Attributes:
        service: Made by the given class.
    """

    def __init__(self, made: type[Service], client: AsyncClient, provider: str, folder: Path) -> None:
        self.client = client
        self.provider = provider
        self.calls = Calls(client._plain, provider)
        self.service = made(self.calls)
        self.folder = folder

    def part(self, number: int, request: ChatRequest) -> Part:
        """One row."""
        plain = self.client._plain
        route, http = plain.sender.prepare(request, plain.context(None))
        return Part(key=key_of(number), request=request, model=route.model, wire=route.wire.name, http=http)

    def sending(self, texts: Iterable[str], *, model: str, tag: str = "dragoman-test-1", **facts: int) -> Sending:
        """A lines file with these questions."""
        path, count, part = self.folder / f"{tag}.jsonl", 0, None
        with path.open("wb") as file:
            for count, text in enumerate(texts, 1):
                part = self.part(
                    count - 1, ChatRequest(f"{self.provider}/{model}", (Message.user(text),), max_tokens=50)
                )
                file.write(self.service.line(part) + b"\n")
        assert part is not None
        return Sending(
            path=path,
            bytes=path.stat().st_size,
            count=count,
            model=part.model,
            wire=part.wire,
            url=part.http.url,
            tag=tag,
            hours=facts.get("hours"),
        )

    async def ended(self, sent: Sent) -> Status:
        """Look until it is over."""
        for _ in range(100):
            status = await self.service.look(sent)
            if status.state in FINAL:
                return status
        raise AssertionError("it does not end")

    async def results(self, sent: Sent, status: Status) -> dict[str, Result]:
        """All results, by key."""
        got: dict[str, Result] = {}
        async with aclosing(self.service.results(sent, status)) as results:
            async for result in results:
                assert result.key not in got
                got[result.key] = result
        return got


async def _weigh(made: type[Service], provider: str, folder: Path, row: dict[str, Any]) -> tuple[int, int]:
    async with AsyncClient(providers={provider: row}) as client:
        hand = Hand(made, client, provider, folder)
        sending = hand.sending(("x" * 8000 for _ in range(2500)), model=row.get("default_model", "m"))
        tracemalloc.start()
        sent = await hand.service.submit(sending)
        status, count = await hand.ended(sent), 0
        async with aclosing(hand.service.results(sent, status)) as results:
            async for result in results:
                count += result.response is not None
        return count, tracemalloc.get_traced_memory()[1]


def weigh(made: type[Service], provider: str, folder: Path, row: dict[str, Any]) -> tuple[int, int]:
    """Hand in 20 MB from another process: how many answers it got, and the most bytes that it had in use for it."""
    name = f"{made.__module__}:{made.__name__}"
    done = subprocess.run(
        [sys.executable, "-m", "tests.batch.service.handing", provider, name, str(folder), json.dumps(row)],
        check=True,
        capture_output=True,
        timeout=60,
    )
    count, most = json.loads(done.stdout)
    return count, most


if __name__ == "__main__":
    _, PROVIDER, NAME, FOLDER, ROW = sys.argv
    MODULE, _, CLASS = NAME.partition(":")
    print(
        json.dumps(asyncio.run(_weigh(getattr(import_module(MODULE), CLASS), PROVIDER, Path(FOLDER), json.loads(ROW))))
    )
