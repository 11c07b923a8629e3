"""Let a model call functions: at once, with a person asked first, and every step shown as it happens."""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

from dragoman import Client, RunLimitError, TextDelta, ToolCall, ToolEnded, ToolStarted
from dragoman.testing import Server, says


@dataclass
class Trip:
    """A journey by train."""

    start: str
    goal: str


def weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """
    Weather of a city.

    Args:
        city: Its name, in English.
        unit: Unit of the temperature.
    """
    return f"{city}: 21 degrees {unit}"


async def trains(trip: Trip, count: int = 2) -> list[str]:
    """
    The next trains.

    Args:
        trip: From where to where.
        count: How many.
    """
    await asyncio.sleep(0.01)  # would ask a timetable
    return [f"{trip.start} {8 + n}:05 - {trip.goal} {11 + n}:40" for n in range(count)]


def book(train: str) -> str:
    """Book a seat."""
    return f"booked: {train}"


def approve(call: ToolCall) -> bool | str:
    """Only what costs nothing may be done without asking."""
    return call.name != "book" or "Ask the traveller first."


SCRIPT = (
    says(
        "I look. ",
        tools=[("weather", {"city": "Rome"}), ("trains", {"trip": {"start": "Milan", "goal": "Rome"}}), ("book", {})],
    ),
    says(tools=[("book", {"train": "8:05"})]),
    says("It is warm in Rome, and there is a train at 8:05. Shall I book it?"),
)

with ExitStack() as stack:
    model, rows = os.environ.get("MODEL"), {}
    if model is None:  # a provider on this machine that follows a script; set MODEL to ask a real one
        server = stack.enter_context(Server(*SCRIPT))
        model, rows = "demo/any", {"demo": {"base_url": server.base_url("openai-chat"), "api_key": "any"}}
    client = stack.enter_context(Client(providers=rows))
    try:
        stream = stack.enter_context(
            client.run_stream(
                model,
                "I am in Milan and want to go to Rome tomorrow.",
                tools=[weather, trains, book],
                approve=approve,
                max_rounds=6,
                tool_timeout=5,
                timeout=120,
            )
        )
        for event in stream:
            match event:
                case TextDelta():
                    print(event.text, end="", flush=True)
                case ToolStarted():
                    print(f"\n  > {event.call.name} {event.call.arguments_json}")
                case ToolEnded():
                    print(f"  < {'error: ' if event.result.is_error else ''}{event.result.text}")
                case _:
                    pass
        print(f"\n{len(stream.response.rounds)} rounds, {stream.response.usage.total_tokens} tokens")
    except RunLimitError as error:
        print(f"\nstopped: {error}; {len(error.messages)} messages are kept")
