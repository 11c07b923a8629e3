"""
Stores between hosts that keep the bytes of a scope: Redis and Postgres.

Each has one operation.  It replaces what is kept if that is still what the asker last saw (it is known by a tag of 16
bytes at its beginning), and answers what is kept otherwise, always with the server's own time.

Rule: nothing is decided in the store.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Protocol

from dragoman.drivers.postgres import Postgres
from dragoman.drivers.redis import Redis
from dragoman.errors import StoreError
from dragoman.runtime import Runtime

TAG: Final = 16
NOTHING: Final = b""
"""The tag of what is not there."""
# Seconds after the last use at which a state is forgotten: longer than any limit that comes back by itself.
_KEEP: Final = 2 * 86400


class Kept(NamedTuple):
    """
    What a store says.

    Attributes:
        swapped: Whether it now keeps what was offered.
        clock: The server's time, in seconds.
        data: What it keeps, if it was not swapped; empty for nothing.
    """

    swapped: bool
    clock: float
    data: bytes


class Store(Protocol):
    """
    Keeps bytes by name.

    Attributes:
        place: Where it is, for people.
    """

    place: str

    async def swap(self, runtime: Runtime, name: str, seen: bytes, data: bytes, until: float) -> Kept:
        """
        Keep `data` if what is kept begins with the tag `seen`; empty data asks only.

        Raises:
            StoreError: It does not answer.
        """
        ...


class RedisStore:
    """One key for each scope.  The key's hash tag keeps it in one slot of a cluster."""

    def __init__(self, url: str) -> None:
        self._redis = Redis(url)
        self.place = self._redis.place

    async def swap(self, runtime: Runtime, name: str, seen: bytes, data: bytes, until: float) -> Kept:
        key = f"dragoman:limit:{{{name}}}"
        answer: list[Any] = await self._redis.script(runtime, _SCRIPT, [key], [seen, data, _KEEP], until)
        clock = int(answer[1]) + int(answer[2]) / 1e6
        return Kept(bool(answer[0]), clock, b"" if answer[0] else bytes(answer[3]))


_SCRIPT: Final = """
local now = redis.call('TIME')
local kept = redis.call('GET', KEYS[1]) or ''
if ARGV[2] ~= '' and string.sub(kept, 1, 16) == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
  return {1, now[1], now[2]}
end
return {0, now[1], now[2], kept}
"""


class PostgresStore:
    """One row for each scope, in a table without a journal: what a crash of the server loses is learned again."""

    def __init__(self, url: str) -> None:
        self._postgres = Postgres(url)
        self.place = self._postgres.place

    async def swap(self, runtime: Runtime, name: str, seen: bytes, data: bytes, until: float) -> Kept:
        params = {"name": name, "seen": seen, "data": data, "tag": TAG}
        sql = _READ if not data else _REPLACE if seen else _INSERT
        try:
            rows = await self._postgres.run(runtime, sql, params, until)
        except StoreError as error:
            if error.code != _NO_TABLE:
                raise
            await self._prepare(runtime, until)
            rows = await self._postgres.run(runtime, sql, params, until)
        swapped, clock, kept = rows[0]
        return Kept(bool(swapped), float(clock), b"" if swapped else bytes(kept or b""))

    async def _prepare(self, runtime: Runtime, until: float) -> None:
        async def make(execute: Any) -> None:
            # Two that make it at once fail each other without a lock.   (pg_type has a unique index on names)
            await execute("SELECT pg_advisory_xact_lock(7236519112)")
            await execute(_TABLE)
            await execute(f"DELETE FROM dragoman_limits WHERE at < clock_timestamp() - interval '{_KEEP} seconds'")

        await self._postgres.transaction(runtime, make, until)


_NO_TABLE: Final = "42P01"
_TABLE: Final = """
CREATE UNLOGGED TABLE IF NOT EXISTS dragoman_limits (
    name text PRIMARY KEY,
    data bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50)
"""
# The outer row is of the moment before: what was kept if it was not replaced.
_ANSWER: Final = """
SELECT EXISTS (SELECT FROM swapped), extract(epoch FROM clock_timestamp())::float8,
       (SELECT data FROM dragoman_limits WHERE name = %(name)s)
"""
_READ: Final = """
SELECT false, extract(epoch FROM clock_timestamp())::float8,
       (SELECT data FROM dragoman_limits WHERE name = %(name)s)
"""
_REPLACE: Final = f"""
WITH swapped AS (
    UPDATE dragoman_limits SET data = %(data)s, at = clock_timestamp()
    WHERE name = %(name)s AND substr(data, 1, %(tag)s) = %(seen)s RETURNING 1
) {_ANSWER}
"""
_INSERT: Final = f"""
WITH swapped AS (
    INSERT INTO dragoman_limits (name, data) VALUES (%(name)s, %(data)s) ON CONFLICT DO NOTHING RETURNING 1
) {_ANSWER}
"""
