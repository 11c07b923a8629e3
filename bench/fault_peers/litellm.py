"""litellm, with the price list that it ships; a stream is put together by its own `stream_chunk_builder`."""

from __future__ import annotations

import os
from typing import Any

LABEL = "litellm"
ENVIRONMENT = "litellm"
WIRES = ("openai-chat", "anthropic-messages")
OWN = ("litellm", "openai")  # its documents map every error to a class of openai's
_MODELS = {"openai-chat": "openai/m-1", "anthropic-messages": "anthropic/m-1"}

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


def _asked(case: dict[str, Any]) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "model": _MODELS[case["wire"]],
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 50,
        "api_base": case["url"],
        "api_key": case["key"],
        "timeout": case["timeout"],
        "stream": case["streamed"],
    }
    return asked if case["retries"] else {**asked, "max_retries": 0}


def _answer(response: Any) -> dict[str, Any]:
    if response is None:  # what the builder makes of no chunks
        return {"text": "", "calls": [], "finish": None}
    choice = response.choices[0]
    calls = [(call.function.name, call.function.arguments) for call in choice.message.tool_calls or ()]
    return {"text": choice.message.content or "", "calls": calls, "finish": choice.finish_reason}


def ask(case: dict[str, Any]) -> dict[str, Any]:
    import litellm

    response = litellm.completion(**_asked(case))
    return _answer(litellm.stream_chunk_builder(list(response)) if case["streamed"] else response)


async def ask_async(case: dict[str, Any]) -> dict[str, Any]:
    import litellm

    response = await litellm.acompletion(**_asked(case))
    if case["streamed"]:
        return _answer(litellm.stream_chunk_builder([chunk async for chunk in response]))
    return _answer(response)
