"""An answer given again: plain, or as a stream that folds to the same."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given
from tests.strategies import responses

from dragoman import ChatResponse, Ending, Event, Finish, Message, Notice, Text, Timeouts, Usage, fold
from dragoman.policy.base import Context
from dragoman.policy.cache.replay import Replay, replayed
from dragoman.policy.deadline import Clocks
from dragoman.runtime import BlockingRuntime, drive

ANSWER = ChatResponse(message=Message("assistant", (Text("yes"),)), finish_reason="stop", cost=Decimal("0.01"))


def context() -> tuple[Context, list[Ending]]:
    runtime = BlockingRuntime()
    made, endings = Context(runtime, Clocks(Timeouts(), runtime.now())), list[Ending]()
    made.at_end(endings.append)
    return made, endings


def read(replay: Replay) -> list[Event]:
    found: list[Event] = []
    while events := drive(replay.more()):
        found += events
    return found


@given(responses)
def test_a_stream_folds_to_what_was_kept(answer: ChatResponse) -> None:
    """For any answer: what its events say is what was kept, and the whole answer is there at the end."""
    replay = Replay(answer, context()[0], stream=True)
    events = read(replay)
    folded = fold(events)

    assert answer.message.parts == folded.message.parts
    assert (answer.message.native or None) == folded.message.native
    assert (answer.usage, answer.finish_reason, answer.extras) == (folded.usage, folded.finish_reason, folded.extras)
    assert (answer.finish_reason_raw, answer.finish_details) == (folded.finish_reason_raw, folded.finish_details)
    assert (answer.id, answer.model) == (folded.id, folded.model)
    assert isinstance(events[-1], Finish)
    assert answer == replay.folded()


def test_nothing_is_there_before_it_is_read() -> None:
    """A stream that nobody has read is not whole, and its call goes on."""
    made, endings = context()
    replay = Replay(ANSWER, made, stream=True)

    assert ("unknown", "") == (replay.folded().finish_reason, replay.folded().text)
    assert [] == endings


def test_the_call_ends_once_and_used_nothing() -> None:
    """Whoever accounts is told once, with no tokens."""
    nothing = Usage(input_tokens=0, output_tokens=0)
    for stream in (False, True):
        made, endings = context()
        replay = Replay(ANSWER, made, stream=stream)
        read(replay)
        replay.abandon()

        assert [Ending(finish_reason="stop", usage=nothing, cost=ANSWER.cost)] == endings


def test_a_stream_that_is_left_ends_too() -> None:
    """Left before it was read: no finish reason."""
    made, endings = context()
    Replay(ANSWER, made, stream=True).abandon()

    assert [None] == [ending.finish_reason for ending in endings]


def test_a_replay_says_that_it_is_one() -> None:
    """It costs nothing, was sent by nobody, and what it says of itself is kept."""
    first = Notice("x", "said before")
    answer = msgspec.structs.replace(ANSWER, notices=(first,), usage=Usage(input_tokens=3))
    again = replayed(answer, notices=(Notice("y", "said now"),))

    assert (True, Decimal(0), ()) == (again.cached, again.cost, again.attempts)
    assert ("x", "y") == tuple(notice.field for notice in again.notices)
    assert 3 == again.usage.input_tokens
