"""Redis and Postgres that are dead, stand still or come back: every call is over in time and says what is known."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dragoman.drivers.postgres import Postgres
from dragoman.drivers.redis import Redis
from dragoman.errors import StoreError
from dragoman.runtime import AsyncRuntime, BlockingRuntime, drive
from tests.drivers.subjects import Face, Subject, count, subject
from tests.services import PostgresServer, RedisServer, Service, free_port, wait_for

BLOCKING = BlockingRuntime()
ASYNC = AsyncRuntime()


@pytest.fixture(params=["redis", "postgres"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    """Each server in turn; it runs again after the test."""
    server: Service = request.getfixturevalue(f"{request.param}_server")
    yield server
    server.resume()
    if not server.answers():
        server.restart()


@pytest.fixture
def counting(service: Any) -> Iterator[Subject]:
    """The driver of that server."""
    made = subject(service.url)
    drive(made.prepare(BLOCKING))
    yield made
    made.driver.close()


def soon(seconds: float = 0.3) -> float:
    """A deadline."""
    return time.monotonic() + seconds


def test_a_dead_server_is_an_error_at_once(service: Service, counting: Subject, face: Face) -> None:
    """Nobody listens: nothing was sent, it may be tried again, and the text says where and what to look at."""
    service.kill()
    with pytest.raises(StoreError, match=r"cannot connect to \w+ at 127.0.0.1:\d+.*refused.*is it running") as caught:
        face.do(lambda runtime: counting.increment(runtime, soon()))

    assert (True, False) == (caught.value.retryable, caught.value.outcome_unknown)


def test_a_server_that_stands_still_keeps_nobody(service: Service, counting: Subject, face: Face) -> None:
    """A deadline holds on an open connection and on a new one; only what was sent is of unknown outcome."""

    async def twice(runtime: Any) -> list[StoreError]:
        await counting.value(runtime)
        service.pause()
        errors: list[StoreError] = []
        for _ in range(2):
            with pytest.raises(StoreError) as caught:
                await counting.value(runtime, soon())
            errors.append(caught.value)
        return errors

    start = time.monotonic()
    sent, unsent = face.do(twice)

    assert 1.5 > time.monotonic() - start
    assert [(True, False), (False, True)] == [(error.outcome_unknown, error.retryable) for error in (sent, unsent)]
    assert "did not answer in time; whether it was done is not known" in sent.message
    assert "could not be asked in time; nothing was sent" in unsent.message


def test_after_standing_still_it_works_again(service: Service, counting: Subject, face: Face) -> None:
    """No late answer is taken for another's."""

    async def steps(runtime: Any) -> None:
        await counting.increment(runtime)
        service.pause()
        with pytest.raises(StoreError):
            await counting.value(runtime, soon(0.1))
        service.resume()
        await count(counting, runtime, 3)
        assert 4 == await counting.value(runtime)

    face.do(steps)


def test_a_server_that_was_started_again_is_used_again(service: Service, counting: Subject, face: Face) -> None:
    """Connections that died while they were idle are noticed before anything is sent on them."""

    async def steps(runtime: Any) -> None:
        await counting.value(runtime)
        service.restart()
        await counting.prepare(runtime)
        await count(counting, runtime, 2)
        assert 2 == await counting.value(runtime)

    face.do(steps)


def test_all_connections_in_use(service: Any, face: Face) -> None:
    """Who does not get a connection in time is told so; nothing was sent."""
    one = Redis(f"{service.url}?max_connections=1") if isinstance(service, RedisServer) else None
    driver: Any = one or Postgres(service.url, most=1)
    ask = driver.command if one else driver.run
    words = ["BLPOP", "nothing", 2] if one else ["SELECT pg_sleep(2)"]

    async def two() -> None:
        occupying = asyncio.create_task(ask(ASYNC, *words))
        await asyncio.sleep(0.1)
        with pytest.raises(StoreError, match="nothing was sent"):
            await ask(ASYNC, *(["PING"] if one else ["SELECT 1"]), until=soon(0.1))
        occupying.cancel()
        await asyncio.wait([occupying])
        await ask(ASYNC, *(["PING"] if one else ["SELECT 1"]), until=soon(5))

    asyncio.run(two())


def test_a_cancelled_task_leaves_at_once_and_mixes_up_nothing(service: Any) -> None:
    """A task that is cancelled while the server works is gone at once, and every later answer is the right one."""
    redis = isinstance(service, RedisServer)
    driver: Any = Redis(service.url) if redis else Postgres(service.url)
    slow = driver.command(ASYNC, "BLPOP", "nothing", 5) if redis else driver.run(ASYNC, "SELECT pg_sleep(5), 'late'")

    async def echo(number: int) -> Any:
        if redis:
            return await driver.command(ASYNC, "ECHO", number)
        return (await driver.run(ASYNC, "SELECT %s::text", [number]))[0][0].encode()

    async def main() -> list[Any]:
        task = asyncio.create_task(slow)
        await asyncio.sleep(0.1)
        start = time.monotonic()
        task.cancel()
        await asyncio.wait([task])
        assert 0.5 > time.monotonic() - start
        assert task.cancelled()
        return await asyncio.gather(*(echo(number) for number in range(50)))

    assert [str(number).encode() for number in range(50)] == asyncio.run(main())


def test_a_storm_of_cancels_leaves_no_connection_behind(service: Any) -> None:
    """Tasks cancelled at any moment, in the queue too, give back what they had."""
    redis = isinstance(service, RedisServer)
    driver: Any = Redis(f"{service.url}?max_connections=4") if redis else Postgres(service.url, most=4)

    async def once() -> Any:
        return await (driver.command(ASYNC, "PING") if redis else driver.run(ASYNC, "SELECT 1"))

    async def main() -> list[Any]:
        for pause in range(40):
            tasks = [asyncio.create_task(once()) for _ in range(8)]
            await asyncio.sleep(pause * 0.0002)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        return await asyncio.gather(*(once() for _ in range(20)))

    assert 20 == len(asyncio.run(main()))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket of 127.0.0.1 that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.mark.parametrize("scheme", ["redis", "postgresql"])
def test_a_server_that_says_nothing_right(listener: socket.socket, face: Face, scheme: str) -> None:
    """What answers with something else than the protocol is an error that says where it was."""

    def answer() -> None:
        line, _ = listener.accept()
        with line:
            line.recv(100)
            line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    port = listener.getsockname()[1]
    with ThreadPoolExecutor(1) as pool:
        pool.submit(answer)
        with pytest.raises(StoreError, match=f"127.0.0.1:{port}"):
            face.do(lambda runtime: subject(f"{scheme}://127.0.0.1:{port}/0").value(runtime, soon(2)))


@pytest.mark.parametrize("scheme", ["redis", "postgresql"])
def test_an_address_that_answers_nothing(listener: socket.socket, face: Face, scheme: str) -> None:
    """A port that takes connections and never says a word holds nobody beyond the deadline."""
    url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/0"
    start = time.monotonic()
    with pytest.raises(StoreError, match="in time"):
        face.do(lambda runtime: subject(url).value(runtime, soon(0.2)))

    assert 1 > time.monotonic() - start


def test_a_port_that_nobody_has(face: Face) -> None:
    """A wrong port is said with its number."""
    port = free_port()
    driver = Redis(f"redis://127.0.0.1:{port}")

    with pytest.raises(StoreError, match=str(port)):
        face.do(lambda runtime: driver.command(runtime, "PING"))


def test_a_statement_that_was_given_up_is_cancelled_on_the_server(postgres_server: PostgresServer, face: Face) -> None:
    """What waited for a lock is not done later, when everybody has forgotten it."""
    driver = Postgres(postgres_server.url)
    drive(driver.run(BLOCKING, "DROP TABLE IF EXISTS held"))
    drive(driver.run(BLOCKING, "CREATE TABLE held (n INTEGER)"))

    async def hold(execute: Any) -> None:
        await execute("LOCK TABLE held")
        with pytest.raises(StoreError, match="did not answer in time"):
            await asyncio.to_thread(
                face.do, lambda runtime: driver.run(runtime, "INSERT INTO held VALUES (1)", until=soon(0.2))
            )
        await asyncio.to_thread(wait_for, lambda: 0 == waiting(), 5)

    def waiting() -> int:
        rows = drive(driver.run(BLOCKING, "SELECT count(*) FROM pg_locks WHERE NOT granted"))
        return int(rows[0][0])

    asyncio.run(driver.transaction(ASYNC, hold))  # type: ignore[arg-type]

    assert [(0,)] == drive(driver.run(BLOCKING, "SELECT count(*) FROM held"))
    driver.close()
