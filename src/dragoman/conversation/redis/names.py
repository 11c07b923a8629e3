"""
The Lua of the list of names: KEYS are `names` and `fresh`, which `keys` describes.

Rule: an entry is known by its time; `index` says what that is for.
"""

from __future__ import annotations

from typing import Final

from dragoman.conversation.redis.rows import Script

# Put a name on the list.  Whoever saw it there before sees by its time that it was put there again.  ARGV: name.
ENLIST: Final = Script(
    """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local before = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]) or '0')
redis.call('ZADD', KEYS[1], 0, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - 600000000))
redis.call('ZADD', KEYS[2], string.format('%.0f', math.max(now, before + 1)), ARGV[1])
redis.call('PEXPIRE', KEYS[2], 600000)
return {'listed'}
"""
)

# Some names, each with the time when it was put there, if that was lately.  ARGV: from, to, how many.
PAGE: Final = Script(
    """
local found = {}
for i, name in ipairs(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) do
  found[i] = {name, redis.call('ZSCORE', KEYS[2], name) or ''}
end
return found
"""
)

# Take names off, unless they were put there again since they were looked at.  ARGV: name and time of each.
UNLIST: Final = Script(
    """
local count = 0
for i = 1, #ARGV, 2 do
  if (redis.call('ZSCORE', KEYS[2], ARGV[i]) or '') == ARGV[i + 1] then
    count = count + redis.call('ZREM', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
  end
end
return count
"""
)
