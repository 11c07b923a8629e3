"""Dragoman, with its defaults."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

LABEL = "dragoman"
ENVIRONMENT = "ours"
IMPORT = "from dragoman import Client, AsyncClient"


def _providers(url: str) -> dict[str, dict[str, str]]:
    return {"openai": {"base_url": f"{url}/v1", "api_key": "benchmark"}}


def call(url: str) -> Callable[[], str]:
    from dragoman import Client

    client = Client(providers=_providers(url))
    return lambda: client.chat("openai/bench-1", "hi").text


def stream(url: str) -> Callable[[], int]:
    from dragoman import Client, TextDelta

    client = Client(providers=_providers(url))

    def once() -> int:
        with client.stream("openai/bench-1", "hi") as events:
            return sum(1 for event in events if type(event) is TextDelta)

    return once


def call_async(url: str) -> Callable[[], Awaitable[str]]:
    from dragoman import AsyncClient

    client = AsyncClient(providers=_providers(url))

    async def once() -> str:
        return (await client.chat("openai/bench-1", "hi")).text

    return once


def stream_async(url: str) -> Callable[[], Awaitable[int]]:
    from dragoman import AsyncClient, TextDelta

    client = AsyncClient(providers=_providers(url))

    async def once() -> int:
        async with client.stream("openai/bench-1", "hi") as events:
            return len([1 async for event in events if type(event) is TextDelta])

    return once
