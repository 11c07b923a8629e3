"""Conversations of both faces behind one set of verbs, and every store behind one fixture."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from dragoman import AsyncClient, ChatRequest, Client
from dragoman.conversation.store import Store, open_store
from dragoman.testing import Server, Step, calls, says
from tests.schemas import fresh_schema

# What makes the URL of an empty store of each kind; a server is started by the first test that asks for it.
URLS: dict[str, Callable[[pytest.FixtureRequest, Path], str]] = {
    "memory": lambda request, folder: "memory://",
    "sqlite": lambda request, folder: f"sqlite:///{folder}/talk.db",
    "postgres": lambda request, folder: fresh_schema(request.getfixturevalue("postgres_server"), "talk"),
    "redis": lambda request, folder: f"{request.getfixturevalue('redis_server').url}?prefix=talk-{token_hex(6)}",
}
STORES = list(URLS)


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store of each kind."""
    return URLS[request.param](request, tmp_path)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An empty store of each kind."""
    opened = open_store(store_url)
    yield opened
    opened.close()


class BlockingTalk:
    """A conversation on the blocking face."""

    def __init__(self, rows: dict[str, Any], name: str, options: dict[str, Any]) -> None:
        self.client = Client(providers=rows)
        self.talk = self.client.conversation(name, **options)

    def do(self, verb: str, *args: Any, **keywords: Any) -> Any:
        return getattr(self.talk, verb)(*args, **keywords)

    def history(self) -> list[str]:
        return [message.text for message in self.talk.history]

    def read(self, *args: Any, after: int | None = None, **keywords: Any) -> Any:
        """Stream to the end, or leave after that many events."""
        with self.talk.stream(*args, **keywords) as stream:
            for number, _ in enumerate(stream, 1):
                if number == after:
                    return stream.partial
        return stream.response

    def close(self) -> None:
        self.client.close()


class AsyncTalk:
    """The same on the async face."""

    def __init__(self, rows: dict[str, Any], name: str, options: dict[str, Any]) -> None:
        self.runner = asyncio.Runner()
        self.client = AsyncClient(providers=rows)
        self.talk = self.client.conversation(name, **options)

    def do(self, verb: str, *args: Any, **keywords: Any) -> Any:
        return self.runner.run(getattr(self.talk, verb)(*args, **keywords))

    def history(self) -> list[str]:
        return [message.text for message in self.do("history")]

    def read(self, *args: Any, after: int | None = None, **keywords: Any) -> Any:
        async def read() -> Any:
            number = 0
            async with self.talk.stream(*args, **keywords) as stream:
                async for _ in stream:
                    number += 1
                    if number == after:
                        return stream.partial
            return stream.response

        return self.runner.run(read())

    def close(self) -> None:
        self.runner.run(self.client.aclose())
        self.runner.close()


def repeats(chat: ChatRequest) -> Step:
    """Answer with the number of messages that came, and the last of them."""
    return says(f"{len(chat.messages)}: {chat.messages[-1].text}")


@pytest.fixture
def provider() -> Iterator[Server]:
    """A provider that says how long the history was that it saw."""
    with Server(default=calls(repeats)) as server:
        yield server


def rows_of(server: Server) -> dict[str, Any]:
    return {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "test-key-0001"}}


@pytest.fixture
def talk_url(tmp_path: Path) -> str:
    """Where conversations are kept; a module that tries other stores has a fixture of its own in its place."""
    return f"sqlite:///{tmp_path}/talk.db"


@pytest.fixture(params=[BlockingTalk, AsyncTalk], ids=["blocking", "async"])
def make_talk(request: pytest.FixtureRequest, provider: Server, talk_url: str) -> Iterator[Callable[..., Any]]:
    """Make a conversation of either face, at `talk_url` unless it says otherwise."""
    made: list[Any] = []

    def make(name: str = "ticket", **options: Any) -> Any:
        options = {"model": "openai/any", "store": talk_url} | options
        made.append(request.param(rows_of(provider), name, options))
        return made[-1]

    yield make
    for talk in made:
        talk.close()


@pytest.fixture
def talk(make_talk: Callable[..., Any]) -> Any:
    """A conversation of either face."""
    return make_talk()
