"""
A conversation that was begun anywhere goes on anywhere: the request has the form that the provider takes, nothing of
it is lost in silence, and nobody's signatures reach anybody else.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from dragoman import File, Image, Message, Reasoning, Refusal, Text, ToolCall, ToolResult
from dragoman.errors import ConfigError
from dragoman.types.requests import ChatRequest
from dragoman.wire.validate import problems
from tests.crossing import TARGETS, TOOLS, Sent, Target, found, lost, send
from tests.histories import History, Seeded, histories, history
from tests.strategies import PNG

every_target = pytest.mark.parametrize("target", TARGETS, ids=str)

# What else may be asked; each must leave a request of the right form.
_ASKED: tuple[dict[str, Any], ...] = (
    {},
    {"known": True},
    {"tools": None},
    {"tools": None, "tool_choice": "required", "parallel_tool_calls": False},
    {"tools": (), "tool_choice": "auto"},
    {"tool_choice": "weather"},
    {"reasoning": 2_000, "max_tokens": 4_000},
)


@every_target
@settings(max_examples=60)
@given(drawn=histories())
def test_any_conversation_goes_on(target: Target, drawn: History) -> None:
    """Any history gives a request without problems, losses or leaks."""
    assert [] == found(target, drawn)


@every_target
def test_two_thousand_conversations_go_on(target: Target) -> None:
    """The same for many, with what else may be asked by turns."""
    wrong = [
        f"seed {seed}: {line}"
        for seed in range(2_000)
        for line in found(target, history(Seeded(seed)), **_ASKED[seed % len(_ASKED)])
    ]
    assert [] == wrong


def test_the_check_finds_losses_and_leaks() -> None:
    """What is nowhere is found to be lost; so this test would fail if words vanished."""
    drawn = history(Seeded(6))

    assert {*drawn.words} == {word for word, _ in lost(drawn, Sent({}, "", ()))}
    assert any(history(Seeded(seed)).secrets for seed in range(9))


# --- by example -------------------------------------------------------------------------------------------------------

OPENAI, RESPONSES, MISTRAL, PERPLEXITY, CLAUDE, GEMINI = (
    next(target for target in TARGETS if name in str(target))
    for name in ("openai-openai-chat", "responses", "mistral", "perplexity", "sonnet-5-5", "gemini-generate-gemini-3")
)
CALL = ToolCall("call_1", "weather", '{"city": "Bern"}')
ASK = Message.user("Weather?")
ANSWER = Message("assistant", (Text("Sunny."),), origin="anthropic/claude-sonnet-5-5")


def ask(target: Target, *messages: Message, **more: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """The turns that are sent, and the fields of the notices."""
    sent = send(target, ChatRequest(model=target.model, messages=messages, tools=TOOLS, **more))
    assert [] == problems(target.rules, sent.body, model=target.model)
    turns = next(sent.body[name] for name in ("messages", "input", "contents") if name in sent.body)
    return turns, [notice.field for notice in sent.notices]


def roles(turns: list[dict[str, Any]]) -> list[str]:
    return [turn["role"] for turn in turns]


def test_mistral_hears_an_answer_between_results_and_the_user() -> None:
    """A turn of the user right after results is refused there, and ids have nine characters."""
    turns, fields = ask(MISTRAL, ASK, Message.assistant(CALL), Message.tool(CALL, "sun"), Message.user("And?"))

    assert ["user", "assistant", "tool", "assistant", "user"] == roles(turns)
    assert turns[1]["tool_calls"][0]["id"] == turns[2]["tool_call_id"]
    assert 9 == len(turns[2]["tool_call_id"])
    assert ["messages"] == fields


def test_an_answer_that_was_begun_is_marked_for_mistral() -> None:
    """An answer at the end is one to go on with, which is said by `prefix`."""
    turns, fields = ask(MISTRAL, ASK, ANSWER)

    assert {"role": "assistant", "content": "Sunny.", "prefix": True} == turns[-1]
    assert [] == fields


def test_perplexity_gets_turns_that_alternate() -> None:
    """Turns of one role are joined, instructions after the head are the user's, the user is first and last."""
    turns, fields = ask(
        PERPLEXITY, Message.system("S"), ANSWER, ASK, Message.system("Later."), Message.user("?"), ANSWER
    )

    assert ["system", "user", "assistant", "user", "assistant", "user"] == roles(turns)
    assert "Weather?\n\nLater.\n\n?" == turns[3]["content"]
    assert {"messages"} == {*fields}


@pytest.mark.parametrize("target", [OPENAI, RESPONSES, MISTRAL, CLAUDE, GEMINI], ids=str)
def test_reasoning_of_another_provider_stays_behind(target: Target) -> None:
    """It is left out whatever it is signed with, and that is said."""
    thought = Reasoning("hmm", native={"cohere-chat": {"block": {"x": "sig"}}, target.wire: {"signature": "sig"}})
    turn = Message("assistant", (thought, Text("Yes.")), origin="cohere/command")
    turns, fields = ask(target, ASK, turn, ASK, max_tokens=99)

    assert "hmm" not in json.dumps(turns)
    assert "sig" not in json.dumps(turns)
    assert ["messages[1].parts[0]"] == fields


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_pictures_of_an_answer_are_shown_or_said(target: Target) -> None:
    """A picture that a model made does not come between its calls and their results."""
    turn = Message("assistant", (Image(data=PNG), CALL), origin="gemini/gemini-3.8-flash")
    _, fields = ask(target, ASK, turn, Message.tool(CALL, "sun"), ASK)

    carries = target.wire in ("gemini-generate", "gemini-interactions", "ollama-chat")
    assert carries == (not any(field.startswith("messages[1]") for field in fields))


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_results_beside_a_text_stay_behind_their_calls(target: Target) -> None:
    """A turn of the user may hold results and a text; what a model showed does not come before them."""
    turn = Message("assistant", (Image(data=PNG), CALL), origin="gemini/gemini-3.8-flash")
    ask(target, ASK, turn, Message("user", (ToolResult("call_1", "sun"), Text("And there?"))))


def test_calls_of_another_provider_get_the_documented_signature() -> None:
    """Gemini 3 refuses a call without one."""
    turns, _ = ask(GEMINI, ASK, Message("assistant", (CALL,), origin="openai/gpt"), Message.tool(CALL, "sun"))

    assert "thoughtSignature" in turns[1]["parts"][0]


def test_a_tool_that_google_cannot_call_is_refused() -> None:
    """The model would call it by a name that nobody knows, so it is refused before anything is sent."""
    tools = [{"type": "function", "function": {"name": "2fa", "parameters": {}}}]
    with pytest.raises(ConfigError) as caught:
        send(GEMINI, ChatRequest(model="m", messages=(ASK,), tools=tools))

    assert "tools[0].name" == caught.value.field


def test_a_call_that_another_model_made_without_thinking_switches_thinking_off() -> None:
    """Claude refuses to think by budget in a turn that was begun without thinking; that it does not is said."""
    haiku = next(target for target in TARGETS if "haiku" in str(target))
    call = Message("assistant", (CALL,), origin="openai/gpt")
    sent = send(
        haiku,
        ChatRequest(
            model=haiku.model, messages=(ASK, call, Message.tool(CALL, "sun")), reasoning=2_000, max_tokens=9_000
        ),
    )

    assert "thinking" not in sent.body
    assert "reasoning" in [notice.field for notice in sent.notices]


def test_a_result_of_a_tool_that_failed_shows_its_picture_beside_it() -> None:
    """Claude takes only text from a tool that failed."""
    failed = Message("tool", (ToolResult("call_1", (Text("no"), Image(data=PNG)), is_error=True),))
    turns, _ = ask(CLAUDE, ASK, Message.assistant(CALL), failed)

    assert ["tool_result"] == [block["type"] for block in turns[2]["content"]]
    assert ["image"] == [block["type"] for block in turns[3]["content"]]


def test_mistral_gets_blocks_in_its_own_form() -> None:
    """A document is named by its address, a refusal is a text, and speakers have no names."""
    asked = Message("user", (Text("Read."), File(data=b"%PDF-1.7", name="a.pdf")), name="ada")
    refused = Message("assistant", (Refusal("No."),), origin="mistral/mistral-small-2603")
    turns, fields = ask(MISTRAL, asked, refused, ASK)

    assert {
        "type": "document_url",
        "document_url": "data:application/pdf;base64,JVBERi0xLjc=",
        "document_name": "a.pdf",
    } == (turns[0]["content"][1])
    assert {"role": "assistant", "content": "No."} == turns[1]
    assert ["messages", "messages"] == fields


def test_reasoning_that_a_provider_demands_is_there() -> None:
    """DeepSeek refuses calls without reasoning before them, also those that another provider made."""
    deepseek = next(target for target in TARGETS if target.provider == "deepseek")
    thought = Message("assistant", (Reasoning("mine"), CALL), origin="deepseek/deepseek-v4-flash")
    foreign = Message("assistant", (Reasoning("other"), CALL), origin="openai/gpt")
    result = Message.tool(CALL, "sun")

    assert "mine" == ask(deepseek, ASK, thought, result)[0][1]["reasoning_content"]
    assert " " == ask(deepseek, ASK, foreign, result)[0][1]["reasoning_content"]
