"""A scripted provider that speaks any dialect, and both faces behind one verb."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dragoman import AsyncClient, Client, RunEvent, RunResponse
from dragoman.testing import Server

WIRES = (
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "gemini-generate",
    "gemini-interactions",
    "bedrock-converse",
    "ollama-chat",
    "cohere-chat",
)


def row(server: Server, wire: str = "openai-chat") -> dict[str, Any]:
    """A provider `fake` that is the server, speaking `wire`."""
    return {"fake": {"base_url": server.base_url(wire), "wire": wire, "api_key": "test-key-0001"}}


class BlockingFace:
    name = "blocking"

    def __init__(self, **options: Any) -> None:
        self.client = Client(**options)

    def run(self, *args: Any, **keywords: Any) -> RunResponse:
        return self.client.run(*args, **keywords)

    def events(self, *args: Any, after: int | None = None, until: Any = (), **keywords: Any) -> list[RunEvent]:
        """Stream to the end, until that many events, or one of that kind."""
        found: list[RunEvent] = []
        with self.client.run_stream(*args, **keywords) as self.last:
            for event in self.last:
                found.append(event)
                if len(found) == after or isinstance(event, until):
                    break
        return found

    def close(self) -> None:
        self.client.close()


class AsyncFace:
    name = "async"

    def __init__(self, **options: Any) -> None:
        self.runner = asyncio.Runner()
        self.client = AsyncClient(**options)

    def run(self, *args: Any, **keywords: Any) -> RunResponse:
        return self.runner.run(self.client.run(*args, **keywords))

    def events(self, *args: Any, after: int | None = None, until: Any = (), **keywords: Any) -> list[RunEvent]:
        async def read() -> list[RunEvent]:
            found: list[RunEvent] = []
            async with self.client.run_stream(*args, **keywords) as self.last:
                async for event in self.last:
                    found.append(event)
                    if len(found) == after or isinstance(event, until):
                        break
            return found

        return self.runner.run(read())

    def close(self) -> None:
        self.runner.run(self.client.aclose())
        self.runner.close()


@pytest.fixture
def server() -> Iterator[Server]:
    """A provider with an empty script."""
    with Server() as running:
        yield running


@pytest.fixture(params=[BlockingFace, AsyncFace], ids=["blocking", "async"])
def make_face(request: pytest.FixtureRequest, server: Server) -> Iterator[Callable[..., Any]]:
    """Make a client of either face whose provider `fake` is the server."""
    made: list[Any] = []

    def make(wire: str = "openai-chat", **options: Any) -> Any:
        made.append(request.param(providers=row(server, wire), **options))
        return made[-1]

    yield make
    for face in made:
        face.close()


@pytest.fixture
def face(make_face: Callable[..., Any]) -> Any:
    """A client of either face, as it comes."""
    return make_face()


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    """After a test no loop of a run is left, unless a tool of it still hangs."""
    yield
    for thread in threading.enumerate():
        if thread.name == "dragoman-tools":
            thread.join(2.0)
            assert not thread.is_alive(), thread.name
