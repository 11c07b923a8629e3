"""litellm, with its defaults but no retries, and the price list that it ships, so that nothing is fetched."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

LABEL = "litellm"
ENVIRONMENT = "litellm"
IMPORT = "import os; os.environ['LITELLM_LOCAL_MODEL_COST_MAP'] = 'True'; import litellm"

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


def _asked(url: str) -> dict[str, object]:
    messages = [{"role": "user", "content": "hi"}]
    return {"model": "openai/bench-1", "messages": messages, "api_base": f"{url}/v1", "api_key": "k", "max_retries": 0}


def call(url: str) -> Callable[[], str]:
    import litellm

    return lambda: litellm.completion(**_asked(url)).choices[0].message.content


def stream(url: str) -> Callable[[], int]:
    import litellm

    def once() -> int:
        chunks = litellm.completion(**_asked(url), stream=True)
        return sum(1 for chunk in chunks if chunk.choices and chunk.choices[0].delta.content)

    return once


def call_async(url: str) -> Callable[[], Awaitable[str]]:
    import litellm

    async def once() -> str:
        return (await litellm.acompletion(**_asked(url))).choices[0].message.content

    return once


def stream_async(url: str) -> Callable[[], Awaitable[int]]:
    import litellm

    async def once() -> int:
        chunks = await litellm.acompletion(**_asked(url), stream=True)
        return len([1 async for chunk in chunks if chunk.choices and chunk.choices[0].delta.content])

    return once
