"""The verbs of both faces, their settings and what they give back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

from dragoman import (
    AsyncClient,
    AsyncStream,
    Balance,
    Breaker,
    ChatRequest,
    ChatResponse,
    Client,
    EmbedResponse,
    Event,
    Fallback,
    Hedge,
    HttpRequest,
    Image,
    Message,
    ModelCard,
    Provider,
    RateLimitError,
    RawResponse,
    Secret,
    Settings,
    Stream,
    Target,
    Text,
    Timeouts,
    TokenCount,
    ToolCall,
    Usage,
)


def blocking(client: Client) -> None:
    """Every verb of `Client`, with every form of messages."""
    assert_type(client.chat("openai/m", "Hello"), ChatResponse)
    assert_type(client.chat("openai/m", Message.user("Hello", Image(url="https://example.com/a.png"))), ChatResponse)
    assert_type(client.chat("openai/m", [Message.system("Be short."), Message.user("Hello")]), ChatResponse)
    assert_type(client.chat("openai/m", [{"role": "user", "content": "Hello"}]), ChatResponse)
    assert_type(client.chat("openai/m", "Hello", temperature=0.2, stop=["END"], reasoning="low"), ChatResponse)
    assert_type(client.chat("openai/m", "Hello", settings=Settings(max_tokens=10), timeout=2), ChatResponse)
    assert_type(client.stream("openai/m", "Hello", max_tokens=10), Stream)
    assert_type(client.send(ChatRequest("openai/m", (Message.user("Hello"),))), ChatResponse)
    assert_type(client.open(ChatRequest("openai/m", (Message.user("Hello"),), temperature=0.5)), Stream)
    assert_type(client.prepare("openai/m", "Hello"), HttpRequest)
    assert_type(client.resolve("openai/m"), tuple[Provider, str])
    assert_type(client.embed("openai/m", ["a", "b"], dimensions=3, kind="query", timeout=2), EmbedResponse)
    assert_type(client.embed("openai/m", "a")[0], list[float])
    assert_type(client.embed("openai/m", "a")[:], tuple[list[float], ...])
    assert_type(list(client.embed("openai/m", "a")), list[list[float]])
    assert_type(client.models("openai"), tuple[ModelCard, ...])
    assert_type(client.count("openai/m", "Hello", local=True, max_tokens=3), TokenCount)
    assert_type(client.raw("openai").get("models", params={"limit": 3}), RawResponse)
    assert_type(client.raw("openai").post("files", json={"a": 1}, timeout=2), RawResponse)
    with client as same:
        assert_type(same, Client)


async def asynchronous(client: AsyncClient) -> None:
    """Every verb of `AsyncClient`; `stream` and `open` are not awaited."""
    assert_type(await client.chat("openai/m", "Hello", temperature=0.2), ChatResponse)
    assert_type(client.stream("openai/m", "Hello"), AsyncStream)
    assert_type(await client.send(ChatRequest("openai/m", (Message.user("Hello"),))), ChatResponse)
    assert_type(client.open(ChatRequest("openai/m", (Message.user("Hello"),))), AsyncStream)
    assert_type(await client.embed("openai/m", ["a", "b"]), EmbedResponse)
    assert_type(await client.models("openai"), tuple[ModelCard, ...])
    assert_type(await client.count("openai/m", "Hello"), TokenCount)
    assert_type(await client.raw("openai").delete("files/1"), RawResponse)
    async with client as same:
        assert_type(same, AsyncClient)


def reading(stream: Stream) -> None:
    """What a stream gives."""
    with stream as same:
        assert_type(same, Stream)
    for event in stream:
        assert_type(event, Event)
    assert_type(stream.text, Iterator[str])
    assert_type(stream.drain(), ChatResponse)
    assert_type(stream.response, ChatResponse)


async def async_reading(stream: AsyncStream) -> None:
    """What an async stream gives."""
    async with stream as same:
        assert_type(same, AsyncStream)
    async for event in stream:
        assert_type(event, Event)
    assert_type(stream.text, AsyncIterator[str])
    assert_type(await stream.drain(), ChatResponse)


def answers(answer: ChatResponse) -> None:
    """The fields of an answer."""
    assert_type(answer.text, str)
    assert_type(answer.reasoning, str)
    assert_type(answer.refusal, str | None)
    assert_type(answer.tool_calls, tuple[ToolCall, ...])
    assert_type(answer.usage, Usage)
    assert_type(answer.usage.input_tokens, int | None)
    assert_type(answer.raw, Any)
    for call in answer.tool_calls:
        assert_type(call.arguments, Any)
        assert_type(call.arguments_json, str)


def configuration() -> None:
    """What clients are made of."""
    Client(providers={"acme": {"base_url": "https://llm.acme.example/v1", "api_key": "k"}})
    Client(providers={"acme": Provider(name="acme", base_url="https://llm.acme.example/v1", key_env="ACME_KEY")})
    AsyncClient(timeouts=Timeouts(connect=1.0, total=None), defaults=Settings(temperature=0.0), strict=True)


def plans(client: Client) -> None:
    """A plan stands where a model does, and plans nest."""
    balance = Balance("openai/m", Target("openai/n", api_key="k", weight=2), by="latency", patience=None)
    plan = Fallback(balance, Target("openai/m", api_key=Secret("k")), "anthropic/m", on=RateLimitError, recover=True)
    assert_type(plan, Fallback)
    assert_type(client.chat(plan, "Hello"), ChatResponse)
    assert_type(client.stream(balance, "Hello"), Stream)
    assert_type(client.prepare(plan, "Hello"), HttpRequest)
    Client(routes={"fast": plan, "slow": "openai/m"}, breaker=Breaker(failures=3))
    Client(breaker=None)
    AsyncClient(routes={"fast": Hedge(plan, after=0.5, most=3)}, breaker="plans")


async def async_plans(client: AsyncClient) -> None:
    """The same on the other face."""
    assert_type(await client.chat(Hedge("openai/m"), "Hello"), ChatResponse)
    assert_type(client.stream(Fallback("openai/m", Hedge("anthropic/m", after=1)), "Hello"), AsyncStream)


def mistakes(client: Client) -> None:
    """What a type checker must not let pass."""
    Fallback("openai/m", 5)  # type: ignore[arg-type]  # pyright: ignore
    Fallback("openai/m", on=ValueError)  # type: ignore[arg-type]  # pyright: ignore
    Balance("openai/m", by="price")  # type: ignore[arg-type]  # pyright: ignore
    Target("openai/m", weight="heavy")  # type: ignore[arg-type]  # pyright: ignore
    client.embed(Fallback("openai/m"), "a")  # type: ignore[arg-type]  # pyright: ignore
    Client(breaker="always")  # type: ignore[arg-type]  # pyright: ignore
    client.chat("openai/m", "Hello", temperature="hot")  # type: ignore[arg-type]  # pyright: ignore
    client.chat("openai/m", "Hello", temprature=0.5)  # type: ignore[call-arg]  # pyright: ignore
    client.chat("openai/m", 5)  # type: ignore[arg-type]  # pyright: ignore
    Message("robot", (Text("Hello"),))  # type: ignore[arg-type]  # pyright: ignore
    Timeouts(10)  # type: ignore[call-arg]  # pyright: ignore
