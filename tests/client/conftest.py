"""Both faces behind one set of verbs, so that each promise is tested on both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest

from dragoman import AsyncClient, ChatResponse, Client, Event, RawResponse
from dragoman.testing import Server


class Face(Protocol):
    """What both faces can do, blocking."""

    name: str

    def chat(self, *args: Any, **settings: Any) -> ChatResponse: ...

    def events(self, *args: Any, **settings: Any) -> list[Event]:
        """Stream to the end."""
        ...

    def leave(self, *args: Any, after: int, **settings: Any) -> list[Event]:
        """Stream, and leave after that many events."""
        ...

    def do(self, verb: str, *args: Any, **settings: Any) -> Any:
        """Any verb that gives one value."""
        ...

    def raw(self, provider: str, method: str, path: str, **options: Any) -> RawResponse:
        """A raw request."""
        ...


class BlockingFace:
    name = "blocking"

    def __init__(self, **options: Any) -> None:
        self.client = Client(**options)

    def chat(self, *args: Any, **settings: Any) -> ChatResponse:
        return self.client.chat(*args, **settings)

    def events(self, *args: Any, **settings: Any) -> list[Event]:
        with self.client.stream(*args, **settings) as stream:
            found = list(stream)
        self.last = stream
        return found

    def leave(self, *args: Any, after: int, **settings: Any) -> list[Event]:
        found: list[Event] = []
        with self.client.stream(*args, **settings) as stream:
            for event in stream:
                found.append(event)
                if len(found) == after:
                    break
        self.last = stream
        return found

    def do(self, verb: str, *args: Any, **settings: Any) -> Any:
        return getattr(self.client, verb)(*args, **settings)

    def raw(self, provider: str, method: str, path: str, **options: Any) -> RawResponse:
        return getattr(self.client.raw(provider), method)(path, **options)

    def close(self) -> None:
        self.client.close()


class AsyncFace:
    name = "async"

    def __init__(self, **options: Any) -> None:
        self.runner = asyncio.Runner()
        self.client = AsyncClient(**options)

    def chat(self, *args: Any, **settings: Any) -> ChatResponse:
        return self.runner.run(self.client.chat(*args, **settings))

    def events(self, *args: Any, **settings: Any) -> list[Event]:
        async def read() -> list[Event]:
            async with self.client.stream(*args, **settings) as stream:
                found = [event async for event in stream]
            self.last = stream
            return found

        return self.runner.run(read())

    def leave(self, *args: Any, after: int, **settings: Any) -> list[Event]:
        async def read() -> list[Event]:
            found: list[Event] = []
            async with self.client.stream(*args, **settings) as stream:
                async for event in stream:
                    found.append(event)
                    if len(found) == after:
                        break
            self.last = stream
            return found

        return self.runner.run(read())

    def do(self, verb: str, *args: Any, **settings: Any) -> Any:
        return self.runner.run(getattr(self.client, verb)(*args, **settings))

    def raw(self, provider: str, method: str, path: str, **options: Any) -> RawResponse:
        return self.runner.run(getattr(self.client.raw(provider), method)(path, **options))

    def close(self) -> None:
        self.runner.run(self.client.aclose())
        self.runner.close()


@pytest.fixture(params=[BlockingFace, AsyncFace], ids=["blocking", "async"])
def make_face(request: pytest.FixtureRequest, server: Server) -> Iterator[Callable[..., Any]]:
    """Make a client of either face whose providers `openai` and `anthropic` are the server."""
    made: list[Any] = []

    def make(**options: Any) -> Any:
        rows = {
            "openai": {"base_url": server.base_url("openai-chat"), "api_key": "test-key-0001"},
            "anthropic": {"base_url": server.base_url("anthropic-messages"), "api_key": "test-key-0002"},
        }
        rows |= options.pop("providers", {})
        made.append(request.param(providers=rows, **options))
        return made[-1]

    yield make
    for face in made:
        face.close()


@pytest.fixture
def face(make_face: Callable[..., Any]) -> Any:
    """A client of either face, as it comes."""
    return make_face()
