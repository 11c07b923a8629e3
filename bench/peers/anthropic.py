"""The official `anthropic` SDK, with its defaults but no retries; it speaks its own dialect to the same server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

LABEL = "anthropic"
ENVIRONMENT = "anthropic"
IMPORT = "from anthropic import Anthropic, AsyncAnthropic"
ASKED = {"model": "bench-1", "max_tokens": 2000, "messages": [{"role": "user", "content": "hi"}]}


def call(url: str) -> Callable[[], str]:
    from anthropic import Anthropic

    client = Anthropic(api_key="k", base_url=url, max_retries=0)
    return lambda: client.messages.create(**ASKED).content[0].text


def stream(url: str) -> Callable[[], int]:
    from anthropic import Anthropic

    client = Anthropic(api_key="k", base_url=url, max_retries=0)

    def once() -> int:
        return sum(1 for event in client.messages.create(**ASKED, stream=True) if event.type == "content_block_delta")

    return once


def call_async(url: str) -> Callable[[], Awaitable[str]]:
    from anthropic import AsyncAnthropic

    client = AsyncAnthropic(api_key="k", base_url=url, max_retries=0)

    async def once() -> str:
        return (await client.messages.create(**ASKED)).content[0].text

    return once


def stream_async(url: str) -> Callable[[], Awaitable[int]]:
    from anthropic import AsyncAnthropic

    client = AsyncAnthropic(api_key="k", base_url=url, max_retries=0)

    async def once() -> int:
        events = await client.messages.create(**ASKED, stream=True)
        return len([1 async for event in events if event.type == "content_block_delta"])

    return once
