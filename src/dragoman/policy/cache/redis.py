"""
Entries in Redis or Valkey, for all machines.

One key for each answer: the time when it was put there, by the server's clock, and the entry.  How much is kept is the
server's business: `maxmemory`, with a policy that evicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from dragoman.errors import StoreError
from dragoman.policy.cache.store import Found, Neighbour
from dragoman.runtime import Runtime

if TYPE_CHECKING:
    from dragoman.drivers.redis import Redis

# Digits of the time in milliseconds, enough until the year 2286.
_DIGITS: Final = 13
_PREFIX: Final = "dragoman:cache:"
# Keys that the server looks at in one step of a search.
_STEP: Final = 500

# KEYS: key.  ARGV: entry, lifetime in milliseconds ("" for ever).
_PUT: Final = """
local t = redis.call('TIME')
local made = string.format('%013d', t[1] * 1000 + math.floor(t[2] / 1000))
if ARGV[2] == '' then
    redis.call('SET', KEYS[1], made .. ARGV[1])
else
    redis.call('SET', KEYS[1], made .. ARGV[1], 'PX', ARGV[2])
end
return 1
"""


class RedisStore:
    """
    See `Store`.

    Attributes:
        place: The server, without credentials.
        near: False.
    """

    near = False

    def __init__(self, server: Redis) -> None:
        self._server = server
        self.place = server.place

    async def get(self, runtime: Runtime, scope: bytes, key: bytes, until: float | None) -> Found | None:
        """See `Store`."""
        value, time = await self._server.pipeline(runtime, [["GET", _name(scope, key)], ["TIME"]], until)
        if value is None:
            return None
        made = value[:_DIGITS]
        age = _now(time) - int(made) / 1000 if made.isdigit() else 0.0
        return Found(value[_DIGITS:], max(0.0, age))

    async def put(
        self, runtime: Runtime, scope: bytes, key: bytes, entry: bytes, ttl: float | None, until: float | None
    ) -> None:
        """See `Store`."""
        lifetime = "" if ttl is None else str(max(1, round(ttl * 1000)))
        await self._server.script(runtime, _PUT, [_name(scope, key)], [entry, lifetime], until)

    async def drop(self, runtime: Runtime, scope: bytes, key: bytes, until: float | None) -> bool:
        """See `Store`."""
        return bool(await self._server.command(runtime, "UNLINK", _name(scope, key), until=until))

    async def clear(self, runtime: Runtime, scope: bytes | None, until: float | None) -> None:
        """See `Store`."""
        pattern = f"{_PREFIX}{'*' if scope is None else scope.hex()}:*"
        cursor: Any = 0
        while True:
            cursor, names = await self._server.command(
                runtime, "SCAN", cursor, "MATCH", pattern, "COUNT", _STEP, until=until
            )
            if names:
                await self._server.command(runtime, "UNLINK", *names, until=until)
            if int(cursor) == 0:
                return

    async def neighbours(
        self, runtime: Runtime, scope: bytes, frame: bytes, most: int, until: float | None
    ) -> Sequence[Neighbour]:
        """None: a search by likeness is not kept here."""
        return ()

    async def place_near(
        self, runtime: Runtime, scope: bytes, frame: bytes, neighbour: Neighbour, most: int, until: float | None
    ) -> None:
        """
        Not possible here.

        Raises:
            StoreError: Always.
        """
        raise StoreError(f"{self.place} keeps no vectors for the cache")

    def close(self) -> None:
        """Close idle connections."""
        self._server.close()

    async def aclose(self) -> None:
        """Close idle connections."""
        await self._server.aclose()


def _name(scope: bytes, key: bytes) -> str:
    return f"{_PREFIX}{scope.hex()}:{key.hex()}"


def _now(time: Sequence[bytes]) -> float:
    seconds, micros = time
    return int(seconds) + int(micros) / 1_000_000
