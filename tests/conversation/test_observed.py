"""Observers are told which conversation a call belongs to."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dragoman import AsyncClient, Client, LastTurns
from dragoman.observe import OpenTelemetry
from dragoman.testing import Server, says
from tests.conversation.conftest import rows_of

NAME = "gen_ai.conversation.id"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def observer(spans: InMemorySpanExporter) -> OpenTelemetry:
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    return OpenTelemetry(tracers, metrics=False)


def look(at: int) -> str:
    """What is there."""
    return f"nothing at {at}"


def test_spans_have_the_conversation(provider: Server, spans: Any, observer: Any) -> None:
    """Turns of every verb, and no call beside them."""
    with Client(providers=rows_of(provider), observe=[observer]) as client:
        talk = client.conversation("ticket-42", model="openai/any")
        talk.say("one")
        talk.stream("two").drain()
        provider.script(says(tools=[("look", {"at": 1})]))
        talk.run("three", tools=[look])
        client.chat("openai/any", "four")

    assert [*["ticket-42"] * 4, None] == [span.attributes.get(NAME) for span in spans.get_finished_spans()]


def test_turns_at_once_are_told_apart(provider: Server, spans: Any, observer: Any) -> None:
    """Three conversations of one loop."""
    names = ["a", "b", "c"]

    async def talk() -> None:
        async with AsyncClient(providers=rows_of(provider), observe=[observer]) as client:
            talks = [client.conversation(name, model="openai/any") for name in names]
            await asyncio.gather(*(talk.say(f"in {talk.id}") for talk in talks))

    asyncio.run(talk())

    assert names == sorted(span.attributes[NAME] for span in spans.get_finished_spans())


def test_log_names_the_conversation_on_one_line(provider: Server, caplog: Any) -> None:
    """A name with a line break forges no line."""
    caplog.set_level(logging.DEBUG, "dragoman.call")
    with Client(providers=rows_of(provider)) as client:
        client.conversation("a\nb", model="openai/any").say("hi")

    (line,) = [record.getMessage() for record in caplog.records if " ends status" in record.getMessage()]
    assert "conversation=a\\nb" in line
    assert "\n" not in line


def test_cut_is_a_signal_with_its_window(provider: Server) -> None:
    """Whoever watches the prompt cache sees when it began anew, and why."""

    class Seen:
        def __init__(self) -> None:
            self.signals: list[tuple[str, float, dict[str, str]]] = []

        def begin(self, call: Any) -> None:
            pass

        def signal(self, name: str, value: float, labels: dict[str, str]) -> None:
            self.signals.append((name, value, dict(labels)))

    seen = Seen()
    with Client(providers=rows_of(provider), observe=[seen]) as client:
        talk = client.conversation("x", model="openai/any", window=LastTurns(2))
        for number in range(3):
            assert [] == [signal for signal in seen.signals if signal[0] == "prefix_moved"], number
            talk.say(f"turn {number}")

    assert ("prefix_moved", 1, {"reason": "LastTurns"}) in seen.signals
