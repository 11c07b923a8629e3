"""Leaving, closing, cancelling: promptly, from any thread, and without a descriptor left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.transport.aio import AsyncTransport
from dragoman.transport.base import Disconnected
from dragoman.types.http import HttpRequest
from tests.transport.scripted import HOLD, chunked, deadline, plain

STREAM = [chunked(b"data: 1\n\n", end=False), HOLD]
PROMPTLY = 0.1  # seconds until the server sees that the client has left


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def no_gc() -> Iterator[None]:
    """Nothing that this test leaves to the collector is ever closed."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_an_abort_is_seen_at_once(face, serve):
    """The server sees the end within 100 ms; a second abort does nothing."""
    server = serve(STREAM)
    opened = face.open(server.url)
    assert b"data: 1\n\n" == opened.read()
    began = time.monotonic()
    opened.abort()
    opened.abort()

    assert server.wait(lambda: len(server.closed) == 1)
    assert server.closed[0] - began <= PROMPTLY


def test_an_abort_wakes_who_reads(face, serve):
    """Another thread aborts while one waits for data: the server sees it at once, and the reader gets an error."""
    server = serve(STREAM)
    opened = face.open(server.url)
    opened.read()
    aborted: list[float] = []

    def abort() -> None:
        aborted.append(time.monotonic())
        opened.abort()

    timer = threading.Timer(0.1, abort)
    timer.start()
    with pytest.raises(Disconnected, match="aborted"):
        opened.read(5.0)
    timer.join()

    assert time.monotonic() - aborted[0] <= PROMPTLY
    assert server.wait(lambda: len(server.closed) == 1)
    assert server.closed[0] - aborted[0] <= PROMPTLY


def test_an_abort_after_the_release_does_not_touch_the_next_exchange(face, serve):
    """The connection is another's by then."""
    server = serve([plain(b"one")], [chunked(b"two", end=False), 0.1, b"5\r\nthree\r\n0\r\n\r\n"])
    first = face.open(server.url)
    first.finish()
    second = face.open(server.url)
    first.abort()

    assert b"twothree" == second.finish()
    assert 1 == server.connections


def test_an_abort_of_an_answer_that_was_read_harms_nobody(face, serve):
    """Read to the end, then aborted, not released: the next call works."""
    server = serve([plain()])
    for _ in range(3):
        opened = face.open(server.url)
        assert b"hello" == opened.all()
        opened.abort()


def test_what_was_left_cannot_be_read(face, serve):
    """After an abort there is an error, after the end there is nothing: never another exchange's bytes."""
    server = serve([plain()], [chunked(b"two", end=False), HOLD])
    first = face.open(server.url)
    first.finish()
    second = face.open(server.url)
    second.read()
    second.abort()

    assert b"" == first.read()
    with pytest.raises(Disconnected, match="aborted"):
        second.read()


def test_closing_ends_idle_connections_only(face, serve):
    """A stream that is being read goes on to its end; the transport can be used again; closing twice is fine."""
    server = serve([plain()], [chunked(b"one", end=False), 0.2, b"3\r\ntwo\r\n0\r\n\r\n"], [plain(b"again")])
    transport = face.transport()
    face.open(server.url, transport=transport).finish()
    stream = face.open(server.url, transport=transport)
    assert b"one" == stream.read()
    transport.close()
    transport.close()

    assert b"two" == stream.finish()
    assert b"again" == face.open(server.url, transport=transport).finish()


def test_closing_is_seen_by_the_server(face, serve):
    """No idle connection is left open."""
    server = serve([plain(), HOLD])
    transport = face.transport()
    for _ in range(2):
        face.open(server.url, transport=transport).finish()
        transport.close()
        count = len(server.requests)
        assert server.wait(lambda count=count: len(server.closed) == count)


def test_aborted_exchanges_leave_no_descriptor(face, serve, no_gc):
    """200 of them, without the help of the garbage collector."""
    server = serve(STREAM)
    face.open(server.url).abort()
    assert server.wait(lambda: len(server.closed) == 1)
    time.sleep(0.05)
    before = descriptors()
    for _ in range(200):
        opened = face.open(server.url)
        opened.read()
        opened.abort()
    face.opened.clear()
    assert server.wait(lambda: len(server.closed) == 201)

    assert _settles(lambda: descriptors() <= before)


def test_failed_calls_leave_no_descriptor(face, serve, no_gc):
    """100 answers that break."""
    server = serve([chunked(b"x", end=False), 0.005, b"garbage"])
    with pytest.raises(Disconnected):
        face.open(server.url).all()
    time.sleep(0.05)
    before = descriptors()
    for _ in range(100):
        with pytest.raises(Disconnected):
            face.open(server.url).all()
    face.opened.clear()

    assert _settles(lambda: descriptors() <= before)


def _settles(condition) -> bool:
    """Whether `condition` comes true soon."""
    until = time.monotonic() + 2
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


# --- cancelling, which only the async face knows --------------------------------------------------------------------


async def _open(transport: AsyncTransport, url: str):
    request = HttpRequest(url=url, headers={}, body=b"{}")
    return await transport.open(request, connect_until=deadline(5), until=deadline(5))


async def _cancelled(task: asyncio.Task[object]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_cancelled_read_closes_its_connection(serve):
    """The server sees it at once; nothing of the answer can reach another request."""
    server = serve(STREAM, [plain(b"next")])

    async def main() -> None:
        transport = AsyncTransport()
        exchange = await _open(transport, server.url)
        await exchange.read(None)
        task = asyncio.create_task(exchange.read(None))
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await _cancelled(task)
        assert await asyncio.to_thread(server.wait, lambda: len(server.closed) == 1)
        assert server.closed[0] - began <= PROMPTLY
        assert b"next" == await (await _open(transport, server.url)).read(None)

    asyncio.run(main())


def test_a_released_answer_that_does_not_end_is_closed_with_its_transport(serve):
    """Nobody reads it any more, so closing does not wait for the end of its body, and nothing is left to the loop."""
    server = serve(STREAM)

    async def use() -> float:
        transport = AsyncTransport()
        exchange = await _open(transport, server.url)
        await exchange.read(None)
        exchange.release()
        closed = time.monotonic()
        await transport.aclose()
        return closed

    closed = asyncio.run(use())

    assert server.wait(lambda: len(server.closed) == 1)
    assert server.closed[0] - closed <= PROMPTLY


def test_a_cancelled_open_closes_its_connection(serve):
    """Cancelled between request and answer."""
    server = serve([HOLD])

    async def main() -> None:
        transport = AsyncTransport()
        task = asyncio.create_task(_open(transport, server.url))
        assert await asyncio.to_thread(server.wait, lambda: len(server.requests) == 1)
        began = time.monotonic()
        await _cancelled(task)
        assert await asyncio.to_thread(server.wait, lambda: len(server.closed) == 1)
        assert server.closed[0] - began <= PROMPTLY

    asyncio.run(main())


def test_a_thousand_cancels_do_not_poison_the_pool(serve):
    """At every moment of a call; afterwards calls get their own answers, and no descriptor is left."""
    server = serve([chunked(b"one", end=False), 0.01, b"3\r\ntwo\r\n0\r\n\r\n"])

    async def call(transport: AsyncTransport) -> bytes:
        exchange = await _open(transport, server.url)
        data = b""
        while piece := await exchange.read(deadline(5)):
            data += piece
        exchange.release()
        return data

    async def main() -> None:
        transport = AsyncTransport()
        assert b"onetwo" == await call(transport)
        before = descriptors()
        for turn in range(20):
            tasks = [asyncio.create_task(call(transport)) for _ in range(50)]
            await asyncio.sleep(0.001 * turn)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert [b"onetwo"] * 10 == await asyncio.gather(*(call(transport) for _ in range(10)))
        await transport.aclose()
        assert await asyncio.to_thread(_settles, lambda: descriptors() <= before + 4)

    asyncio.run(main())


def test_a_dropped_transport_makes_no_noise(face, serve):
    """No warning of unclosed sessions or sockets (warnings are errors here)."""
    server = serve([plain()])
    transport = face.transport()
    face.made.clear()
    face.open(server.url, transport=transport).finish()
    face.opened.clear()
    del transport
    gc.collect()
    time.sleep(0.05)
    gc.collect()


# --- loops, threads, forks ------------------------------------------------------------------------------------------


def test_several_loops_one_after_the_other(serve):
    """Each `asyncio.run` is a new loop; the connections of the one before are closed with it."""
    server = serve([plain()])
    transport = AsyncTransport()

    async def main() -> None:
        for _ in range(2):
            exchange = await _open(transport, server.url)
            assert b"hello" == await exchange.read(deadline(5))
            exchange.release()

    for _ in range(3):
        asyncio.run(main())

    assert (3, 6) == (server.connections, len(server.requests))


def test_several_loops_at_the_same_time(serve):
    """Four threads, a loop in each, one transport."""
    server = serve([plain()])
    transport = AsyncTransport()
    done: list[int] = []

    async def main() -> None:
        for _ in range(10):
            exchange = await _open(transport, server.url)
            assert b"hello" == await exchange.read(deadline(5))
            exchange.release()
        done.append(1)

    threads = [threading.Thread(target=asyncio.run, args=(main(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (4, 40) == (len(done), len(server.requests))


def test_many_at_the_same_time(face, serve):
    """16 threads share one transport, and each gets its own answers."""
    server = serve([plain(b"first")], [0.001, plain(b"same")])
    transport = face.transport()
    face.open(server.url, transport=transport).finish()
    answers: list[bytes] = []

    def work() -> None:
        answers.extend([face.open(server.url, transport=transport).finish() for _ in range(20)])

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [b"same"] * 320 == answers
    assert server.connections <= 17


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_shares_nothing(face, serve):
    """With one idle connection and one in use: the child opens its own, and the parent's go on."""
    server = serve([plain()], [chunked(b"one", end=False), 0.4, b"3\r\ntwo\r\n0\r\n\r\n"], [plain(b"other")])
    transport = face.transport()
    first = face.open(server.url, transport=transport)
    stream = face.open(server.url, transport=transport)
    assert b"hello" == first.finish()
    assert b"one" == stream.read()

    before = server.connections
    child = os.fork()
    if not child:
        code = 1
        try:
            own = type(face)()
            answer = own.open(server.url, transport=transport).finish()
            stream.exchange.abort()
            del stream, first
            gc.collect()
            code = 0 if answer == b"other" else 2
        finally:
            os._exit(code)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert before + 1 == server.connections
    assert b"two" == stream.finish()
    assert b"other" == face.open(server.url, transport=transport).finish()
    assert before + 1 == server.connections
