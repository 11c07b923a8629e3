"""Dragoman, with its defaults."""

from __future__ import annotations

from typing import Any

LABEL = "dragoman"
ENVIRONMENT = "ours"
WIRES = ("openai-chat", "anthropic-messages")
OWN = ("dragoman",)
_MODELS = {"openai-chat": "openai/m-1", "anthropic-messages": "anthropic/m-1"}


def _options(case: dict[str, Any]) -> dict[str, Any]:
    row = {"base_url": case["url"], "api_key": case["key"]}
    options: dict[str, Any] = {"providers": {_MODELS[case["wire"]].partition("/")[0]: row}}
    return options if case["retries"] else {**options, "retry": None}


def _asked(case: dict[str, Any]) -> dict[str, Any]:
    return {"model": _MODELS[case["wire"]], "messages": "Hi", "max_tokens": 50, "timeout": case["timeout"]}


def _answer(response: Any) -> dict[str, Any]:
    calls = [(call.name, call.arguments) for call in response.tool_calls]
    return {"text": response.text, "calls": calls, "finish": response.finish_reason}


def ask(case: dict[str, Any]) -> dict[str, Any]:
    from dragoman import Client

    with Client(**_options(case)) as client:
        if not case["streamed"]:
            return _answer(client.chat(**_asked(case)))
        with client.stream(**_asked(case)) as stream:
            for _ in stream:
                pass
        return _answer(stream.response)


async def ask_async(case: dict[str, Any]) -> dict[str, Any]:
    from dragoman import AsyncClient

    async with AsyncClient(**_options(case)) as client:
        if not case["streamed"]:
            return _answer(await client.chat(**_asked(case)))
        async with client.stream(**_asked(case)) as stream:
            async for _ in stream:
                pass
        return _answer(stream.response)
