"""Histories are mended so that every provider takes them, and left alone when they are right."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import Message, Text, ToolCall, ToolResult
from dragoman.wire.turns import INTERRUPTED, settle

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
