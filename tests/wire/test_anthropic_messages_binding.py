"""Thinking goes back only where everything that it is bound to still stands before it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from dragoman import CacheMark, ChatResponse, Client, Message, Reasoning, Text, Tool, ToolCall
from dragoman.testing import Server
from dragoman.testing.steps import Answer
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.wire import anthropic_messages, bound
from dragoman.wire.anthropic_messages.binding import BOUND, binds
from dragoman.wire.anthropic_messages.dialect import NAME

MODEL = "claude-sonnet-5-5"
ROW = Provider(name="anthropic", base_url="https://api.anthropic.com", wire=NAME)
ASKED = (Message.system("Be brief."), Message.user("Hi"))
TOOL = Tool(name="look", parameters={"type": "object", "properties": {}})
THOUGHT = Reasoning("hm", native={NAME: {"signature": "c2ln"}})
NEXT = Message.user("And then?")


def sent(*messages: Message, model: str = MODEL, **settings: Any) -> tuple[bytes, list[str]]:
    """Body and notices of a request."""
    request = ChatRequest(model=model, messages=messages, max_tokens=9, **settings)
    encoded = anthropic_messages.WIRE.encode_request(request, ROW)
    return encoded.body, [notice.field for notice in encoded.notices]


def answered(*asked: Message, model: str = MODEL, text: str = "Hello.", **settings: Any) -> Message:
    """An answer with thinking, as it comes back from a call."""
    message = Message("assistant", (THOUGHT, Text(text)), origin=f"anthropic/{model}")
    return bound.stamped(message, NAME, model, sent(*asked, model=model, **settings)[0])


def thinks(body: bytes) -> list[bool]:
    """For each answer of a request whether its thinking is there."""
    turns = [turn for turn in json.loads(body)["messages"] if turn["role"] == "assistant"]
    return [any(block["type"] == "thinking" for block in turn["content"]) for turn in turns if turn["content"]]


def test_thinking_goes_back_behind_what_it_was_thought_after() -> None:
    """In a conversation that only grew every answer keeps its thinking."""
    first = answered(*ASKED, tools=(TOOL,))
    second = answered(*ASKED, first, NEXT, text="Then that.", tools=(TOOL,))
    body, notices = sent(*ASKED, first, NEXT, second, NEXT, tools=(TOOL,))

    assert [True, True] == thinks(body)
    assert [] == notices
    assert BOUND.encode() not in body


def change(*messages: Message, **settings: Any) -> Any:
    return pytest.param(messages, settings)


@pytest.mark.parametrize(
    ("asked", "settings"),
    [
        change(Message.system("Be kind."), Message.user("Hi")),
        change(Message.user("Hi")),
        change(Message.system("Be brief."), Message.user("Hello")),
        change(*ASKED, Message.user("Hi?")),
        change(*ASKED, tools=(TOOL,)),
    ],
)
def test_thinking_stays_behind_where_something_before_it_changed(
    asked: tuple[Message, ...], settings: dict[str, Any]
) -> None:
    """Other instructions, questions or tools: the provider would refuse it, so it is left out, and that is said."""
    body, notices = sent(*asked, answered(*ASKED), NEXT, **settings)

    assert b"c2ln" not in body
    assert b"Hello." in body
    assert [f"messages[{len(asked)}].parts[0]"] == notices


def test_what_was_left_out_changes_what_comes_after() -> None:
    """Thinking that was thought after thinking which is gone is gone too; what stands before the change stays."""
    first = answered(*ASKED)
    edited = msgspec.structs.replace(NEXT, parts=(Text("And now?"),))
    second = answered(*ASKED, first, NEXT, text="2")
    third = answered(*ASKED, first, NEXT, second, NEXT, text="3")

    assert [True, False, False] == thinks(sent(*ASKED, first, edited, second, NEXT, third, NEXT)[0])


def test_what_only_moves_the_cache_changes_nothing() -> None:
    """Cache marks wander from turn to turn, and a marked text is a block where the same text was a string."""
    before = (ASKED[0], Message.user(Text("Hi", cache=CacheMark())))
    answer = answered(*before)

    assert [True] == thinks(sent(*ASKED, answer, Message.user(Text("And?", cache=CacheMark("1h"))))[0])


def test_results_that_are_mended_in_the_same_way_change_nothing() -> None:
    """A turn of results is the same whether its one text is a string or a block."""
    call = ToolCall("a", "look")
    history = (*ASKED, Message.assistant(call), Message.tool(call, Text("seen", cache=CacheMark())))
    plain = (*history[:3], Message.tool(call, "seen"))

    assert [False, True] == thinks(sent(*plain, answered(*history), NEXT)[0])


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-sonnet-5-5", True),
        ("claude-fable-5-2", True),
        ("us.anthropic.claude-opus-5-5-v1:0", True),
        ("claude-opus-4-8", False),
        ("claude-3-7-sonnet-20250219", False),
        ("MiniMax-M3", False),
    ],
)
def test_which_models_bind(model: str, expected: bool) -> None:
    """Claude from its fifth generation on."""
    assert expected == binds(model)


def test_models_that_bind_nothing_keep_their_thinking() -> None:
    """Older Claudes take thinking behind anything, so nothing is left out."""
    answer = answered(*ASKED, model="claude-opus-4-8")

    assert [True] == thinks(sent(Message.user("Other"), answer, NEXT, model="claude-opus-4-8")[0])


def test_the_provider_may_judge_instead() -> None:
    """Who sets `block_binding` has chosen what the provider does, and gets everything sent."""
    native = {NAME: {"thinking": {"type": "adaptive", "block_binding": {"prefix_mismatch_behavior": "drop_block"}}}}

    assert [True] == thinks(sent(Message.user("Other"), answered(*ASKED), NEXT, native=native)[0])


@pytest.mark.parametrize("stream", [False, True])
def test_answers_of_a_client_know_what_they_are_bound_to(stream: bool) -> None:
    """An answer that came over the network goes back with its thinking, and without it after an edit."""
    step = Answer(response=ChatResponse(message=Message("assistant", (THOUGHT, Text("Hello.")))))
    with Server(default=step) as server:
        row = {"anthropic": {"base_url": server.base_url(NAME), "api_key": "k"}}
        with Client(providers=row) as client:

            def ask(*messages: Message) -> Message:
                if not stream:
                    return client.chat(f"anthropic/{MODEL}", list(messages)).message
                with client.stream(f"anthropic/{MODEL}", list(messages)) as answer:
                    for _ in answer:
                        pass
                return answer.response.message

            answer = ask(*ASKED)
            ask(*ASKED, answer, NEXT)
            ask(Message.user("Other"), answer, NEXT)
        bodies = [request.body for request in server.requests]

    assert [[], [True], [False]] == [thinks(body) for body in bodies]
