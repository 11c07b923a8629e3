"""pydantic-ai, by its direct requests (`pydantic_ai.direct`): one request, no agent's loop around it."""

from __future__ import annotations

from typing import Any

LABEL = "pydantic-ai"
ENVIRONMENT = "pydantic-ai"
WIRES = ("openai-chat", "anthropic-messages")
OWN = ("pydantic_ai", "openai", "anthropic")  # it stands on the vendors' SDKs, whose errors come through in places


def _openai(case: dict[str, Any], options: dict[str, Any]) -> Any:
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    client = AsyncOpenAI(api_key=case["key"], base_url=case["url"], **options)
    return OpenAIChatModel("m-1", provider=OpenAIProvider(openai_client=client))


def _anthropic(case: dict[str, Any], options: dict[str, Any]) -> Any:
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = AsyncAnthropic(api_key=case["key"], base_url=case["url"], **options)
    return AnthropicModel("m-1", provider=AnthropicProvider(anthropic_client=client))


_MODELS = {"openai-chat": _openai, "anthropic-messages": _anthropic}


def _asked(case: dict[str, Any]) -> dict[str, Any]:
    from pydantic_ai import ModelRequest

    model = _MODELS[case["wire"]](case, {} if case["retries"] else {"max_retries": 0})
    settings = {"timeout": case["timeout"], "max_tokens": 50}
    return {"model": model, "messages": [ModelRequest.user_text_prompt("Hi")], "model_settings": settings}


def _answer(response: Any) -> dict[str, Any]:
    return {
        "text": "".join(part.content for part in response.parts if part.part_kind == "text"),
        "calls": [(part.tool_name, part.args) for part in response.parts if part.part_kind == "tool-call"],
        "finish": response.finish_reason if response.state == "complete" else response.state,
    }


def ask(case: dict[str, Any]) -> dict[str, Any]:
    from pydantic_ai.direct import model_request_stream_sync, model_request_sync

    if not case["streamed"]:
        return _answer(model_request_sync(**_asked(case)))
    with model_request_stream_sync(**_asked(case)) as stream:
        for _ in stream:
            pass
        return _answer(stream.response)


async def ask_async(case: dict[str, Any]) -> dict[str, Any]:
    from pydantic_ai.direct import model_request, model_request_stream

    if not case["streamed"]:
        return _answer(await model_request(**_asked(case)))
    async with model_request_stream(**_asked(case)) as stream:
        async for _ in stream:
            pass
        return _answer(stream.get())
