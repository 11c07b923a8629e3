"""Where a client may be used, and what happens when its streams are left: threads, loops, forks, dropped references."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dragoman import AsyncClient, ChatRequest, Client, Context, DragomanError, Ending, StreamInterrupted
from dragoman.policy.base import Handler, Opened
from dragoman.testing import Server, echo, events, says, status
from dragoman.types.events import TextDelta


def rows(server: Server) -> dict[str, Any]:
    return {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "test-key-0001"}}


def recorder(endings: list[Ending]) -> Callable[[Handler], Handler]:
    """A middleware that notes how each call ended."""

    def middleware(handler: Handler) -> Handler:
        async def handle(request: ChatRequest, context: Context) -> Opened:
            context.at_end(endings.append)
            return await handler(request, context)

        return handle

    return middleware


# --- accounting -----------------------------------------------------------------------------------------------------


def test_the_end_hook_runs_once_for_each_call(make_face: Any, server: Server) -> None:
    """Plain call, whole stream, left stream, cut stream and refused call each end exactly once, with what is known."""
    endings: list[Ending] = []
    face = make_face(middleware=[recorder(endings)])
    server.script(
        says("a b"), says("a b"), says("word " * 300, pace=0.01), events(TextDelta("cut")), status(400, "no such thing")
    )

    face.chat("openai/m", "Hi")
    face.events("openai/m", "Hi")
    face.leave("openai/m", "Hi", after=2)
    for fails in (face.events, face.chat):
        with pytest.raises(DragomanError):
            fails("openai/m", "Hi")

    assert ["stop", "stop", None, None, None] == [ending.finish_reason for ending in endings]
    assert [2, 2] == [ending.usage.output_tokens for ending in endings[:2]]
    assert [None, None, None, "StreamInterrupted", "BadRequestError"] == [
        type(ending.error).__name__ if ending.error else None for ending in endings
    ]


def test_middleware_wraps_in_order(make_face: Any, server: Server) -> None:
    """The first middleware is the outermost, and each may change the request."""
    seen: list[str] = []

    def named(name: str) -> Callable[[Handler], Handler]:
        def middleware(handler: Handler) -> Handler:
            def handle(request: ChatRequest, context: Context) -> Awaitable[Opened]:
                seen.append(name)
                return handler(request, context)

            return handle

        return middleware

    server.script(says("a"))
    make_face(middleware=[named("outer"), named("inner")]).chat("openai/m", "Hi")

    assert ["outer", "inner"] == seen


def test_a_middleware_that_suspends_the_blocking_face_is_named(server: Server) -> None:
    """An asyncio wait in a middleware of the blocking face is an error that names the function, not a hang."""

    def middleware(handler: Handler) -> Handler:
        async def impatient(request: ChatRequest, context: Context) -> Opened:
            await asyncio.sleep(0.1)
            return await handler(request, context)

        return impatient

    with (
        pytest.raises(RuntimeError, match="impatient"),
        Client(providers=rows(server), middleware=[middleware]) as client,
    ):
        client.chat("openai/m", "Hi")


# --- dropped references ---------------------------------------------------------------------------------------------


@pytest.fixture
def no_collector() -> Any:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_a_dropped_stream_closes_the_upstream(server: Server) -> None:
    """A blocking stream that nobody holds any more is closed at once, without the garbage collector."""
    server.script(says("word " * 500, pace=0.01))
    client = Client(providers=rows(server))
    stream = client.stream("openai/m", "Hi")
    next(stream)

    del stream
    dropped = time.monotonic()

    closed = server.requests[0].wait_closed(2.0)
    assert closed is not None
    assert closed - dropped < 0.1


@pytest.mark.usefixtures("no_collector")
def test_a_dropped_async_stream_closes_the_upstream(server: Server) -> None:
    """So does an async one, also when only its texts were iterated."""
    server.script(says("word " * 500, pace=0.01))

    async def main() -> float:
        client = AsyncClient(providers=rows(server))
        texts = client.stream("openai/m", "Hi").text
        await texts.__anext__()
        del texts
        dropped = time.monotonic()
        await asyncio.sleep(0.1)
        await client.aclose()
        return dropped

    dropped = asyncio.run(main())

    closed = server.requests[0].wait_closed(2.0)
    assert closed is not None
    assert closed - dropped < 0.1


def test_a_cancelled_call_closes_the_upstream(server: Server) -> None:
    """Cancelling the task closes the connection within 100 ms, and the client works on."""
    server.script(says("late", latency=5), says("next"))

    async def main() -> tuple[float, str]:
        async with AsyncClient(providers=rows(server)) as client:
            task = asyncio.create_task(client.chat("openai/m", "Hi"))
            await asyncio.sleep(0.1)  # the request is with the server now, which answers in 5 s
            task.cancel()
            cancelled = time.monotonic()
            await asyncio.gather(task, return_exceptions=True)
            return cancelled, (await client.chat("openai/m", "Hi")).text

    cancelled, text = asyncio.run(main())

    assert "next" == text
    closed = server.requests[0].wait_closed(2.0)
    assert closed is not None
    assert closed - cancelled < 0.1


def test_abandoned_streams_leave_no_descriptor(server: Server) -> None:
    """After 200 abandoned streams the process has as many open files as before."""
    server.script(*[says("word " * 300, pace=0.005)] * 201)
    client = Client(providers=rows(server))
    with client.stream("openai/m", "Hi") as stream:
        next(stream)
    time.sleep(0.05)
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(200):
        with client.stream("openai/m", "Hi") as stream:
            next(stream)

    deadline = time.monotonic() + 2
    while len(os.listdir("/proc/self/fd")) > before + 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(os.listdir("/proc/self/fd")) <= before + 2


# --- threads, loops, forks ------------------------------------------------------------------------------------------


def test_many_threads_share_one_client(server: Server) -> None:
    """Each of 200 calls from 16 threads gets its own answer."""
    server.default = echo()
    with Client(providers=rows(server)) as client, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: client.chat("openai/m", f"number {i}").text, range(200)))

    assert [f"number {i}" for i in range(200)] == answers


def test_one_async_client_in_several_loops(server: Server) -> None:
    """An async client made outside any loop serves three loops, one after the other and at once in threads."""
    server.default = echo()
    client = AsyncClient(providers=rows(server))

    async def ask(text: str) -> str:
        return (await client.chat("openai/m", text)).text

    after_one_another = [asyncio.run(ask(f"loop {i}")) for i in range(3)]
    with ThreadPoolExecutor(3) as pool:
        at_once = list(pool.map(lambda i: asyncio.run(ask(f"thread {i}")), range(3)))

    assert ["loop 0", "loop 1", "loop 2"] == after_one_another
    assert ["thread 0", "thread 1", "thread 2"] == at_once


def test_many_tasks_share_one_client(server: Server) -> None:
    """300 calls at once in one loop each get their own answer."""
    server.default = echo()

    async def main() -> list[str]:
        async with AsyncClient(providers=rows(server)) as client:
            answers = await asyncio.gather(*(client.chat("openai/m", f"number {i}") for i in range(300)))
            return [answer.text for answer in answers]

    assert [f"number {i}" for i in range(300)] == asyncio.run(main())


def test_the_blocking_face_works_inside_a_loop(server: Server) -> None:
    """In a notebook a loop is already running; the blocking client works there."""
    server.default = echo()

    async def cell() -> str:
        with Client(providers=rows(server)) as client:
            return client.chat("openai/m", "in a cell").text

    assert "in a cell" == asyncio.run(cell())


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_client_works_after_fork(server: Server) -> None:
    """Parent and child go on with the same client, each on connections of its own."""
    server.default = echo()
    client = Client(providers=rows(server))
    client.chat("openai/m", "before")

    child = os.fork()
    if child == 0:
        right = client.chat("openai/m", "child").text == "child"
        os._exit(0 if right else 1)
    answers = [client.chat("openai/m", f"parent {i}").text for i in range(5)]
    _, code = os.waitpid(child, 0)

    assert 0 == code
    assert [f"parent {i}" for i in range(5)] == answers


def test_a_stream_can_be_closed_from_another_thread(server: Server) -> None:
    """Closing while another thread waits in the stream ends that wait at once."""
    server.script(says("word " * 500, pace=3.0))
    stream = Client(providers=rows(server)).stream("openai/m", "Hi")
    outcome: list[object] = []

    def read() -> None:
        try:
            outcome.append(sum(1 for _ in stream))
        except StreamInterrupted as error:
            outcome.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.1)
    before = time.monotonic()
    stream.close()
    reader.join(2)

    assert not reader.is_alive()
    assert time.monotonic() - before < 2


def test_connections_are_kept(server: Server) -> None:
    """Calls one after the other, plain and streamed to the end, use one connection."""
    server.default = echo()
    with Client(providers=rows(server)) as client:
        for i in range(5):
            client.chat("openai/m", f"plain {i}")
            client.stream("openai/m", f"streamed {i}").drain()
            assert 1 == server.connections
