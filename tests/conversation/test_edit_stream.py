"""An edit as a stream, on both faces."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from dragoman import AsyncClient, Client
from dragoman.background import flush
from dragoman.errors import ConversationError


def test_an_edit_can_be_streamed() -> None:
    """`stream(edits=)` comes in the place of a turn when it is whole; one that is left changes nothing."""
    with Client() as client:
        talk = client.conversation("trip", model="sim/echo")
        talk.say("Rome", "one")
        talk.say("When?", "two")
        with talk.stream("a long story of many words", "left", edits="one") as stream:
            next(stream)
        assert ["Rome", "When?"] == [one.text for one in talk.history if one.role == "user"]

        with talk.stream("Oslo", "three", edits="one") as stream:
            assert "Oslo" == "".join(stream.text)

        assert ["Oslo", "Oslo"] == [one.text for one in talk.history]
        with pytest.raises(ConversationError, match="no turn 'two'"):
            talk.stream("x", edits="two")


@pytest.mark.parametrize("how", ["again", "continue"])
def test_an_edit_that_was_left_is_resumed_in_its_place(how: Literal["again", "continue"]) -> None:
    """`resume` puts it where it was said, also when it is the first turn; one that was said at the end stays there."""
    with Client() as client:
        talk = client.conversation("trip", model="sim/echo")
        talk.say("Rome", "one")
        talk.say("When?", "two")
        with talk.stream("Oslo and Bergen", "left", edits="one") as stream:
            next(stream)
        assert flush(5)
        talk.resume("left", how=how)
        assert ["Oslo and Bergen"] == [one.text for one in talk.history if one.role == "user"]

        with talk.stream("and what then", "end") as stream:
            next(stream)
        assert flush(5)
        talk.say("What else?", "else")
        talk.resume("end", how=how)
        said = [one.text for one in talk.history if one.role == "user"]
        assert ["Oslo and Bergen", "What else?", "and what then"] == said


def test_a_turn_is_resumed_on_its_own_branch() -> None:
    """Whoever resumes it talks on another branch, on which the turn before it is followed by an older one."""
    with Client() as client:
        main = client.conversation("trip", model="sim/echo")
        main.say("Rome", "one")
        main.say("When?", "two")
        fork = main.fork("other", at="one")
        with fork.stream("and what then", "left") as stream:
            next(stream)
        assert flush(5)
        fork.say("How far?", "three")

        assert "left" == main.interrupted()[0].id
        main.resume("left")
        assert ["Rome", "How far?", "and what then"] == [one.text for one in fork.history if one.role == "user"]
        assert ["Rome", "When?"] == [one.text for one in main.history if one.role == "user"]


def test_an_edit_of_what_is_gone_is_resumed_at_the_end() -> None:
    """The turn that it was to replace was undone meanwhile."""
    with Client() as client:
        talk = client.conversation("trip", model="sim/echo")
        talk.say("Rome", "one")
        talk.say("When?", "two")
        with talk.stream("and where to", "left", edits="two") as stream:
            next(stream)
        assert flush(5)
        turn = talk.turn("left")
        assert turn is not None
        assert ("two", "interrupted") == (turn.edits, turn.state)
        talk.undo()
        talk.say("How far?", "three")
        talk.resume("left")
        assert ["Rome", "How far?", "and where to"] == [one.text for one in talk.history if one.role == "user"]


def test_an_edit_can_be_streamed_asynchronously() -> None:
    """Likewise on the asyncio face."""

    async def run() -> list[str]:
        async with AsyncClient() as client:
            talk = client.conversation("trip", model="sim/echo")
            await talk.say("Rome", "one")
            async with talk.stream("Oslo", edits="one") as stream:
                await stream.drain()
            return [one.text for one in await talk.history()]

    assert ["Oslo", "Oslo"] == asyncio.run(run())
