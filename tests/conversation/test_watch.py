"""Reading a turn that another asks, and going on with one that broke off."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import Client, ConfigError, ConversationError, SchemaError, StreamInterrupted, fold
from dragoman.conversation.following import rest_of
from dragoman.testing import Server, says
from dragoman.types.events import Finish, ReasoningDelta, TextDelta, ToolCallDelta, ToolCallEnd, ToolCallStart
from tests.conversation.conftest import rows_of

TEXT = "".join(f"{number} " for number in range(60))


def until(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def watched(talk: Any, *args: Any, **keywords: Any) -> tuple[list[Any], Any]:
    """The events that a follower gets, and its answer."""
    if not hasattr(talk, "runner"):
        with talk.talk.watch(*args, **keywords) as stream:
            return list(stream), stream.response

    async def read() -> tuple[list[Any], Any]:
        async with talk.talk.watch(*args, **keywords) as stream:
            return [event async for event in stream], stream.response

    return talk.runner.run(read())


@pytest.fixture
def asking(provider: Server, tmp_path: Path) -> Iterator[Callable[[str, str], list[Any]]]:
    """Have a turn streamed in another thread, by another client; gives the list of events that it gets."""
    threads: list[threading.Thread] = []

    def ask(words: str, key: str) -> list[Any]:
        got: list[Any] = []

        def work() -> None:
            with Client(providers=rows_of(provider)) as client:
                talk = client.conversation("ticket", model="openai/any", store=f"sqlite:///{tmp_path}/talk.db")
                with talk.stream(words, key) as stream:
                    got.extend(stream)

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        return got

    yield ask
    for thread in threads:
        thread.join()


def test_follower_gets_the_same_events_in_the_same_order(make_talk, asking, provider):
    """Another client reads a turn while it is answered, event for event."""
    provider.script(says(TEXT, pace=0.01))
    got = asking("count", "t1")
    talk = make_talk()
    until(lambda: talk.do("turn", "t1"))

    events, response = watched(talk)

    assert got == events
    assert TEXT == response.text
    assert response.usage == fold(got).usage


def test_follower_of_a_turn_that_is_done_gets_it_whole(make_talk):
    """Who comes late reads the whole answer, streamed or not, and though its pieces are gone."""
    talk = make_talk()
    talk.do("say", "first", "t1")
    talk.read("second", "t2")
    assert "1: first" == watched(talk, "t1")[1].text
    assert "3: second" == watched(talk, "t2")[1].text
    talk.do("say", "third", "t3")

    events, response = watched(talk, "t2")

    assert "3: second" == response.text == fold(events).text
    assert isinstance(events[-1], Finish)


def test_follower_is_told_that_a_turn_broke_off(make_talk, provider):
    """A turn that is left gives what had come, and then an error; never an end."""
    provider.script(says(TEXT, pace=0.01))
    talk = make_talk()
    talk.read("count", "t1", after=20)
    until(lambda: "interrupted" == talk.do("turn", "t1").state)

    with pytest.raises(StreamInterrupted) as caught:
        watched(talk, "t1")
    assert TEXT.startswith(caught.value.partial.text)
    assert caught.value.partial.text


def test_what_is_not_there_cannot_be_watched(make_talk):
    """No turn runs, or there is none of that id: said at once."""
    talk = make_talk()
    with pytest.raises(ConversationError):
        watched(talk)
    with pytest.raises(ConversationError):
        watched(talk, "t9")


def test_broken_answer_is_gone_on_with(make_talk, provider):
    """What had come is kept, the model is asked for the rest, and what it says twice is there once."""
    words = "The quick brown fox jumps over the lazy dog while the band plays on into the night."
    provider.script(says(words, pace=0.02))
    talk = make_talk()
    talk.read("tell", "t1", after=8)
    text = until(lambda: talk.do("turn", "t1").text)
    provider.script(says(words[4:]))  # it begins with what is there already

    answer = talk.do("resume", "t1", how="continue")

    assert words == answer.text
    assert ["tell", words] == talk.history()
    sent = json.loads(provider.requests[-1].body)["messages"]
    assert text == sent[-2]["content"]
    assert words == talk.do("say", "tell", "t1").text


def test_resuming_asks_again_by_default(make_talk, provider):
    """Without `continue` the answer is a new one."""
    provider.script(says(TEXT, pace=0.01), says("anew"))
    talk = make_talk()
    talk.read("count", "t1", after=10)
    until(lambda: "interrupted" == talk.do("turn", "t1").state)

    assert "anew" == talk.do("resume").text
    with pytest.raises(ConfigError):
        talk.do("resume", how="some")


def test_typed_answer_joins_the_history(make_talk, provider):
    """A value of a type, asked for again until it fits; the retry gives the same value and asks nobody."""
    provider.script(says("many"), says('{"value": 7}'))
    talk = make_talk()

    answer = talk.do("parse", "how many?", "t1", output=int)

    assert 7 == answer.output
    assert 2 == provider.calls
    assert 7 == talk.do("parse", "how many?", "t1", output=int).output
    assert 2 == provider.calls
    assert 2 == len(talk.history())


def test_typed_answer_that_never_fits_joins_nothing(make_talk, provider):
    """The turn has failed and can be asked again."""
    provider.script(says("no"), says("no"))
    talk = make_talk()

    with pytest.raises(SchemaError):
        talk.do("parse", "how many?", "t1", output=int, attempts=2)
    assert [] == talk.history()
    assert "failed" == talk.do("turn", "t1").state


@given(st.lists(st.sampled_from("abc"), max_size=9), st.integers(0, 9), st.integers(1, 4))
def test_rest_of_an_answer_is_what_was_not_seen(words, cut, size):
    """However an answer was cut into events, those seen and the rest make it whole."""
    text = "".join(words)
    events = [ReasoningDelta("why "), *(TextDelta(text[i : i + size]) for i in range(0, len(text), size))]
    events += [ToolCallStart(0, "1", "f"), ToolCallDelta(0, '{"a"'), ToolCallDelta(0, ":1}"), ToolCallEnd(0)]
    events.append(Finish("stop", "stop"))
    answer = fold(events)

    seen = events[:cut]

    assert answer == fold([*seen, *rest_of(answer, seen)])
