"""A tool is still the function it was made of."""

from __future__ import annotations

from typing import Literal, assert_type

from dragoman import Client, Tool, tool


@tool
def weather(city: str, days: int = 1) -> list[str]:
    """Forecast for a city."""
    return [city] * days


@tool(name="add_numbers", strict=True)
def add(a: float, b: float, *, mode: Literal["exact", "fast"] = "exact") -> float:
    """Add two numbers."""
    return a + b if mode == "exact" else float(int(a) + int(b))


def calls(client: Client) -> None:
    """Calling keeps the types of arguments and result, and models are shown the declaration."""
    assert_type(weather("Paris", days=2), list[str])
    assert_type(add(1, 2, mode="fast"), float)
    assert_type(weather.declaration, Tool)
    client.chat("openai/m", "Hello", tools=[weather, add, Tool(name="look"), {"name": "see"}, describe])


def describe(subject: str) -> str:
    """A plain function is a tool, too."""
    return subject


def mistakes() -> None:
    """What a type checker must not let pass."""
    weather(5)  # type: ignore[arg-type]  # pyright: ignore
    weather("Paris", hours=2)  # type: ignore[call-arg]  # pyright: ignore
    add(1, 2, mode="slow")  # type: ignore[arg-type]  # pyright: ignore
