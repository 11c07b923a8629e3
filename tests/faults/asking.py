"""
One call against a fault, on either face, and all that is to be seen of it.

The client is left open until the server was looked at, so that a connection that is closed was closed by the call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import msgspec

from dragoman import AsyncClient, ChatResponse, Client, DragomanError, Event, Retry, TextDelta, Timeouts
from dragoman.testing import Server, Step

KEY = "a-secret-of-the-tests-4711"
PROVIDERS = {"openai-chat": "openai", "anthropic-messages": "anthropic"}  # any other dialect is spoken by a stranger
ADDRESS = {"project": "p", "location": "l"}
PATIENT = Timeouts(first_event=8, idle=8, total=8)
SHORT = Timeouts(first_event=0.4, idle=0.4, total=0.9)
_SOON = 2.0  # seconds in which the server must have seen a connection close


class Outcome(msgspec.Struct):
    """
    What a call came to.

    Attributes:
        server: That was asked, still with its records.
        seconds: How long the call took.
        open_connections: That the server still had when the call was over, after it had time to see them close.
        response: The answer, or None.
        error: What was raised, or None.
        events: What was delivered of a stream.
    """

    server: Server
    seconds: float = 0.0
    open_connections: int = 0
    response: ChatResponse | None = None
    error: DragomanError | None = None
    events: list[Event] = []

    @property
    def text(self) -> str:
        """The text that was delivered by events."""
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def broken_off(self) -> bool:
        """Whether the call failed on an answer that was never written to its end."""
        requests = self.server.requests
        return self.error is not None and (not requests or requests[-1].finished_at is None)


def ask(step: Step, wire: str, *, streamed: bool, timeouts: Timeouts, face: str, limit: str | None = None) -> Outcome:
    """
    Make one call to a server that answers every request with `step`.

    By default the client does not pace itself: after a 429 that names no wait it would be patient for seconds.
    """
    with Server(default=step) as server:
        name = PROVIDERS.get(wire, "other")
        row = {"base_url": server.base_url(wire), "api_key": KEY, "wire": wire, "address": ADDRESS}
        options: dict[str, Any] = {"providers": {name: row}, "timeouts": timeouts, "retry": Retry(base=0.01)}
        options["limit"] = limit
        outcome = Outcome(server)
        _ASK[face](outcome, f"{name}/m-1", streamed, options)
    return outcome


def _blocking(outcome: Outcome, model: str, streamed: bool, options: dict[str, Any]) -> None:
    with Client(**options) as client:
        begun = time.monotonic()
        try:
            if streamed:
                with client.stream(model, "Hi", max_tokens=50) as stream:
                    for event in stream:
                        outcome.events.append(event)
                outcome.response = stream.response
            else:
                outcome.response = client.chat(model, "Hi", max_tokens=50)
        except DragomanError as error:
            outcome.error = error
        outcome.seconds = time.monotonic() - begun
        until = time.monotonic() + _SOON
        while outcome.server.connections and outcome.broken_off and time.monotonic() < until:
            time.sleep(0.002)
        outcome.open_connections = outcome.server.connections


def _asynchronous(outcome: Outcome, model: str, streamed: bool, options: dict[str, Any]) -> None:
    asyncio.run(_call(outcome, model, streamed, options))


async def _call(outcome: Outcome, model: str, streamed: bool, options: dict[str, Any]) -> None:
    async with AsyncClient(**options) as client:
        begun = time.monotonic()
        try:
            if streamed:
                async with client.stream(model, "Hi", max_tokens=50) as stream:
                    async for event in stream:
                        outcome.events.append(event)
                outcome.response = stream.response
            else:
                outcome.response = await client.chat(model, "Hi", max_tokens=50)
        except DragomanError as error:
            outcome.error = error
        outcome.seconds = time.monotonic() - begun
        until = time.monotonic() + _SOON
        while outcome.server.connections and outcome.broken_off and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        outcome.open_connections = outcome.server.connections


_ASK: dict[str, Callable[[Outcome, str, bool, dict[str, Any]], None]] = {
    "blocking": _blocking,
    "async": _asynchronous,
}
