"""Leaving an answer of a model in this process, in every way: the model stops."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from dragoman import (
    AsyncClient,
    Client,
    Timeouts,
    local,
)
from dragoman.errors import TimeoutError
from tests.llamacpp.model import TEXT
from tests.transport.local.conftest import Face

ENDLESS: Any = {"max_tokens": 50_000, "extra": {"ignore_eos": True}}


def is_free(model: str) -> bool:
    """Whether the model answers soon: it has one slot, so it does not while it goes on for someone else."""
    began = time.monotonic()
    with Client() as client:
        assert " The sky is" == client.chat(model, "why?", temperature=0, max_tokens=3, timeout=20).text
    return time.monotonic() - began < 2


def test_leaving_a_stream_stops_the_model(face: Face, long: str) -> None:
    """After `break` the model is free for the next call."""
    events, answer = face.read(long, most=4, **ENDLESS)

    assert (4, None) == (len(events), answer)
    assert is_free(long)


def test_a_clock_stops_the_model(face: Face, long: str) -> None:
    """A call that takes too long is an error that says which clock, has what came, and frees the model."""
    with pytest.raises(TimeoutError) as caught:
        face.chat(long, timeout=0.3, **ENDLESS)

    assert "total" == caught.value.clock
    assert caught.value.partial is not None
    assert caught.value.partial.text.startswith(TEXT)
    assert is_free(long)


def test_a_clock_stops_the_reading_of_a_prompt(face: Face, long: str) -> None:
    """A prompt that takes too long to read is left in its midst."""
    with pytest.raises(TimeoutError):
        face.chat(long, "why? " * 7000, timeout=0.3)

    assert is_free(long)


def test_the_clock_of_the_first_event_counts_the_wait_for_a_slot(long: str) -> None:
    """A call that waits behind another one fails in time, and costs nothing when its turn comes."""
    hurried = Client(timeouts=Timeouts(first_event=0.2))
    with Client().stream(long, "a", **ENDLESS) as busy:
        next(busy)
        with pytest.raises(TimeoutError) as caught:
            hurried.chat(long, "why?")

    assert "first_event" == caught.value.clock
    assert is_free(long)


def test_cancelling_stops_the_model(long: str) -> None:
    """A cancelled task leaves its answer at once."""

    async def main() -> None:
        async with AsyncClient() as client:
            task = asyncio.create_task(client.chat(long, "why?", temperature=0, **ENDLESS))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert is_free(long)


def test_dropping_a_stream_stops_the_model(long: str) -> None:
    """A stream that nobody holds any more is left."""
    client = Client()
    next(client.stream(long, "why?", temperature=0, **ENDLESS))

    assert is_free(long)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_closing_a_client_leaves_others_their_model(asynchronous: bool, tiny: str) -> None:
    """Models belong to the process: a stream of another client goes on, and the model stays in memory."""
    with Client() as other:
        stream = other.stream(tiny, "why?", temperature=0)
        next(stream)
        face = Face(asynchronous)
        face.chat(tiny)
        face.close()

        assert TEXT == stream.drain().text
    assert tiny.partition("/")[2].partition("?")[0] in local.loaded()
