"""The official `openai` SDK; a stream is put together by the SDK's own helper, `chat.completions.stream`."""

from __future__ import annotations

from typing import Any

LABEL = "openai"
ENVIRONMENT = "openai"
WIRES = ("openai-chat",)
OWN = ("openai",)
_ASKED: dict[str, Any] = {"model": "m-1", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 50}


def _options(case: dict[str, Any]) -> dict[str, Any]:
    options = {"api_key": case["key"], "base_url": case["url"], "timeout": case["timeout"]}
    return options if case["retries"] else {**options, "max_retries": 0}


def _answer(completion: Any) -> dict[str, Any]:
    choices = getattr(completion, "choices", None)  # the SDK hands over whatever JSON or text came
    if not choices or choices[0].message is None:
        return {"text": completion if isinstance(completion, str) else "", "calls": [], "finish": None}
    message = choices[0].message
    calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or ()]
    return {"text": message.content or "", "calls": calls, "finish": choices[0].finish_reason}


def ask(case: dict[str, Any]) -> dict[str, Any]:
    from openai import OpenAI

    with OpenAI(**_options(case)) as client:
        if not case["streamed"]:
            return _answer(client.chat.completions.create(**_ASKED))
        with client.chat.completions.stream(**_ASKED) as stream:
            return _answer(stream.get_final_completion())


async def ask_async(case: dict[str, Any]) -> dict[str, Any]:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(**_options(case)) as client:
        if not case["streamed"]:
            return _answer(await client.chat.completions.create(**_ASKED))
        async with client.chat.completions.stream(**_ASKED) as stream:
            return _answer(await stream.get_final_completion())
