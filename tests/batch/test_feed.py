"""Iterators that let wait: blocking and async ones, on both faces."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from dragoman import AsyncClient, Client, SourceError
from dragoman.batch.feed import AHEAD
from dragoman.testing import Server


async def _numbers(count: int, wait: float = 0.0, seen: list[int] | None = None) -> AsyncIterator[str]:
    for number in range(count):
        await asyncio.sleep(wait)
        if seen is not None:
            seen.append(number)
        yield f"hello {number}"


def _slowly(count: int, wait: float) -> Iterator[str]:
    for number in range(count):
        time.sleep(wait)
        yield f"hello {number}"


def test_async_iterables_are_sources(options: dict[str, Any]) -> None:
    """Rows come from an async generator as they are ready, and each is answered, in order."""

    async def go() -> list[str | None]:
        async with AsyncClient(**options) as client:
            batch = await client.batch(_numbers(600), model="fake/m")
            assert (600, 600) == (batch.report.rows, batch.report.done)
            return [row.text async for row in batch.results()]

    assert [f"hello {number}" for number in range(600)] == asyncio.run(go())


def test_the_blocking_face_reads_them_too(client: Client) -> None:
    """The run has a loop of its own, in which an async generator may wait."""
    assert 50 == client.batch(_numbers(50), model="fake/m").report.done


def test_an_iterator_that_waits_does_not_hold_up_the_loop(options: dict[str, Any]) -> None:
    """While a generator sleeps, rows under way are answered and the caller's loop turns."""
    longest = 0.0

    async def go() -> list[float]:
        nonlocal longest
        over = asyncio.Event()

        async def turn() -> None:
            nonlocal longest
            while not over.is_set():
                before = time.monotonic()
                await asyncio.sleep(0.005)
                longest = max(longest, time.monotonic() - before)

        turning = asyncio.create_task(turn())
        async with AsyncClient(**options) as client:
            batch = await client.batch(_slowly(4, 0.25), model="fake/m", start=False)
            came = [time.monotonic() async for _ in batch.results()]
        over.set()
        await turning
        return came

    came = asyncio.run(go())

    assert 4 == len(came)
    assert came[-1] - came[0] > 0.5  # each as soon as it could be, not all at the end
    assert longest < 0.2


def test_no_more_is_read_than_is_needed(options: dict[str, Any]) -> None:
    """An iterator without end is read a little ahead, and let go when the batch is left."""
    seen: list[int] = []
    closed = threading.Event()

    def endless() -> Iterator[str]:
        number = 0
        while True:
            seen.append(number)
            yield f"hello {number}"
            number += 1

    async def forever() -> AsyncIterator[str]:
        try:
            async for text in _numbers(10**9):
                seen.append(0)
                yield text
        finally:
            closed.set()

    async def go() -> None:
        async with AsyncClient(**options) as client:
            for source in (endless(), forever()):
                seen.clear()
                batch = await client.batch(source, model="fake/m", window=4, start=False)
                results = batch.results()
                assert "hello 0" == (await anext(results)).text
                await results.aclose()  # type: ignore[attr-defined]
                assert len(seen) <= AHEAD + batch.report.done + 5

    asyncio.run(go())
    assert closed.wait(10)


def test_a_batch_may_be_cancelled_while_its_iterator_waits(options: dict[str, Any]) -> None:
    """Nobody waits for an iterator that gives nothing more; rows under way have their answers."""
    waiting = threading.Event()

    def stuck() -> Iterator[str]:
        yield "one"
        waiting.wait(60)
        yield "two"

    async def stuck_async() -> AsyncIterator[str]:
        yield "one"
        await asyncio.sleep(60)

    async def go() -> None:
        async with AsyncClient(**options) as client:
            for source in (stuck(), stuck_async()):
                batch = await client.batch(source, model="fake/m", start=False)
                async with asyncio.timeout(5):
                    async for row in batch.results():
                        assert "one" == row.text
                        batch.cancel()
                assert (1, "cancelled") == (batch.report.done, batch.report.stopped)

    asyncio.run(go())
    waiting.set()


@pytest.mark.parametrize("kind", ["blocking", "async"])
def test_what_the_iterator_raises_comes_out(options: dict[str, Any], kind: str) -> None:
    """It ends the run as it is, and rows before it have their answers."""

    def broken() -> Iterator[str]:
        yield from ("one", "two")
        raise LookupError("the database is gone")

    async def broken_async() -> AsyncIterator[str]:
        for text in broken():
            yield text

    with Client(**options) as client:
        batch = client.batch(broken() if kind == "blocking" else broken_async(), model="fake/m", start=False)
        with pytest.raises(LookupError, match="the database is gone"):
            batch.run()


def test_a_row_that_is_none_stops_the_batch(client: Client, echoing: Server) -> None:
    """What an iterator gives is looked at as it comes, with its number."""
    with pytest.raises(SourceError, match="row 2 is float"):
        client.batch(iter(["a", "b", 0.5]), model="fake/m")
    with pytest.raises(SourceError, match="the id 'x' is that of row 0, too"):
        client.batch(iter([{"id": "x", "prompt": "a"}, {"id": "x", "prompt": "b"}]), model="fake/m")


def test_a_generator_sees_the_context_of_its_caller(client: Client) -> None:
    """Context variables are those of the call, though the generator runs in another thread."""
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")

    def rows() -> Iterator[str]:
        yield name.get()

    async def go() -> str | None:
        name.set("ada")
        async with AsyncClient() as own:
            batch = await own.batch(rows(), model="sim/echo")
            return (await anext(batch.results())).text

    assert "ada" == asyncio.run(go())


def test_an_open_file_of_the_caller_stays_open(client: Client, tmp_path: Any) -> None:
    """Whoever made an iterator closes it."""
    path = tmp_path / "texts"
    path.write_text("one\ntwo\n")
    with path.open() as file:
        assert 2 == client.batch(file, model="fake/m").report.done
        assert not file.closed
