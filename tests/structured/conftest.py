"""Both faces, for each wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dragoman import AsyncClient, Client
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


class Blocking:
    """The blocking face."""

    def __init__(self, **options: Any) -> None:
        self.client = Client(**options)

    def do(self, verb: str, *args: Any, **settings: Any) -> Any:
        return getattr(self.client, verb)(*args, **settings)

    def see(self, name: str, *args: Any, **settings: Any) -> tuple[list[Any], Any]:
        """What a stream shows under a name, and its stream."""
        with self.client.stream(*args, **settings) as stream:
            return list(getattr(stream, name)), stream

    def close(self) -> None:
        self.client.close()


class Async:
    """The async face, as if it were blocking."""

    def __init__(self, **options: Any) -> None:
        self.runner = asyncio.Runner()
        self.client = AsyncClient(**options)

    def do(self, verb: str, *args: Any, **settings: Any) -> Any:
        return self.runner.run(getattr(self.client, verb)(*args, **settings))

    def see(self, name: str, *args: Any, **settings: Any) -> tuple[list[Any], Any]:
        """What a stream shows under a name, and its stream."""

        async def read() -> tuple[list[Any], Any]:
            async with self.client.stream(*args, **settings) as stream:
                return [one async for one in getattr(stream, name)], stream

        return self.runner.run(read())

    def close(self) -> None:
        self.runner.run(self.client.aclose())
        self.runner.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        yield made


@pytest.fixture(params=[Blocking, Async], ids=["blocking", "async"])
def make(request: pytest.FixtureRequest, server: Server) -> Iterator[Callable[..., Any]]:
    """Make a client of either face; its provider `p` speaks one wire."""
    made: list[Any] = []

    def build(wire: str = "openai-chat", quirks: dict[str, Any] | None = None, **options: Any) -> Any:
        row = {"base_url": server.base_url(wire), "api_key": "k", "wire": wire, "quirks": quirks or {}}
        made.append(request.param(providers={"p": row}, **options))
        return made[-1]

    yield build
    for face in made:
        face.close()
