"""Counting tokens on both faces, against a real server on loopback."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from dragoman import AuthenticationError, Client, ConfigError, Image, Message, MissingKeyError, WireError, tool
from dragoman.testing import Server, counts, raw, status
from dragoman.tokens import estimate

NEW = "openai/gpt-6-luna"


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return city


def test_the_provider_is_asked_where_it_counts(face: Any, server: Server) -> None:
    """Anthropic's own number is exact; what has no say in it is not sent."""
    server.script(counts(42))

    counted = face.do("count", "anthropic/claude-haiku-5-5", [{"role": "user", "content": "Hi"}], max_tokens=9)

    assert (42, True, "/v1/messages/count_tokens") == (counted.tokens, counted.exact, counted.source)
    assert 42 == int(counted)
    assert {"model", "messages"} == set(server.requests[0].json)
    assert "test-key-0002" == server.requests[0].headers["x-api-key"]


def test_tools_and_instructions_are_counted_with(face: Any, server: Server) -> None:
    """What belongs to the prompt travels."""
    server.script(counts(42))
    messages = [Message.system("Be brief."), Message.user("Hi")]

    face.do("count", "anthropic/claude-haiku-5-5", messages, tools=[weather])

    assert {"model", "messages", "system", "tools"} <= set(server.requests[0].json)


def test_gemini_takes_the_request_inside_another(make_face: Callable[..., Any], server: Server) -> None:
    """The whole request is counted, instructions included, and names its model."""
    server.script(counts(7))
    face = make_face(
        providers={"gemini": {"base_url": server.url, "wire": "gemini-generate", "api_key": "test-key-0001"}}
    )

    counted = face.do("count", "gemini/gemini-4-argon", [Message.system("Be brief."), Message.user("Hi")])

    assert (7, True) == (counted.tokens, counted.exact)
    assert "/v1beta/models/gemini-4-argon:countTokens" == server.requests[0].path
    asked = server.requests[0].json["generateContentRequest"]
    assert "models/gemini-4-argon" == asked["model"]
    assert {"model", "contents", "systemInstruction"} <= set(asked)


def test_openai_counts_in_its_other_dialect(face: Any, server: Server) -> None:
    """A model whose encoding nobody published is asked for at the Responses API, and not called exact for chat."""
    server.script(counts(11))

    counted = face.do("count", NEW, "Hi", tools=[weather], reasoning="none")

    assert (11, False, "/v1/responses/input_tokens") == (counted.tokens, counted.exact, counted.source)


# --- on one's own machine ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "tokens"),
    [("openai/gpt-4o", 7 + 3), ("openai/gpt-5", 6 + 3), ("openai/gpt-4", 7 + 3), ("openai/text-embedding-3-small", 3)],
)
def test_openai_is_counted_here_exactly(face: Any, server: Server, model: str, tokens: int) -> None:
    """The texts in the model's encoding and what a chat adds to them; nobody is asked."""
    counted = face.do("count", model, "Hello, world")

    assert (tokens, True) == (counted.tokens, counted.exact)
    assert counted.source in ("o200k_base", "cl100k_base")
    assert () == server.all_requests


def test_what_no_tokenizer_knows_is_not_exact() -> None:
    """A picture, tools and a schema make a local count an estimate."""
    client = Client()
    picture = Message.user("Hi", Image(url="https://example.com/a.png"))

    plain = client.count("openai/gpt-4o", "Hi", local=True)
    others = [
        client.count("openai/gpt-4o", picture, local=True),
        client.count("openai/gpt-4o", "Hi", tools=[weather], local=True),
        client.count("openai/gpt-4o", "Hi", output={"type": "object", "properties": {}}, local=True),
    ]

    assert plain.exact
    assert [False] * 3 == [counted.exact for counted in others]
    assert all(counted.tokens > plain.tokens for counted in others)


def test_local_needs_no_key_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """`local=True` counts with nothing but the model's name."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)

    counted = Client().count("anthropic/claude-haiku-5-5", "Hello there", local=True)

    assert ("estimate", False) == (counted.source, counted.exact)
    with pytest.raises(MissingKeyError):
        Client().count("anthropic/claude-haiku-5-5", "Hello there")


def test_a_conversation_counts_every_part() -> None:
    """Reasoning, calls and results have a part in the number."""
    messages: list[Any] = [{"role": "user", "content": "Hi"}]
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Paris, Texas"}'}}
    sizes = []
    for more in (
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "Sunny."},
    ):
        sizes.append(Client().count("openai/gpt-4o", messages, local=True).tokens)
        messages.append(more)
    sizes.append(Client().count("openai/gpt-4o", messages, local=True).tokens)

    assert sorted(set(sizes)) == sizes


@pytest.mark.parametrize("local", ["openai/gpt-4o", "mistral/any"], ids=["counted", "estimated"])
@pytest.mark.parametrize("piece", ["a", "aA", " ", "\n", " \n", "的", "😀", "1", "!", "é", "<|endoftext|>"], ids=ascii)
def test_hostile_text_takes_linear_time(local: str, piece: str) -> None:
    """A megabyte of anything is counted in a moment, and twice as much in about twice the time."""
    text = piece * (1_000_000 // len(piece.encode()))
    started = time.process_time()

    counted = Client().count(local, text, local=True)

    assert 1 <= counted.tokens <= 1_100_000
    assert 1.5 > time.process_time() - started


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The meeting was moved to Thursday, because nobody had read the report in time.", 16),
        ("Вчера мы с друзьями ходили в кино, и фильм нам очень понравился.", 16),
        ("我昨天去超市买了一些水果和牛奶,回家的路上遇到了一位老朋友。", 23),
        ("def add(a: int, b: int) -> int:\n    return a + b\n", 18),
        ('{"id": 17, "name": "Ada", "tags": ["x", "y"], "price": 3.25}', 29),
    ],
)
def test_the_estimate_is_near(text: str, tokens: int) -> None:
    """Texts of several kinds are estimated within a third of their count in o200k_base."""
    assert tokens == pytest.approx(estimate(text), rel=0.34)


def test_nothing_is_no_token() -> None:
    """An empty text has none, and any other at least one."""
    assert (0, 1, 1) == (estimate(""), estimate(" "), estimate("a"))


# --- requests and errors ----------------------------------------------------------------------------------------------


def test_what_has_no_say_is_not_sent(face: Any, server: Server) -> None:
    """Settings of the answer are no part of the question: the address refuses them."""
    server.script(counts(1))

    face.do("count", "anthropic/claude-haiku-5-5", "Hi", tools=[weather], max_tokens=9, stop=["x"])

    assert {"model", "messages", "tools"} == set(server.requests[0].json)


def test_failures_are_typed(face: Any, server: Server) -> None:
    """A refusal is the provider's error, and an answer without a number is none."""
    server.script(status(401, "bad key"), raw(b"{}"))

    with pytest.raises(AuthenticationError):
        face.do("count", "anthropic/claude-haiku-5-5", "Hi")
    with pytest.raises(WireError, match="input_tokens"):
        face.do("count", "anthropic/claude-haiku-5-5", "Hi")


def test_bad_input_is_named(face: Any) -> None:
    """A text without bytes is an error that names its message."""
    with pytest.raises(ConfigError) as caught:
        face.do("count", "openai/gpt-4o", "\ud800")

    assert "messages[0]" == caught.value.field
