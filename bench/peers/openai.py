"""The official `openai` SDK, with its defaults but no retries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

LABEL = "openai"
ENVIRONMENT = "openai"
IMPORT = "from openai import OpenAI, AsyncOpenAI"
ASKED = [{"role": "user", "content": "hi"}]


def call(url: str) -> Callable[[], str]:
    from openai import OpenAI

    client = OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)
    return lambda: client.chat.completions.create(model="bench-1", messages=ASKED).choices[0].message.content


def stream(url: str) -> Callable[[], int]:
    from openai import OpenAI

    client = OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)

    def once() -> int:
        chunks = client.chat.completions.create(model="bench-1", messages=ASKED, stream=True)
        return sum(1 for chunk in chunks if chunk.choices and chunk.choices[0].delta.content)

    return once


def call_async(url: str) -> Callable[[], Awaitable[str]]:
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)

    async def once() -> str:
        answer = await client.chat.completions.create(model="bench-1", messages=ASKED)
        return answer.choices[0].message.content

    return once


def stream_async(url: str) -> Callable[[], Awaitable[int]]:
    from openai import AsyncOpenAI

    client = AsyncOpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0)

    async def once() -> int:
        chunks = await client.chat.completions.create(model="bench-1", messages=ASKED, stream=True)
        return len([1 async for chunk in chunks if chunk.choices and chunk.choices[0].delta.content])

    return once
