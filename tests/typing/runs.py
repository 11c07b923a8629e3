"""A run gives a `RunResponse`, its stream typed events; hooks of either kind fit."""

from __future__ import annotations

from typing import assert_type

from dragoman import AsyncClient, Client, Fallback, RunEvent, RunResponse, RunStream, ToolCall, tool
from dragoman.tools import MCPServer


def look(city: str) -> str:
    """Look."""
    return city


@tool(timeout=3)
async def wait(seconds: int) -> str:
    """Wait."""
    return str(seconds)


async def later(call: ToolCall) -> bool:
    """Yes."""
    return call.name == "look"


def blocking(client: Client, server: MCPServer) -> None:
    """Options of the run and settings of its calls are keywords of one call."""
    answer = client.run(
        "openai/m",
        "Go",
        tools=[look, wait, *server.tools],
        max_rounds=3,
        max_cost=0.5,
        approve=lambda call: "no" if call.name == "wait" else {"city": "Rome"},
        on_error=lambda call, error: f"{call.name}: {error}",
        temperature=0.5,
    )
    assert_type(answer, RunResponse)
    with client.run_stream(Fallback("openai/m", "anthropic/m"), "Go", tools=server.tools, timeout=3) as stream:
        assert_type(stream, RunStream)
        for event in stream:
            assert_type(event, RunEvent)


async def asynchronous(client: AsyncClient) -> None:
    """The same words, awaited."""
    assert_type(await client.run("openai/m", "Go", tools=[look], approve=later, on_error="raise"), RunResponse)
    async with client.run_stream("openai/m", "Go") as stream:
        async for event in stream:
            assert_type(event, RunEvent)
