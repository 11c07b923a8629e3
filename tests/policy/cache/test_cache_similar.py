"""Questions that are nearly the same: what may be compared, and how near they are."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import PNG

from dragoman import ChatRequest, ConfigError, Image, Message, Semantic, Text, ToolCall
from dragoman.policy.cache.similar import framed, nearest, packed, question_of
from dragoman.policy.cache.store import Neighbour

SYSTEM = Message.system("Be brief.")
CALL = Message.assistant(ToolCall("c", "f"))


def test_the_last_text_is_the_question() -> None:
    """Everything else is the frame, in which it has the same place whatever it says."""
    one, other = (ChatRequest("openai/m", (SYSTEM, Message.user(text)), seed=1) for text in ("How?", "Why?"))

    assert ("How?", "Why?") == (question_of(one), question_of(other))
    assert framed(one) == framed(other)
    assert framed(one) != framed(ChatRequest("openai/m", (Message.user("How?"),), seed=1))
    assert framed(one) != framed(ChatRequest("openai/m", one.messages, seed=2))


@pytest.mark.parametrize(
    "messages",
    [
        (Message.user(Image(data=PNG), "What?"),),
        (Message.user(Image(data=PNG)), Message.assistant("A dot."), Message.user("Sure?")),
        (Message.user("Go"), CALL, Message.tool("c", "done")),
        (Message.user("Go"), CALL, Message.tool("c", "done"), Message.user("And?")),
        (Message.user("Go"), Message.assistant("Well,")),
        (Message.user("  "),),
        (SYSTEM,),
    ],
    ids=["picture", "earlier picture", "result", "earlier result", "prefill", "nothing said", "only instructions"],
)
def test_what_is_not_only_text_is_not_compared(messages: tuple[Message, ...]) -> None:
    """Media, tool calls and their results make a question that a text does not stand for."""
    assert question_of(ChatRequest("openai/m", messages)) is None


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20).filter(lambda numbers: any(abs(n) > 1e-3 for n in numbers))
)
def test_a_vector_is_as_near_as_can_be_to_itself(numbers: list[float]) -> None:
    """Whatever its length was: the cosine is 1."""
    vector = packed(numbers)

    [(cosine, key)] = nearest(vector, [Neighbour(b"k", packed([2 * number for number in numbers]))], 1.0)
    assert (b"k", True) == (key, math.isclose(1.0, cosine, abs_tol=1e-6))


def test_the_nearest_come_first_and_the_far_not_at_all() -> None:
    """By the cosine, down to the threshold; vectors of another length are of another model."""
    others = [
        Neighbour(b"far", packed([0.0, 1.0])),
        Neighbour(b"near", packed([1.0, 0.2])),
        Neighbour(b"same", packed([3.0, 0.0])),
        Neighbour(b"other model", packed([1.0, 0.0, 0.0])),
    ]

    found = nearest(packed([1.0, 0.0]), others, 0.9)
    assert [b"same", b"near"] == [key for _, key in found]
    assert 0.9806 == round(found[1][0], 4)


@pytest.mark.parametrize(
    "vector", [[], [0.0, 0.0], [math.nan], [math.inf], "text", b"1", 5, None, ["a"], [None]], ids=repr
)
def test_what_is_no_vector_is_named(vector: Any) -> None:
    """A function that gives something else is a mistake that is told."""
    with pytest.raises(ConfigError) as caught:
        packed(vector)

    assert "semantic.embed" == caught.value.field


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("semantic.threshold", {"threshold": 0}),
        ("semantic.threshold", {"threshold": 1.1}),
        ("semantic.threshold", {"threshold": math.nan}),
        ("semantic.threshold", {"threshold": "0.9"}),
        ("semantic.threshold", {"threshold": True}),
        ("semantic.embed", {"embed": ""}),
        ("semantic.embed", {"embed": 5}),
        ("semantic.candidates", {"candidates": 0}),
        ("semantic.candidates", {"candidates": 2.0}),
    ],
    ids=str,
)
def test_a_bad_value_is_named(field: str, values: dict[str, Any]) -> None:
    """A setting that cannot work fails where it is written."""
    with pytest.raises(ConfigError) as caught:
        Semantic(**{"embed": len, "threshold": 0.9, **values})

    assert field == caught.value.field


def test_the_threshold_must_be_stated() -> None:
    """There is no number that is right for every model and every question."""
    with pytest.raises(TypeError):
        Semantic(embed="openai/text-embedding-3-small")  # type: ignore[call-arg]


def test_texts_of_a_turn_are_one_question() -> None:
    """Several texts in the last turn are read as one."""
    assert "Hi you" == question_of(ChatRequest("openai/m", Message("user", (Text("Hi "), Text("you")))))
