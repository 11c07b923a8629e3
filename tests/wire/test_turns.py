"""Histories are mended so that every provider takes them, and left alone when they are right."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import Image, Message, Text, ToolCall, ToolResult
from dragoman.wire.turns import INTERRUPTED, settle
from tests.strategies import PNG

ASK = Message.user("Look.")


def call(*ids: str, name: str = "look") -> Message:
    return Message.assistant(*[ToolCall(call_id, name) for call_id in ids])


def result(*ids: str, text: str = "seen") -> Message:
    return Message("tool", tuple(ToolResult(call_id, text) for call_id in ids))


def problems(messages: Sequence[Message]) -> list[str]:
    """The rules of the providers, written a second time and plainly."""
    found: list[str] = []
    ids: list[str] = []
    for i, message in enumerate(messages):
        if not message.parts:
            found.append(f"{i}: empty turn")
        ids += [part.id for part in message.tool_calls]
        answers = [part.call_id for part in message.parts if isinstance(part, ToolResult)]
        asked = [part.id for part in messages[i - 1].tool_calls] if i else []
        if sorted(answers) != sorted(asked):
            found.append(f"{i}: calls {asked} are answered by {answers}")
    if messages and messages[-1].tool_calls:
        found.append("the last turn calls and nothing answers")
    if len(ids) != len(set(ids)) or "" in ids:
        found.append(f"ids {ids}")
    return found


@pytest.mark.parametrize(
    "history",
    [
        (ASK,),
        (ASK, call("a"), result("a")),
        (ASK, call("a", "b"), result("a", "b"), Message.assistant("Done.")),
        (ASK, call("a", "b"), result("a"), result("b"), ASK),
        (ASK, call("a"), Message("user", (ToolResult("a", "seen"), Text("and now?")))),
    ],
)
def test_a_right_history_is_left_alone(history: tuple[Message, ...]) -> None:
    """What obeys the rules comes back as the very same value, without a notice."""
    settled, notices = settle(history)

    assert settled is history
    assert () == notices


def test_a_call_without_result_gets_one_that_says_so() -> None:
    """A call that was interrupted has an error as its result, and the turn after it stays."""
    settled, notices = settle((ASK, call("a", "b"), result("b"), Message.user("Hello?")))

    assert [INTERRUPTED, "seen"] == [part.text for part in settled[2].parts if isinstance(part, ToolResult)]
    assert "Hello?" == settled[3].text
    assert ["messages[1]"] == [notice.field for notice in notices]


def test_a_result_without_call_becomes_text() -> None:
    """A result whose call was cut away is not lost: the model reads it as text."""
    settled, _ = settle((result("gone", text="42"), ASK))

    assert "user" == settled[0].role
    assert settled[0].text.endswith("42")


def test_results_move_right_behind_their_calls() -> None:
    """Something between a call and its result goes behind the result."""
    settled, _ = settle((ASK, call("a"), Message.user("Hurry."), result("a")))

    assert ["user", "assistant", "tool", "user"] == [message.role for message in settled]


def test_ids_that_are_empty_or_given_twice_are_replaced_in_pairs() -> None:
    """Each call keeps its own result when providers gave no ids, or the same one again."""
    settled, _ = settle((ASK, call("", ""), result("", ""), call("x"), result("x"), call("x"), result("x", text="new")))

    ids = [part.id for message in settled for part in message.tool_calls]
    assert len(ids) == len(set(ids))
    assert [] == problems(settled)
    last = settled[-1].parts[0]
    assert isinstance(last, ToolResult)
    assert "new" == last.text


def test_a_second_result_is_not_lost() -> None:
    """Another result of a call that has one is sent as text, with its picture."""
    late = Message("tool", (ToolResult("a", (Text("again"), Image(data=PNG))),))
    settled, notices = settle((ASK, call("a"), result("a"), ASK, late))

    assert [Text, Image] == [type(part) for part in settled[-1].parts]
    assert settled[-1].text.endswith("again")
    assert ["messages[4]"] == [notice.field for notice in notices]


def test_a_result_answers_the_turn_that_called_last() -> None:
    """Where an id is used again before its call was answered, the earlier call is the one without a result."""
    settled, _ = settle((ASK, call("a"), call("a"), result("a")))

    assert [INTERRUPTED, "seen"] == [message.parts[0].text for message in settled if message.role == "tool"]  # type: ignore[union-attr]


def test_results_without_ids_find_the_call_of_their_name() -> None:
    """Where providers give no ids, names tell which result is whose."""
    calls = Message.assistant(ToolCall("", "one"), ToolCall("", "two"))
    given = Message("tool", (ToolResult("", "2", "two"), ToolResult("", "1", "one")))
    settled, _ = settle((ASK, calls, given))

    assert [("one", "1"), ("two", "2")] == [
        (part.name, part.text) for part in settled[2].parts if isinstance(part, ToolResult)
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("look_up-2", "look_up-2", id="valid"),
        pytest.param("functions.look up", "functions_look_up", id="letters"),
        pytest.param("x" * 64, "x" * 64, id="longest"),
        pytest.param("y" * 65, f"{'y' * 50}_81f5ee18", id="too long"),
        pytest.param("", "_00000000", id="nothing"),
    ],
)
def test_names_are_what_every_provider_takes(name: str, expected: str) -> None:
    """A name of other letters, or too long, becomes another one, always the same; in the call and in its result."""
    settled, notices = settle((ASK, call("a", name=name), result("a")))

    assert expected == settled[1].tool_calls[0].name
    assert (expected != name) == bool(notices)
    assert settle(settled)[0] is settled


IDS = st.sampled_from(["a", "b", "c", ""])
TURNS = st.one_of(
    st.builds(Message.user, st.text(min_size=1, max_size=3)),
    st.builds(Message.assistant, st.text(min_size=1, max_size=3)),
    st.lists(IDS, min_size=1, max_size=3).map(lambda ids: call(*ids)),
    st.lists(IDS, min_size=1, max_size=3).map(lambda ids: result(*ids)),
    st.just(Message("assistant", ())),
)


@given(st.lists(TURNS, min_size=1, max_size=8))
def test_any_history_becomes_a_right_one(history: list[Message]) -> None:
    """Whatever is given, the rules hold afterwards, no text is lost, and mending again changes nothing."""
    settled, _ = settle(tuple(history))

    merged = _merged(settled)
    assert [] == problems(merged)
    said = "".join(message.text for message in settled)
    assert all(message.text in said for message in history)
    assert settle(settled)[0] is settled


def _merged(messages: Sequence[Message]) -> list[Message]:
    """Results of one turn's calls may come in several messages; the plain rules want one."""
    found: list[Message] = []
    for message in messages:
        if message.role == "tool" and found and found[-1].role == "tool":
            found[-1] = Message("tool", found[-1].parts + message.parts)
        else:
            found.append(message)
    return found
