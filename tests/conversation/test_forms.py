"""Each form is read as it was written, real files of others are read, and what is no conversation is refused."""

from __future__ import annotations

import asyncio
import json
import pickle
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import ConfigError, Message, Reasoning, Text, ToolCall
from dragoman.conversation.nodes import Cut
from dragoman.conversation.transcripts.forms import read_form, write_form
from dragoman.conversation.transcripts.tree import Answered, Tree, Twig, line_of
from dragoman.conversation.turns import encode_answer
from dragoman.types.messages import Citation, Opaque, ToolResult
from dragoman.types.responses import ChatResponse
from tests import strategies as given_by

FILES = Path(__file__).parent / "files"
READ_ONLY = ("openai-agents", "chatgpt", "llm")
WRITTEN = ("json", "openai", "responses", "anthropic", "sharegpt", "markdown", "langgraph", "pydantic-ai")

# --- what every form can say ------------------------------------------------------------------------------------------

_words = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1, max_size=30)
_marks = st.sampled_from(
    ["## user", "\\## assistant", "> **Reasoning**", "```", "Calls `a` (`b`):", "*[image]*", "> x"]
)
_texts = (_words | st.lists(_marks | _words, min_size=1, max_size=3).map("\n".join)).map(str.strip).filter(bool)
_names = st.text("abcdefghij_-", min_size=1, max_size=8)
_arguments = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9) | _words, max_size=2)


@st.composite
def exchanges(draw: st.DrawFn) -> list[Message]:
    """A history that is valid: questions and answers, some with calls, each call with its result."""
    said = [Message.system(draw(_texts))] if draw(st.booleans()) else []
    number = 0
    for _ in range(draw(st.integers(1, 3))):
        said.append(Message.user(draw(_texts)))
        for _ in range(draw(st.integers(0, 2))):
            number += 1
            arguments = msgspec.json.encode(draw(_arguments)).decode()
            call = ToolCall(f"call-{number}", draw(_names), arguments)
            said += [Message("assistant", (call,)), Message.tool(call, draw(_texts))]
        said.append(Message.assistant(draw(_texts)))
    return said


def bare(message: Message) -> tuple[Any, ...]:
    """What is said, without the state of a dialect, and results where they belong."""
    said: list[Any] = []
    for part in message.parts:
        if isinstance(part, ToolCall):
            said.append(("call", part.id, part.name, part.arguments))
        elif isinstance(part, ToolResult):
            said.append(("result", part.call_id, part.text))
        elif isinstance(part, Text | Reasoning):
            said.append((type(part).__name__, part.text))
    return ("tool" if any(kind == "result" for kind, *_ in said) else message.role, *said)


@pytest.mark.parametrize("form", WRITTEN)
@given(said=exchanges())
def test_what_is_written_is_read_as_it_was(form: str, said: list[Message]) -> None:
    """Texts, instructions, calls and results come back from every form that is written."""
    text = write_form(line_of(said, "a talk"), form)
    [tree] = read_form(text, form)

    assert [bare(message) for message in said] == [bare(message) for message in tree.messages()]


@pytest.mark.parametrize("form", ["langgraph", "pydantic-ai", "markdown", "json"])
@given(thought=_texts, answer=_texts)
def test_reasoning_comes_back(form: str, thought: str, answer: str) -> None:
    """Reasoning is kept by the forms that have a place for it."""
    said = [Message.user("Hi"), Message.assistant(Reasoning(thought), answer)]

    [tree] = read_form(write_form(line_of(said), form), form)
    assert [bare(message) for message in said] == [bare(message) for message in tree.messages()]


@given(messages=st.lists(given_by.messages, max_size=4))
def test_json_keeps_everything(messages: list[Message]) -> None:
    """Every part, with the state of its dialect, is the same again."""
    kinds = [Twig(value=message, parent=i - 1) for i, message in enumerate(messages)]
    tree = Tree(name="x", twigs=tuple(kinds), branches={"main": len(kinds) - 1})

    assert [tree] == read_form(write_form(tree, "json"), "json")


def test_json_keeps_branches_turns_and_cuts() -> None:
    """A whole tree is the same again: ids, branches, cuts, and the answers of turns."""
    made = encode_answer(ChatResponse(message=Message.assistant("A"), finish_reason="stop", model="m"))
    answer = msgspec.msgpack.encode(msgspec.msgpack.decode(made))  # its shortest form
    twigs = (
        Twig(value=Message.system("S"), kind="system", id="01A"),
        Twig(value=Message.user("Q"), parent=0, turn="t1", id="01B"),
        Twig(value=Message.assistant("A"), parent=1, turn="t1", id="01C"),
        Twig(value=Cut(2, 1), parent=2, kind="cut", id="01D"),
        Twig(value=Message.user("R"), parent=1, id="01E"),
    )
    turns = (Answered(id="t1", branch="main", base=0, last=2, answer=answer),)
    tree = Tree(name="x", twigs=twigs, branches={"main": 3, "other": 4, "none": -1}, turns=turns)

    both = write_form(tree, "json") + write_form(tree, "json")
    assert [tree, tree] == read_form(both.encode(), "json")


def test_json_of_the_first_version_is_read() -> None:
    """What was exported before there were branches in it is read."""
    old = {
        "dragoman": "conversation",
        "version": 1,
        "name": "x",
        "messages": [{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}],
    }

    assert [line_of([Message.user("Hi")], "x")] == read_form(json.dumps(old), "json")


@pytest.mark.parametrize("form", WRITTEN)
def test_nothing_is_nothing(form: str) -> None:
    """A conversation in which nothing was said is written; it is read as such, or refused."""
    text = write_form(line_of(()), form)
    if form == "markdown":
        with pytest.raises(ConfigError):
            read_form(text, form)
    else:
        assert [[]] == [tree.messages() for tree in read_form(text, form)]


# --- what others wrote ------------------------------------------------------------------------------------------------


def test_chatgpt() -> None:
    """Branches, hidden nodes, pictures, thoughts, tools and custom instructions of an export are what they were."""
    weather, empty = read_form(FILES / "chatgpt.json", "chatgpt")

    assert ("66c0-weather", {"main": 6, "branch-2": 5}) == (weather.name, weather.branches)
    system, asked, thought, call, result, answer = weather.messages()
    assert ("system", "I live in Oslo.\n\nBe brief.") == (system.role, system.text)
    assert ("What is the weather here?", Opaque) == (asked.text, type(asked.parts[0]))
    assert "I should look it up." == thought.reasoning
    assert (ToolCall("call", "web", '{"q": "Oslo"}'),) == call.tool_calls
    quote = Text("Snow.", (Citation(url="https://example.org/oslo", title="Oslo"),))
    assert (ToolResult("call", (quote,), "web"),) == result.parts
    assert ("It snows.", "openai/o3") == (answer.text, answer.origin)
    assert "It rains." == weather.messages("branch-2")[-1].text
    assert [] == empty.messages()


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """A `logs.db` of the llm tool."""
    path = tmp_path / "logs.db"
    with sqlite3.connect(path) as db:
        db.executescript((FILES / "llm-0.36.sql").read_text("utf-8"))
    db.close()
    return path


@pytest.mark.parametrize("how", ["path", "text", "bytes"])
def test_llm(logs: Path, how: str) -> None:
    """Threads, their forks, and the conversations of older versions are read, by path or as bytes."""
    given_as = {"path": logs, "text": str(logs), "bytes": logs.read_bytes()}[how]
    first, added, old = read_form(given_as, "llm")

    assert ["Be brief.", "A long novel.\nHello", "answer 1", "Second", "answer 2"] == [m.text for m in first.messages()]
    assert "image/png" == first.messages()[1].parts[1].media_type  # type: ignore[union-attr]
    [fork] = set(first.branches) - {"main"}
    assert ["Third", "answer 3"] == [message.text for message in first.messages(fork)[-2:]]
    assert ("add", {"a": 1, "b": 2}) == (
        added.messages()[1].tool_calls[0].name,
        added.messages()[1].tool_calls[0].arguments,
    )
    assert ("call_1", "3") == (added.messages()[2].parts[0].call_id, added.messages()[2].parts[0].text)  # type: ignore[union-attr]
    assert ("old-1", ["Be kind.", "A long novel.\nOne", "Uno", "Add", "", "", "Two"]) == (
        old.name,
        [message.text for message in old.messages()],
    )
    assert ["system", "user", "assistant", "user", "assistant", "tool", "assistant"] == [m.role for m in old.messages()]


def test_openai_agents(tmp_path: Path) -> None:
    """Each session of the file of `SQLiteSession` is a conversation."""
    from agents import SQLiteSession

    async def fill() -> None:
        for name, text in (("a", "Hello"), ("b", "Bye")):
            session = SQLiteSession(name, tmp_path / "s.db")
            await session.add_items([{"role": "user", "content": text}, _CALL, _OUTPUT])
            session.close()

    asyncio.run(fill())
    a, b = read_form(tmp_path / "s.db", "openai-agents")
    assert ("a", "Hello", "b", "Bye") == (a.name, a.messages()[0].text, b.name, b.messages()[0].text)
    assert ("look", "c1") == (a.messages()[1].tool_calls[0].name, a.messages()[2].parts[0].call_id)  # type: ignore[union-attr]


_CALL: Any = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
_OUTPUT: Any = {"type": "function_call_output", "call_id": "c1", "output": "42"}

_PICTURE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
_LANGCHAIN = [
    {"type": "system", "content": "S"},
    {"type": "human", "data": {"type": "human", "content": [{"type": "text", "text": "Q"}, _PICTURE]}},
    {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "schema", "messages", "AIMessage"],
        "kwargs": {
            "content": "",
            "tool_calls": [{"name": "look", "args": {"a": 1}, "id": "c1", "type": "tool_call"}],
            "response_metadata": {"model_name": "m", "model_provider": "openai"},
        },
    },
    {"type": "tool", "content": "42", "tool_call_id": "c1", "name": "look", "status": "error"},
    {
        "type": "AIMessageChunk",
        "content": [{"type": "thinking", "thinking": "Hm", "signature": "x"}, {"type": "text", "text": "A"}],
    },
    {"type": "remove", "id": "1", "content": ""},
]


@pytest.mark.parametrize("around", [lambda m: m, lambda m: {"messages": m}, lambda m: {"values": {"messages": m}}])
def test_langgraph_in_all_its_shapes(around: Any) -> None:
    """Messages of LangChain are read flat, as `message_to_dict` and as `dumps` write them, in any wrapping."""
    [tree] = read_form(json.dumps(around(_LANGCHAIN)), "langgraph")
    system, asked, call, result, answer = tree.messages()

    assert ("S", "Q", "https://example.org/a.png") == (system.text, asked.text, asked.parts[1].url)  # type: ignore[union-attr]
    assert ("openai/m", {"a": 1}) == (call.origin, call.tool_calls[0].arguments)
    assert (ToolResult("c1", (Text("42"),), "look", True),) == result.parts
    assert ("Hm", "A") == (answer.reasoning, answer.text)


def test_pydantic_ai_reads_what_we_write_and_writes_what_we_read() -> None:
    """The library itself takes our file, and its file gives the same conversation."""
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    call = ToolCall("c1", "look", '{"a":1}')
    said = [
        Message.system("S"),
        Message.user("Q"),
        Message("assistant", (Reasoning("Hm"), Text("So"), call), origin="openai/m"),
        Message.tool(call, "42"),
        Message.assistant("A"),
    ]
    theirs = ModelMessagesTypeAdapter.validate_json(write_form(line_of(said), "pydantic-ai"))
    [tree] = read_form(ModelMessagesTypeAdapter.dump_json(theirs), "pydantic-ai")

    assert said == tree.messages()


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("openai", {"messages": [{"role": "user", "content": "Hi"}]}),
        ("anthropic", {"messages": [{"role": "user", "content": "Hi"}]}),
        ("sharegpt", {"conversations": [{"from": "human", "value": "Hi"}]}),
        ("responses", {"input": [{"type": "message", "role": "user", "content": "Hi"}]}),
    ],
)
def test_several_in_a_file(form: str, line: dict[str, Any]) -> None:
    """JSONL and a list of objects are several conversations."""
    text = json.dumps(line)

    for several in (f"{text}\n{text}\n", f"[{text}, {text}]", [line, line]):
        assert [["Hi"], ["Hi"]] == [[m.text for m in tree.messages()] for tree in read_form(several, form)]


# --- what is no conversation ------------------------------------------------------------------------------------------

_HARD = {
    "empty": b"",
    "blank": b" \n ",
    "not utf-8": b"\xff\xfe\x00",
    "not json": b"{",
    "a number": b"17",
    "a text": b'"x"',
    "null": b"null",
    "numbers": b"[1, 2]",
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "a pickle": pickle.dumps({"messages": []}),
    "html": b"<html></html>",
}


@pytest.mark.parametrize("form", [*WRITTEN, *READ_ONLY])
@pytest.mark.parametrize("data", _HARD.values(), ids=_HARD)
def test_what_is_no_conversation_is_refused(form: str, data: bytes) -> None:
    """Whatever comes is refused with an error that names the place."""
    with pytest.raises(ConfigError) as caught:
        read_form(data, form)
    assert caught.value.field


@pytest.mark.parametrize(
    ("form", "data", "field"),
    [
        ("json", '{"dragoman":"conversation","version":3,"name":"x"}', "line 1.version"),
        ("json", '{"dragoman":"conversation","version":2,"name":"x","nodes":2,"branches":{"main":2}}', "line 1.nodes"),
        (
            "json",
            '{"dragoman":"conversation","version":2,"name":"x","nodes":0,"branches":{"b":9}}',
            "line 1.branches.b",
        ),
        ("openai", '[{"role": "user", "content": 1}]', "data[0].content"),
        ("openai", '{"messages": [{"role": "nobody", "content": ""}]}', "data.messages[0].role"),
        ("responses", '[{"type": "function_call", "name": 1}]', "data[0].name"),
        ("anthropic", '{"messages": [{"role": "user", "content": 5}]}', "data.messages[0].content"),
        ("sharegpt", '{"conversations": [{"from": "x", "value": "y"}]}', "data.conversations[0].from"),
        ("sharegpt", '{"conversations": [{"from": "gpt", "value": 1}]}', "data.conversations[0].value"),
        ("langgraph", '{"messages": [{"type": "human", "content": 5}]}', "data.messages[0].content"),
        ("langgraph", '[{"type": "alien", "content": ""}]', "data[0].type"),
        ("pydantic-ai", '[{"kind": "request", "parts": [{"part_kind": "x"}]}]', "data[0].parts[0].part_kind"),
        ("pydantic-ai", '[{"kind": "reply", "parts": []}]', "data[0].kind"),
        ("chatgpt", '[{"mapping": {"a": {"message": {"author": {}}}}}]', "data[0].mapping[...].message.author"),
        ("chatgpt", '[{"mapping": {"a": {"parent": "b"}, "b": {"parent": "a"}}}]', "data[0].mapping"),
        ("markdown", "## user\n\nHi\n\nCalls `a` (`b`):\n\nno block", "line 5"),
    ],
)
def test_the_error_names_the_place(form: str, data: str, field: str) -> None:
    """An error says which field of which message is wrong."""
    with pytest.raises(ConfigError) as caught:
        read_form(data, form)
    assert field == caught.value.field


def fields_of_errors(data: str | bytes, form: str) -> list[bool]:
    """Whether what is refused names a field; nothing for what is read."""
    try:
        read_form(data, form)
    except ConfigError as error:
        return [bool(error.field)]
    return []


@pytest.mark.parametrize("form", WRITTEN)
@given(data=st.data())
def test_a_file_that_was_cut_is_no_crash(form: str, data: st.DataObject) -> None:
    """A file that ends anywhere is read as what is there, or refused."""
    text = write_form(line_of(data.draw(exchanges())), form).encode()
    cut = text[: data.draw(st.integers(0, len(text)))]
    assert fields_of_errors(cut, form) in ([], [True])


@pytest.mark.parametrize(
    "form", ["langgraph", "pydantic-ai", "sharegpt", "chatgpt", "openai", "responses", "anthropic"]
)
@given(value=given_by.json_values | st.lists(given_by.json_objects, max_size=2))
def test_any_json_is_no_crash(form: str, value: Any) -> None:
    """Any JSON is a conversation or refused."""
    assert fields_of_errors(json.dumps(value), form) in ([], [True])


def test_a_database_that_is_cut_or_has_views_is_refused(logs: Path, tmp_path: Path) -> None:
    """A damaged file is refused, and a view of a table's name is not run."""
    whole = logs.read_bytes()
    with pytest.raises(ConfigError):
        read_form(whole[: len(whole) // 2], "llm")
    hostile = sqlite3.connect(tmp_path / "view.db")
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS session_id FROM n"
    hostile.execute(f"CREATE VIEW agent_sessions AS {endless}")
    hostile.execute("CREATE TABLE agent_messages (id INTEGER, session_id TEXT, message_data TEXT)")
    hostile.commit()
    hostile.close()
    with pytest.raises(ConfigError, match="no table 'agent_sessions'"):
        read_form(tmp_path / "view.db", "openai-agents")
    with pytest.raises(ConfigError, match="no file"):
        read_form(tmp_path / "missing.db", "llm")


def test_a_large_file_is_read(tmp_path: Path) -> None:
    """Twenty megabytes are read in one go."""
    path = tmp_path / "large.json"
    line = json.dumps({"messages": [{"role": "user", "content": "x" * 10_000}]})
    path.write_text(f"{line}\n" * 2000, "utf-8")

    assert 2000 == len(read_form(path, "openai"))


def test_unknown_forms_are_refused() -> None:
    """A form that is not there, or that is only read, is named."""
    for form in ("yaml", "chatgpt", 5):
        with pytest.raises(ConfigError) as caught:
            write_form(line_of(()), form)  # type: ignore[arg-type]
        assert "form" == caught.value.field
    with pytest.raises(ConfigError):
        read_form("x", "yaml")
