"""Whoever waits for the end of an answer hears of it once, whatever the end is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import ChatResponse, Event, Finish, Message, StreamInterrupted, TextDelta
from dragoman.errors import DragomanError
from dragoman.policy.base import Opened
from dragoman.policy.watched import Watched
from dragoman.runtime import drive

Batch = list[Event] | BaseException
X, END = TextDelta("x"), Finish("stop", "stop")


class Answer:
    """Gives what it was made of, one batch for each reading."""

    def __init__(self, batches: Sequence[Batch], response: ChatResponse | None = None) -> None:
        self.response = response
        self.left = 0
        self._batches = list(batches)

    async def more(self) -> list[Event]:
        batch = self._batches.pop(0) if self._batches else []
        if isinstance(batch, BaseException):
            raise batch
        return batch

    def folded(self) -> ChatResponse:
        return self.response or ChatResponse(message=Message.assistant("folded"))

    def abandon(self) -> None:
        self.left += 1


class Heard:
    """What was heard of the end."""

    def __init__(self) -> None:
        self.all: list[str] = []

    async def whole(self, opened: Opened) -> None:
        self.all.append("whole")

    def broken(self, opened: Opened, error: DragomanError | None) -> None:
        self.all.append(type(error).__name__)


def watched(*batches: Batch) -> tuple[Watched, Heard, Answer]:
    heard, answer = Heard(), Answer(batches)
    return Watched(answer, heard.whole, heard.broken), heard, answer


def read(opened: Opened) -> list[Event]:
    """Read to the end."""
    found: list[Event] = []
    while events := drive(opened.more()):
        found += events
    return found


def test_the_end_is_heard_before_the_reader_sees_it() -> None:
    """With the last events in hand, nobody has to wait for the settlement any more."""
    opened, heard, _ = watched([X], [X, END])

    assert [X] == drive(opened.more())
    assert [] == heard.all
    assert [X, END] == drive(opened.more())
    assert ["whole"] == heard.all
    assert [] == drive(opened.more())
    opened.abandon()
    assert ["whole"] == heard.all


def test_an_end_without_finish_is_an_end() -> None:
    """An answer whose events do not end with Finish is over when there are no more."""
    opened, heard, _ = watched([X], [X])

    assert [X, X] == read(opened)
    assert ["whole"] == heard.all


def test_a_failure_is_heard_and_raised() -> None:
    """The reader gets the error as it is."""
    opened, heard, _ = watched([X], StreamInterrupted("cut"))
    drive(opened.more())

    with pytest.raises(StreamInterrupted):
        drive(opened.more())
    opened.abandon()
    assert ["StreamInterrupted"] == heard.all


def test_a_cancel_is_heard_as_leaving() -> None:
    """What is no error of ours ended the reading, not the answer."""
    opened, heard, _ = watched(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        drive(opened.more())

    assert ["NoneType"] == heard.all


def test_leaving_closes_the_upstream_first() -> None:
    """Each time that it is left the upstream hears of it; who watches, once."""
    opened, heard, answer = watched([X])
    opened.abandon()
    opened.abandon()

    assert (2, ["NoneType"]) == (answer.left, heard.all)


def test_the_stamp_is_on_every_response() -> None:
    """On the answer of a plain call, and on what is folded of a stream at any time."""
    heard, plain = Heard(), ChatResponse(message=Message.assistant("plain"))

    def stamp(response: ChatResponse) -> ChatResponse:
        return ChatResponse(message=Message.assistant(response.text + "!"))

    one = Watched(Answer([], plain), heard.whole, heard.broken, stamp)
    other = Watched(Answer([[X]]), heard.whole, heard.broken, stamp)

    assert ("plain!", "plain!", "folded!") == (
        one.response and one.response.text,
        one.folded().text,
        other.folded().text,
    )
    assert "plain" == Watched(Answer([], plain), heard.whole, heard.broken).folded().text


@given(
    batches=st.lists(st.sampled_from([[X], [X, X], [X, END], [], StreamInterrupted("cut")]), max_size=5),
    leave=st.integers(0, 6),
)
def test_one_end_is_heard(batches: list[Batch], leave: int) -> None:
    """However an answer goes on and whenever it is left: one end, once."""
    opened, heard, _ = watched(*batches)
    for _ in range(leave):
        try:
            drive(opened.more())
        except StreamInterrupted:
            break
    opened.abandon()

    assert 1 == len(heard.all)


def test_two_threads_hear_one_end() -> None:
    """Read in one thread and left in another at the same time: one end, once."""
    for _ in range(200):
        opened, heard, _ = watched([X], [END])
        ready = threading.Barrier(2)
        steps: list[Callable[[], object]] = [lambda opened=opened: read(opened), opened.abandon]

        def run(step: Callable[[], object], ready: threading.Barrier = ready) -> None:
            ready.wait()
            step()

        threads = [threading.Thread(target=run, args=(step,)) for step in steps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 1 == len(heard.all)
