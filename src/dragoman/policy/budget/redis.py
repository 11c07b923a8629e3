"""
A book in Redis or Valkey, which any number of hosts share.

Each operation is one script, which does what `Book` does by the server's clock.  The three keys of a book have one
hash tag, so they lie in one slot of a cluster.  A book with windows is gone when its window is; one without stays.

A server that loses its memory loses the book: give it persistence (`appendonly yes`) where that matters.
"""

from __future__ import annotations

from typing import Any, Final, cast

from dragoman.drivers.redis import Redis
from dragoman.policy.budget.book import KEEP, Ask, Reading
from dragoman.runtime import Runtime

# Of every script.  KEYS: head (number, spent, reserved), holds (id to "held:least:charged", charged is "-" while it is
# under way), dues (id by milliseconds).  ARGV begins with the seconds of a window and the milliseconds of KEEP.
_HEAD: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local seconds, keep = tonumber(ARGV[1]), tonumber(ARGV[2])
local number = seconds > 0 and math.floor(time[1] / seconds) or 0
local known = tonumber(redis.call('HGET', KEYS[1], 'number') or '-1')
if known < number then
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'number', string.format('%.0f', number), 'spent', '0', 'reserved', '0')
  known = number
end
local renews = seconds > 0 and (known + 1) * seconds * 1000 - now or -1
local function add(field, amount)
  redis.call('HINCRBY', KEYS[1], field, amount)
end
local function take(field, amount)
  if amount ~= '0' then add(field, '-' .. amount) end
end
local function parts(hold)
  return string.match(hold, '^(%d+):(%d+):(.+)$')
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now)) do
  local held, least, charged = parts(redis.call('HGET', KEYS[2], id))
  if charged == '-' then
    take('reserved', held)
    add('spent', least)
    redis.call('HSET', KEYS[2], id, '0:' .. least .. ':' .. least)
    redis.call('ZINCRBY', KEYS[3], keep, id)
  else
    redis.call('HDEL', KEYS[2], id)
    redis.call('ZREM', KEYS[3], id)
  end
end
local function last()
  if renews >= 0 then
    for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, renews + 1000) end
  end
end
local function reading(granted)
  local head = redis.call('HMGET', KEYS[1], 'spent', 'reserved')
  return {granted, head[1], head[2], string.format('%.0f', renews)}
end
"""

# ARGV: id, most, least, limit (-1 for none), milliseconds to live.
_RESERVE: Final = (
    _HEAD
    + """
local id, most, least, limit, ttl = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
if redis.call('HEXISTS', KEYS[2], id) == 1 then return reading(1) end
local head = redis.call('HMGET', KEYS[1], 'spent', 'reserved')
if limit >= 0 and head[1] + head[2] + most > limit then return reading(0) end
add('reserved', most)
redis.call('HSET', KEYS[2], id, most .. ':' .. least .. ':-')
redis.call('ZADD', KEYS[3], now + ttl, id)
last()
return reading(1)
"""
)

# ARGV: id, cost (-1 to void it).
_SETTLE: Final = (
    _HEAD
    + """
local id = ARGV[3]
local hold = redis.call('HGET', KEYS[2], id)
if hold then
  local held, least, charged = parts(hold)
  redis.call('HDEL', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
  if tonumber(ARGV[4]) > 0 then add('spent', ARGV[4]) end
  take('reserved', held)
  if charged ~= '-' then take('spent', charged) end
end
if tonumber(ARGV[4]) < 0 then
  redis.call('HSET', KEYS[2], id, '0:0:0')
  redis.call('ZADD', KEYS[3], now + keep, id)
end
last()
return 1
"""
)

_READ: Final = _HEAD + "last()\nreturn reading(1)\n"

_RESET: Final = (
    _HEAD
    + """
redis.call('HSET', KEYS[1], 'spent', '0')
local holds = redis.call('HGETALL', KEYS[2])
for at = 1, #holds, 2 do
  local held, least, charged = parts(holds[at + 1])
  if charged ~= '-' then
    redis.call('HDEL', KEYS[2], holds[at])
    redis.call('ZREM', KEYS[3], holds[at])
  end
end
last()
return 1
"""
)


class RedisLedger:
    """
    Keeps one book on a server.

    Args:
        db: The server.
        name: Of the book.
        seconds: Length of a window; None for one that never ends.
    """

    instant = False

    def __init__(self, db: Redis, name: str, seconds: int | None) -> None:
        self.place = db.place
        self._db = db
        self._windows = seconds is not None
        tag = f"dragoman:budget:{{{name}/{seconds or 0}}}"
        self._keys = [f"{tag}:head", f"{tag}:holds", f"{tag}:dues"]
        self._first: list[int | str] = [seconds or 0, KEEP * 1000]

    async def reserve(self, runtime: Runtime, ask: Ask, until: float | None) -> Reading:
        limit = -1 if ask.limit is None else ask.limit
        ttl = max(1, round(ask.ttl * 1000))
        return self._reading(await self._script(runtime, _RESERVE, (ask.id, ask.most, ask.least, limit, ttl), until))

    async def settle(self, runtime: Runtime, id: str, cost: int | None, until: float | None) -> None:
        await self._script(runtime, _SETTLE, (id, -1 if cost is None else cost), until)

    def settle_now(self, id: str, cost: int | None) -> None:
        raise NotImplementedError("a server has to be waited for")

    async def read(self, runtime: Runtime, until: float | None) -> Reading:
        return self._reading(await self._script(runtime, _READ, (), until))

    async def reset(self, runtime: Runtime, until: float | None) -> None:
        await self._script(runtime, _RESET, (), until)

    def close(self) -> None:
        self._db.close()

    async def aclose(self) -> None:
        await self._db.aclose()

    async def _script(self, runtime: Runtime, source: str, args: tuple[int | str, ...], until: float | None) -> Any:
        return await self._db.script(runtime, source, self._keys, [*self._first, *args], until)

    def _reading(self, answer: object) -> Reading:
        granted, spent, reserved, renews = (int(one) for one in cast("list[int | bytes]", answer))
        return Reading(bool(granted), spent, reserved, max(0, renews) / 1000 if self._windows else None)
