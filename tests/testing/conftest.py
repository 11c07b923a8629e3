"""Both faces behind one set of verbs, for what is recorded and played."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from dragoman import AsyncClient, ChatResponse, Client, DragomanError, Event, redact
from dragoman.transport import wrapping


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """Keys that other tests of this process have used are no words of these; and no tape plays on after its test."""
    known, exact = redact._known, redact._exact
    redact._known, redact._exact = frozenset(), None
    yield
    redact._known, redact._exact = known | redact._known, exact
    left, wrapping._wraps = wrapping._wraps, ()
    assert () == left


class Outcome(msgspec.Struct):
    """
    What a call came to, without what differs in every run: its ledger and its times.

    Attributes:
        response: The answer, or None.
        error: Class and words of what was raised, or None.
        events: What was delivered of a stream.
    """

    response: ChatResponse | None = None
    error: tuple[str, str] | None = None
    events: list[Event] = []

    @classmethod
    def of(cls, response: ChatResponse | None, error: DragomanError | None, events: list[Event]) -> Outcome:
        same = response and msgspec.structs.replace(response, attempts=())
        return cls(same, error and (type(error).__name__, error.message), events)

    @property
    def text(self) -> str:
        assert self.response is not None, self.error
        return self.response.text


class Blocking:
    name = "blocking"

    def __init__(self) -> None:
        self._clients: list[Client] = []

    def client(self, **options: Any) -> Client:
        self._clients.append(Client(**options))
        return self._clients[-1]

    def plain(self, client: Client, *args: Any, **settings: Any) -> Outcome:
        return self._outcome(lambda events: client.chat(*args, **settings))

    def stream(self, client: Client, *args: Any, **settings: Any) -> Outcome:
        def read(events: list[Event]) -> ChatResponse:
            with client.stream(*args, **settings) as stream:
                events += stream
            return stream.response

        return self._outcome(read)

    def _outcome(self, call: Callable[[list[Event]], ChatResponse]) -> Outcome:
        events: list[Event] = []
        try:
            return Outcome.of(call(events), None, events)
        except DragomanError as error:
            return Outcome.of(None, error, events)

    def close(self) -> None:
        for client in self._clients:
            client.close()


class Asynchronous:
    name = "async"

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._clients: list[AsyncClient] = []

    def client(self, **options: Any) -> AsyncClient:
        self._clients.append(AsyncClient(**options))
        return self._clients[-1]

    def plain(self, client: AsyncClient, *args: Any, **settings: Any) -> Outcome:
        return self._outcome(lambda events: client.chat(*args, **settings))

    def stream(self, client: AsyncClient, *args: Any, **settings: Any) -> Outcome:
        async def read(events: list[Event]) -> ChatResponse:
            async with client.stream(*args, **settings) as stream:
                async for event in stream:
                    events.append(event)  # noqa: PERF401 - those before an error are kept
            return stream.response

        return self._outcome(read)

    def _outcome(self, call: Any) -> Outcome:
        events: list[Event] = []
        try:
            return Outcome.of(self._runner.run(call(events)), None, events)
        except DragomanError as error:
            return Outcome.of(None, error, events)

    def close(self) -> None:
        for client in self._clients:
            self._runner.run(client.aclose())
        self._runner.close()


@pytest.fixture(params=[Blocking, Asynchronous], ids=["blocking", "async"])
def face(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Either face."""
    made = request.param()
    yield made
    made.close()
