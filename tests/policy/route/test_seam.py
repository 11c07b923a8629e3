"""Two pieces of a text, and what is asked between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import ChatRequest, Event, Finish, Message, OutputFormat, Start, TextDelta, Tool, Usage, wire
from dragoman.policy.route.pieces import recoverable, total
from dragoman.policy.route.seam import GO_ON, Joiner, continued, seam

WIRES = (
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "gemini-generate",
    "gemini-interactions",
    "bedrock-converse",
    "ollama-chat",
    "cohere-chat",
)


def joined(first: str, second: str, *, cut: int = 1, begun: bool = False) -> str:
    """Both pieces, the second one coming in pieces of `cut` characters."""
    joiner = Joiner(first, begun=begun)
    pieces = [joiner.feed(second[at : at + cut]) for at in range(0, len(second), cut)]
    return first + "".join(pieces) + joiner.close()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param("The quick brown", " fox jumps.", "The quick brown fox jumps.", id="nothing is repeated"),
        pytest.param("The quick brown ", "brown fox", "The quick brown fox", id="the last word is"),
        pytest.param("an interna", "international one", "an international one", id="a word that was begun is"),
        pytest.param("One. Two. ", "One. Two. Three.", "One. Two. Three.", id="all is"),
        pytest.param("One. Two. ", "Two.", "One. Two. Two.", id="not what the first did not end with"),
        pytest.param("the cat", "at the door", "the catat the door", id="two letters are an accident"),
        pytest.param("end ", " start", "end start", id="white space is no accident"),
        pytest.param("", "whole", "whole", id="nothing was there"),
    ],
)
@pytest.mark.parametrize("cut", [1, 3, 100])
def test_a_repetition_is_taken_out(first: str, second: str, expected: str, cut: int) -> None:
    """What the second piece repeats of the first's end stands there once, however it is cut."""
    assert expected == joined(first, second, cut=cut)


def test_a_text_that_was_begun_is_trusted() -> None:
    """A model that was given the words as its own goes on: only white space may come twice."""
    assert "ha ha ha ha ha ha " == joined("ha ha ha ", "ha ha ha ", begun=True)
    assert "one two" == joined("one ", " two", begun=True)


@given(first=st.text("ab \n", max_size=60), second=st.text("ab \n", max_size=60), cut=st.integers(1, 9))
def test_no_word_is_lost(first: str, second: str, cut: int) -> None:
    """The whole begins with the first piece and ends with the second, and does not depend on where that is cut."""
    whole = joined(first, second, cut=cut)

    assert whole.startswith(first)
    assert whole.endswith(second) or first.endswith(second)
    assert joined(first, second, cut=100) == whole


def test_the_words_stand_as_a_turn_and_are_asked_to_be_gone_on_with() -> None:
    """A model that does not go on with an answer is asked to."""
    asked = (Message.user("Tell."),)

    messages = continued(asked, "Once upon ", begins=False)

    assert [("user", "Tell."), ("assistant", "Once upon "), ("user", GO_ON)] == [(m.role, m.text) for m in messages]


def test_the_words_are_the_beginning_where_the_model_takes_one() -> None:
    """They end without white space, as Anthropic wants it."""
    messages = continued((Message.user("Tell."),), "Once upon ", begins=True)

    assert [("user", "Tell."), ("assistant", "Once upon")] == [(m.role, m.text) for m in messages]


def test_an_answer_that_the_caller_began_is_one_with_the_words() -> None:
    """There are no two turns of the model in a row."""
    asked = (Message.user("Tell."), Message.assistant("Once"))

    assert ["Tell.", "Once upon"] == [m.text for m in continued(asked, " upon", begins=True)]


def test_without_words_the_question_is_asked_anew() -> None:
    """There is nothing to go on with."""
    asked = (Message.user("Tell."),)

    assert asked is continued(asked, " \n", begins=True)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, True),
        ({"temperature": 0.5, "extra": {"store": False}}, True),
        ({"output": OutputFormat(kind="text")}, True),
        ({"tools": (Tool(name="look"),)}, False),
        ({"output": {"type": "object"}}, False),
        ({"n": 2}, False),
        ({"extra": {"response_format": {"type": "json_object"}}}, False),
        ({"native": {"openai-chat": {"tools": []}}}, False),
    ],
)
def test_only_words_are_gone_on_with(settings: dict[str, object], expected: bool) -> None:
    """Tools, forms and several answers would be broken by a seam."""
    assert expected == recoverable(ChatRequest("openai/m", (Message.user("Hi"),), **settings))  # type: ignore[arg-type]


def test_usage_is_summed() -> None:
    """Numbers are added; what one piece did not tell is not known of all."""
    first = Usage(input_tokens=10, output_tokens=4, cache_read_tokens=2)

    assert (22, 9, 2) == (
        (whole := total([first, Usage(input_tokens=12, output_tokens=5)])).input_tokens,
        whole.output_tokens,
        whole.cache_read_tokens,
    )
    assert (None, None) == ((unknown := total([Usage(), first])).input_tokens, unknown.output_tokens)
    assert {"pieces": [{}, {"input_tokens": 10, "output_tokens": 4, "cache_read_tokens": 2}]} == unknown.details


def through(name: str, events: list[Event]) -> str:
    """The text that a reader sees of these events, written and read in a dialect."""
    encoder, decoder = wire.get(name).encoder(), wire.get(name).decoder()
    data = b"".join(encoder.feed(event) for event in events) + encoder.close()
    return "".join(event.text for event in [*decoder.feed(data), *decoder.close()] if isinstance(event, TextDelta))


@pytest.mark.parametrize("name", WIRES)
def test_a_seam_is_passed_on_in_every_dialect(name: str) -> None:
    """Who serves an answer in a provider's dialect loses no text by the event that marks its seam."""
    events = [Start("id", "m"), TextDelta("one "), seam("openai", "m", 4, "StreamInterrupted"), TextDelta("two")]

    assert "one two" == through(name, [*events, Finish("stop")])
