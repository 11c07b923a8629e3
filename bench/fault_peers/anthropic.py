"""The official `anthropic` SDK; a stream is put together by the SDK's own helper, `messages.stream`."""

from __future__ import annotations

from typing import Any

LABEL = "anthropic"
ENVIRONMENT = "anthropic"
WIRES = ("anthropic-messages",)
OWN = ("anthropic",)
_ASKED: dict[str, Any] = {"model": "m-1", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 50}


def _options(case: dict[str, Any]) -> dict[str, Any]:
    options = {"api_key": case["key"], "base_url": case["url"], "timeout": case["timeout"]}
    return options if case["retries"] else {**options, "max_retries": 0}


def _answer(message: Any) -> dict[str, Any]:
    content = getattr(message, "content", None)  # the SDK hands over whatever JSON or text came
    if not isinstance(content, list):
        return {"text": message if isinstance(message, str) else "", "calls": [], "finish": None}
    return {
        "text": "".join(block.text for block in content if block.type == "text"),
        "calls": [(block.name, block.input) for block in content if block.type == "tool_use"],
        "finish": message.stop_reason,
    }


def ask(case: dict[str, Any]) -> dict[str, Any]:
    from anthropic import Anthropic

    with Anthropic(**_options(case)) as client:
        if not case["streamed"]:
            return _answer(client.messages.create(**_ASKED))
        with client.messages.stream(**_ASKED) as stream:
            return _answer(stream.get_final_message())


async def ask_async(case: dict[str, Any]) -> dict[str, Any]:
    from anthropic import AsyncAnthropic

    async with AsyncAnthropic(**_options(case)) as client:
        if not case["streamed"]:
            return _answer(await client.messages.create(**_ASKED))
        async with client.messages.stream(**_ASKED) as stream:
            return _answer(await stream.get_final_message())
