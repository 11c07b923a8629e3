"""Which requests are never looked up, and which answers are never kept."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.strategies import PNG

from dragoman import (
    Audio,
    ChatRequest,
    ChatResponse,
    Choice,
    ConfigError,
    Image,
    Message,
    Secret,
    Text,
    ToolCall,
    ToolResult,
)
from dragoman.policy.cache.entry import encode_answer
from dragoman.policy.cache.key import fields_of
from dragoman.policy.cache.rules import KEPT, checked_reasons, holds_secret, why_not_asked, why_not_kept

REQUEST = ChatRequest("openai/m", "Hi")
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {}}}
_HEARD = Audio(data=b"12", media_type="audio/pcm", file_id="audio_1", expires_at=9)
ANSWER = ChatResponse(message=Message("assistant", (Text("yes"),), origin="openai/m"), finish_reason="stop")


def refused(request: ChatRequest = REQUEST, **body: Any) -> bool:
    return why_not_asked(request, fields_of(msgspec.json.encode(body))) is not None


@pytest.mark.parametrize(
    "body",
    [
        {"store": True},
        {"background": True},
        {"previous_response_id": "resp_1"},
        {"previous_interaction_id": "x"},
        {"conversation": "conv_1"},
        {"conversation": {"id": "conv_1"}},
        {"prompt": {"id": "pmpt_1"}},
        {"container": "cntr_1"},
        {"mcp_servers": [{"url": "https://x"}]},
        {"web_search_options": {"search_context_size": "low"}},
        {"plugins": [{"id": "web"}]},
        {"tools": [FUNCTION, {"type": "web_search"}]},
        {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
        {"tools": [{"type": "web_search_20260209", "name": "web_search"}]},
        {"tools": [{"googleSearch": {}}]},
        {"tools": [{"functionDeclarations": [], "codeExecution": {}}]},
        {"tools": [{"type": "mcp", "server_url": "https://x"}]},
        {"tools": "all"},
        {"toolConfig": {"tools": [{"systemTool": {"name": "x"}}]}},
    ],
    ids=str,
)
def test_what_depends_on_a_state_is_asked_each_time(body: dict[str, Any]) -> None:
    """Stored state, the web, and tools that the provider runs are not in the request, which so tells no answer."""
    assert refused(model="m", **body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"store": False, "background": None, "previous_response_id": None, "conversation": ""},
        {"tools": [FUNCTION]},
        {"tools": [{"type": "custom", "name": "f"}]},
        {"tools": [{"name": "f", "input_schema": {"type": "object"}}]},
        {"tools": [{"type": "function", "name": "f", "parameters": {}}]},
        {"tools": [{"functionDeclarations": [{"name": "f"}]}]},
        {"tools": []},
        {"tools": None},
        {"toolConfig": {"tools": [{"toolSpec": {"name": "f"}}, {"cachePoint": {"type": "default"}}]}},
        {"toolConfig": {"functionCallingConfig": {"mode": "AUTO"}}},
    ],
    ids=str,
)
def test_what_is_all_in_the_request_is_cached(body: dict[str, Any]) -> None:
    """Tools of the caller are part of the question."""
    assert not refused(model="m", **body)


@pytest.mark.parametrize(
    ("parts", "cached"),
    [
        ((Image(data=PNG), Text("What?")), True),
        ((Image(file_id="file-1"),), True),
        ((Image(url="https://example.org/now.png"),), False),
        ((ToolResult("call_1", (Image(url="https://example.org/now.png"),)),), False),
    ],
    ids=["bytes", "file", "address", "address in a result"],
)
def test_what_is_behind_an_address_may_change(parts: tuple[Any, ...], cached: bool) -> None:
    """A file at a provider never changes, an address on the web may."""
    assert cached != refused(ChatRequest("openai/m", Message("user", parts)))


def test_a_body_that_is_no_json_object_is_not_cached() -> None:
    """What cannot be read cannot be judged."""
    assert why_not_asked(REQUEST, fields_of(b"\xff\x00")) is not None
    assert why_not_asked(REQUEST, fields_of(b"[1]")) is not None


def test_a_model_that_searches_is_not_cached() -> None:
    """OpenRouter's `:online` looks into the web."""
    assert refused(ChatRequest("openrouter/a/b:online", "Hi"))


def kept(answer: ChatResponse, keep: Any = KEPT, models: Any = ("openai/m",), simulated: bool = False) -> bool:
    return why_not_kept(answer, models=models, keep=checked_reasons(keep), simulated=simulated) is None


def test_a_whole_answer_is_kept() -> None:
    """Text and tool calls are."""
    call = Message("assistant", (ToolCall("c", "f"),), origin="openai/m")

    assert kept(ANSWER)
    assert kept(msgspec.structs.replace(ANSWER, message=call, finish_reason="tool_calls"))


@pytest.mark.parametrize("reason", ["length", "content_filter", "refusal", "pause", "error", "unknown"])
def test_an_answer_that_did_not_end_well_is_not(reason: Any) -> None:
    """What was cut, filtered, refused or not proved is asked again."""
    assert not kept(msgspec.structs.replace(ANSWER, finish_reason=reason))


@pytest.mark.parametrize("reason", ["length", "content_filter", "refusal"])
def test_some_of_these_can_be_kept(reason: Any) -> None:
    """A caller may say that these are as good to him."""
    assert kept(msgspec.structs.replace(ANSWER, finish_reason=reason), keep=["stop", reason])


@pytest.mark.parametrize("keep", [["pause"], ["error"], ["unknown"], "stop", ["done"], 5, [{}]], ids=str)
def test_an_answer_that_is_not_whole_cannot_be_kept(keep: Any) -> None:
    """No setting keeps what is not proved complete."""
    with pytest.raises(ConfigError) as caught:
        checked_reasons(keep)

    assert "cache.keep" == caught.value.field


@pytest.mark.parametrize(
    "changes",
    [
        {"simulated": True},
        {"message": Message("assistant", (), origin="openai/m")},
        {"message": Message("assistant", (Text(""),), origin="openai/m")},
        {"message": Message("assistant", (Text("yes"),), origin="openai/other")},
        {"message": Message("assistant", (_HEARD,), origin="openai/m")},
        {"message": Message("assistant", (Image(url="https://example.org/1.png"),), origin="openai/m")},
        {"extras": ({"seam": {"provider": "openai", "model": "m", "at": 5, "error": "TimeoutError"}},)},
        {"alternatives": (Choice(message=Message("assistant", (Text("no"),)), finish_reason="length"),)},
    ],
    ids=[
        "simulated",
        "nothing",
        "empty",
        "another model",
        "audio that expires",
        "address",
        "of two pieces",
        "cut alternative",
    ],
)
def test_an_answer_that_will_not_mean_the_same_is_not_kept(changes: dict[str, Any]) -> None:
    """Simulated, empty, another's, or a reference that will lead nowhere."""
    assert not kept(msgspec.structs.replace(ANSWER, **changes))


def test_a_plan_may_be_answered_by_any_of_its_models() -> None:
    """All of them are part of the key, so whoever answers gave the plan's answer."""
    assert kept(ANSWER, models=("anthropic/m", "openai/m"))


def test_simulated_answers_can_be_kept() -> None:
    """For tests and demonstrations."""
    assert kept(msgspec.structs.replace(ANSWER, simulated=True), simulated=True)


def test_an_answer_with_a_credential_in_it_is_seen() -> None:
    """Some servers echo the headers they were sent; what is written must not have them."""
    Secret("not-shaped-like-a-key").reveal()
    texts = {"a quiet answer": False, "it was not-shaped-like-a-key": True}

    for text, found in texts.items():
        entry = encode_answer(msgspec.structs.replace(ANSWER, message=Message("assistant", (Text(text),))))
        assert entry is not None
        assert found == holds_secret(entry)
