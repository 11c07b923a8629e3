"""Requests to the Anthropic dialect: state that only its maker may see, and the vendor's schema."""

from __future__ import annotations

import pytest

from dragoman.types.messages import (
    CacheMark,
    Citation,
    File,
    Image,
    Message,
    Opaque,
    Reasoning,
    Text,
    ToolCall,
)
from dragoman.types.requests import ReasoningSettings
from dragoman.types.tools import Tool
from tests.specs.bundle import Specs
from tests.strategies import PNG
from tests.wire.anthropic_asking import NAME, NEW, WEATHER, ask, body, content, fields, read

# --- state that only its maker may see --------------------------------------------------------------------------------

SIGNED = Reasoning("hm", native={NAME: {"signature": "s"}})
REDACTED = Reasoning("", native={NAME: {"type": "redacted_thinking", "data": "x"}})
HIDDEN = Reasoning("", native={NAME: {"signature": "s"}})


@pytest.mark.parametrize("origin", [None, "anthropic", "anthropic/claude-x", "anthropic/claude-x-20260101"])
def test_thinking_goes_back_to_its_maker(origin: str | None) -> None:
    """Signed, hidden and encrypted thinking are sent as they came, to the provider and model that wrote them."""
    assert [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "thinking", "thinking": "", "signature": "s"},
        {"type": "text", "text": "so"},
    ] == content(SIGNED, REDACTED, HIDDEN, Text("so"), origin=origin)


@pytest.mark.parametrize("origin", ["anthropic/claude-y", "bedrock/claude-x", "openai/gpt"])
def test_thinking_is_not_shown_to_anyone_else(origin: str) -> None:
    """A signature is bound to provider and model; elsewhere it is a 400, so it is left out with a notice."""
    sent = ask(Message.user("q"), Message("assistant", (SIGNED, Text("so")), origin=origin))

    assert b"signature" not in sent.body
    assert ["messages[1].parts[0]"] == fields(sent)


def test_native_state_of_another_provider_stays_here() -> None:
    """Server tools' blocks, callers and citations go back only to the provider that wrote them."""
    parts = (
        Opaque(NAME, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
        ToolCall("c", "f", native={NAME: {"caller": {"type": "direct"}}}),
        Text("x", (Citation(native={NAME: {"type": "char_location", "cited_text": "x"}}),)),
    )
    sent = ask(Message.user("q"), Message("assistant", parts, origin="bedrock/claude-x"))

    assert [{"type": "tool_use", "id": "c", "name": "f", "input": {}}, {"type": "text", "text": "x"}] == read(sent)[
        "messages"
    ][1]["content"]
    assert ["messages[1].parts[0]", "messages[1].parts[2].citations"] == fields(sent)


def test_citations_go_back_without_their_file() -> None:
    """The API gives `file_id` in a citation and refuses to take it back."""
    native = {"type": "char_location", "cited_text": "x", "document_index": 0, "file_id": None}

    sent = content(Text("x", (Citation(text="x", native={NAME: native}),)))

    assert [{"type": "char_location", "cited_text": "x", "document_index": 0}] == sent[0]["citations"]


def test_only_the_user_shows_documents_and_the_new_version_takes_no_citations_on_questions() -> None:
    """A document of an answer goes behind the results of its turn; both answer 400 from 2026-10-21 on."""
    cited = Text("x", (Citation(native={NAME: {"type": "char_location"}}),))
    pages = Opaque(NAME, {"type": "document", "source": {"type": "content", "content": []}})
    turns = (
        Message.user(cited, File(file_id="f1")),
        Message.assistant(cited, File(file_id="f2"), pages),
        Message.tool("c1", File(file_id="f3")),
    )
    sent, old = ask(*turns, provider=NEW), ask(*turns)

    assert ["messages[0].parts[0].citations", "messages[1].parts[1]", "messages[1].parts[2]"] == fields(sent)
    assert ["messages[1].parts[1]"] == fields(old)
    turns_sent = read(sent)["messages"]
    assert ["user", "assistant", "user", "user"] == [turn["role"] for turn in turns_sent]
    assert ["f2"] == [block["source"]["file_id"] for block in turns_sent[-1]["content"]]
    assert b"f1" in sent.body
    assert b"f3" in sent.body


# --- the whole --------------------------------------------------------------------------------------------------------


def test_what_is_written_satisfies_the_vendors_specification() -> None:
    """A request with every kind of part and setting is valid by the published schema."""
    call = ToolCall("c 1", "weather", '{"city": "Bern"}')
    sent = body(
        Message.system("Be brief", Text("and kind", cache=CacheMark("1h"))),
        Message.user("q", Image(data=PNG), File(data=b"%PDF-", name="a.pdf"), File(data=b"t", media_type="text/plain")),
        Message("assistant", (SIGNED, REDACTED, Text("I look"), call), origin="anthropic/claude-x"),
        Message.tool(call, "sunny", Image(url="https://e.org/a.png")),
        temperature=1,
        top_k=3,
        stop="END",
        tools=(WEATHER, Tool(name="now")),
        tool_choice="weather",
        parallel_tool_calls=False,
        reasoning=ReasoningSettings(effort="max", budget_tokens=2048, summary="auto"),
        output={"type": "object", "additionalProperties": False},
        cache=True,
        user="u",
        max_tokens=5000,
    )
    valid = Specs().validator(NAME)

    assert valid is not None
    assert valid(sent) is None
