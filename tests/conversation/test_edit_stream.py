"""An edit as a stream, on both faces."""

from __future__ import annotations

import asyncio

import pytest

from dragoman import AsyncClient, Client
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
