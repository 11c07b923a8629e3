"""
Each driver with the same task: to count.

An increment reads and writes in one transaction or script, so that two at the same moment cannot both be lost and not
be noticed.  Also a program: `python -m tests.drivers.subjects URL FACE TIMES` counts from a process of its own.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from dragoman.drivers.open import from_url
from dragoman.drivers.postgres import Postgres
from dragoman.drivers.redis import Redis
from dragoman.drivers.sqlite import Sqlite
from dragoman.runtime import AsyncRuntime, BlockingRuntime, Runtime, drive

INCREMENT = "local n = tonumber(redis.call('GET', KEYS[1]) or '0') + 1; redis.call('SET', KEYS[1], n); return n"


class Face:
    """One of the two faces: its runtime, and how a coroutine is run on it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.runtime: Runtime = BlockingRuntime() if name == "blocking" else AsyncRuntime()

    def do(self, step: Callable[[Runtime], Awaitable[Any]]) -> Any:
        """Run `step(runtime)` to its end."""

        async def whole() -> Any:
            return await step(self.runtime)

        return drive(whole()) if self.name == "blocking" else asyncio.run(whole())


class Subject(Protocol):
    """A driver that counts."""

    driver: Any

    async def prepare(self, runtime: Runtime) -> None:
        """Begin at 0."""
        ...

    async def increment(self, runtime: Runtime, until: float | None = None) -> None:
        """Count one."""
        ...

    async def value(self, runtime: Runtime, until: float | None = None) -> int:
        """What was counted."""
        ...


class CountingSqlite:
    """A row of a table."""

    def __init__(self, url: str) -> None:
        driver = from_url(url)
        assert isinstance(driver, Sqlite)
        self.driver = driver

    async def prepare(self, runtime: Runtime) -> None:
        def work(db: sqlite3.Connection) -> None:
            db.execute("DROP TABLE IF EXISTS counter")
            db.execute("CREATE TABLE counter (n INTEGER)")
            db.execute("INSERT INTO counter VALUES (0)")

        await self.driver.run(runtime, work)

    async def increment(self, runtime: Runtime, until: float | None = None) -> None:
        def work(db: sqlite3.Connection) -> None:
            (now,) = db.execute("SELECT n FROM counter").fetchone()
            db.execute("UPDATE counter SET n = ?", (now + 1,))

        await self.driver.run(runtime, work, until)

    async def value(self, runtime: Runtime, until: float | None = None) -> int:
        rows = await self.driver.run(runtime, lambda db: db.execute("SELECT n FROM counter").fetchall(), until, False)
        return int(rows[0][0])


class CountingRedis:
    """A key that a script changes."""

    def __init__(self, url: str) -> None:
        driver = from_url(url)
        assert isinstance(driver, Redis)
        self.driver = driver

    async def prepare(self, runtime: Runtime) -> None:
        await self.driver.command(runtime, "DEL", "counter")

    async def increment(self, runtime: Runtime, until: float | None = None) -> None:
        await self.driver.script(runtime, INCREMENT, ["counter"], [], until)

    async def value(self, runtime: Runtime, until: float | None = None) -> int:
        return int(await self.driver.command(runtime, "GET", "counter", until=until) or 0)


class CountingPostgres:
    """A row that is locked for the change."""

    def __init__(self, url: str) -> None:
        driver = from_url(url)
        assert isinstance(driver, Postgres)
        self.driver = driver

    async def prepare(self, runtime: Runtime) -> None:
        await self.driver.run(runtime, "DROP TABLE IF EXISTS counter")
        await self.driver.run(runtime, "CREATE TABLE counter (n INTEGER)")
        await self.driver.run(runtime, "INSERT INTO counter VALUES (0)")

    async def increment(self, runtime: Runtime, until: float | None = None) -> None:
        async def work(execute: Any) -> None:
            ((now,),) = await execute("SELECT n FROM counter FOR UPDATE")
            await execute("UPDATE counter SET n = %s", [now + 1])

        await self.driver.transaction(runtime, work, until)

    async def value(self, runtime: Runtime, until: float | None = None) -> int:
        return int((await self.driver.run(runtime, "SELECT n FROM counter", (), until))[0][0])


def subject(url: str) -> Subject:
    """The counting driver for a URL."""
    kinds: dict[str, Callable[[str], Subject]] = {"sqlite": CountingSqlite, "postgresql": CountingPostgres}
    return kinds.get(url.partition(":")[0], CountingRedis)(url)


async def count(counting: Subject, runtime: Runtime, times: int) -> None:
    """Count so many."""
    for _ in range(times):
        await counting.increment(runtime)


if __name__ == "__main__":
    counting = subject(sys.argv[1])
    Face(sys.argv[2]).do(lambda runtime: count(counting, runtime, int(sys.argv[3])))
