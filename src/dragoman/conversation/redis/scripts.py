"""
One Lua script for each operation on a conversation.

An answer is nil, or a list that begins with a word: what was done, or why nothing was (`REFUSALS`).  ARGV is said at
each.

Rule: as in `rows`.  The SQLite store is the reference: what is decided here is decided there, in the same order.
"""

from __future__ import annotations

from typing import Final

from dragoman.conversation.redis.rows import SHARED, Script

REFUSALS: Final = (b"new", b"locked", b"reused", b"busy", b"lost")
"""First words of answers that say that nothing was written, or nothing that anybody relies on."""

# Of one that is to be made: it must be on the list, as of the last erasure.
_NEW: Final = """
local function unlisted(listed)
  local mark = call('GET', GONE) or ''
  return listed ~= '+' .. mark and {'new', mark}
end
"""

# ARGV: branch, id if it is made, listed, key, input, digest, ttl, epoch, segment and depth that are known, segment and
# depth of the base (or ''), interrupt, wait, ticket (or ''), keep (or ''), seal, retake.
BEGIN: Final = Script(
    SHARED
    + _NEW
    + """
local branch, id, listed, key, input, digest, ttl, epoch, kseg, kdepth, bseg, bdepth, breaks, wait, ticket, keep, seal,
  retake = unpack(ARGV)

local function leave()
  if ticket == '' then return end
  local place = call('HGET', ASKED, ticket)
  if not place then return end
  call('HDEL', ASKED, ticket)
  call('ZREM', LINE, string.match(place, '^%d+ (.*)$'))
end

-- the first in line who still asks
local function first(b)
  while true do
    local found = call('ZRANGEBYLEX', LINE, '[' .. int(b.number) .. ':', '(' .. int(b.number) .. ';', 'LIMIT', 0, 1)[1]
    if not found then return nil end
    local waiting = string.match(found, ':0*(%d+)$')
    local place = call('HGET', ASKED, waiting)
    if place and tonumber(string.match(place, '^%d+')) > now then return waiting end
    call('ZREM', LINE, found)
    call('HDEL', ASKED, waiting)
  end
end

-- keep a place in the line, or take the last
local function stand(b)
  local place = ticket ~= '' and call('HGET', ASKED, ticket)
  local till, member
  if place then
    till, member = string.match(place, '^(%d+) (.*)$')
    if tonumber(till) >= now + TICKET / 2 then return tonumber(ticket) end
  else
    ticket = int(call('HINCRBY', HEAD, 'tickets', 1))
    member = int(b.number) .. ':' .. string.format('%016d', ticket)
    call('ZADD', LINE, 0, member)
  end
  call('HSET', ASKED, ticket, int(now + TICKET) .. ' ' .. member)
  call('PEXPIRE', LINE, 2 * TICKET / 1000)
  call('PEXPIRE', ASKED, 2 * TICKET / 1000)
  return tonumber(ticket)
end

local function busy(b)
  local holder = b.turn and b.till > now and b.turn
  if (holder == key and retake or holder ~= key and breaks) == '1' then return nil end
  local ahead = first(b)
  if not holder and (not ahead or ahead == ticket) then return nil end
  return {'busy', holder, holder and b.till - now or 0, wait == '1' and stand(b)}
end

local of, torn = find()
if torn then return torn end
if not of then
  local new = unlisted(listed)
  if new then return new end
  of = make(id, tonumber(keep) or 0, seal)
elseif keep ~= '' then
  of.keep = tonumber(keep)
end
if of.seal ~= seal then return {'locked', of.seal} end
local t = turn_of(key)
if t and t.digest ~= digest then return {'reused'} end
if t and t.state == 'done' then
  leave()
  return {'done', t.answer, t.bseg, t.bdepth, path(of, t.lseg, t.ldepth, 0, '', 0, 0)}
end
if t then branch = t.branch end
local b = branch_of(branch)
local seg, depth = tonumber(bseg) or (b and b.seg or 0), tonumber(bdepth) or (b and b.depth or 0)
if not is_place(seg, depth) then return NO_PLACE end
b = b or add_branch(of, branch, 0, 0)
local told = busy(b)
if told then
  lasting(of)
  return told
end
leave()
interrupt(b)
touch(of)
if call('EXISTS', TOLD) == 1 then
  local leaf = node_at(b.seg, b.depth)
  local before = leaf and turn_at(leaf)
  before = before and turn_of(before)
  if before then drop_pieces(TOLD, before) end
end
if t then
  drop_pieces(PIECES, t)
else
  of.turns = of.turns + 1
  call('HSET', HEAD, 'turns', int(of.turns))
  t = {key = key, number = of.turns}
end
b.version, b.fence, b.turn, b.till = b.version + 1, b.fence + 1, key, now + tonumber(ttl)
t.branch, t.digest, t.state, t.fence, t.bseg, t.bdepth = branch, digest, 'running', b.fence, seg, depth
t.lseg, t.ldepth, t.input, t.answer, t.error, t.begun, t.ended = -1, -1, input, '', '', now, 0
put_turn(t)
put_branch(b)
lasting(of)
return {'go', branch, b.fence, seg, depth, path(of, seg, depth, b.version, epoch, tonumber(kseg), tonumber(kdepth))}
"""
)

_HELD: Final = """
local function held(of, key, fence)
  local t = of and turn_of(key)
  if not t or t.state ~= 'running' or t.fence ~= tonumber(fence) then return nil end
  local b = branch_of(t.branch)
  if b and b.turn == key and b.fence == t.fence then return t, b end
end
"""

# ARGV: key, fence, ttl, and of a piece its number and events.
RENEW: Final = Script(
    SHARED
    + _HELD
    + """
local of, torn = find()
if torn then return torn end
local t, b = held(of, ARGV[1], ARGV[2])
if not t then return nil end
if ARGV[4] then keep_piece(t, ARGV[4], ARGV[5]) end
b.till = now + tonumber(ARGV[3])
put_branch(b)
lasting(of)
return {'held'}
"""
)

# ARGV: key, fence, state, answer, error, the number of pieces, number and events of each, nodes.
COMMIT: Final = Script(
    SHARED
    + _HELD
    + """
local key, fence, state, answer, error, pieces = unpack(ARGV, 1, 6)
local of, torn = find()
if torn then return torn end
local t, b = held(of, key, fence)
if not t then
  t = of and turn_of(key)
  if not t or t.fence ~= tonumber(fence) or t.state ~= state then return {'lost'} end
  if t.lseg >= 0 then return {'ended', t.lseg, t.ldepth} end
  return {'ended', t.bseg, t.bdepth}
end
local nodes = 7 + 2 * pieces
local seg, depth = hang(of, t.bseg, t.bdepth, nodes)
for i = 7, nodes - 1, 2 do keep_piece(t, ARGV[i], ARGV[i + 1]) end
t.state, t.ended = state, now
if state == 'done' then
  t.lseg, t.ldepth, t.input, t.answer, t.error = seg, depth, '', answer, ''
  b.seg, b.depth = seg, depth
  call('HDEL', OPEN, key)
  local from, to = all_of(t)
  local told = call('ZRANGEBYLEX', PIECES, from, to)
  for _, member in ipairs(told) do call('ZADD', TOLD, 0, member) end
  if #told > 0 then
    drop_pieces(PIECES, t)
    call('PEXPIRE', TOLD, MINUTE / 1000)
  end
else
  t.error = error
end
put_turn(t)
b.version, b.turn, b.till = b.version + 1, false, 0
put_branch(b)
touch(of)
lasting(of)
return {'ended', seg, depth}
"""
)

# ARGV: branch, epoch, segment and depth that are known.
READ: Final = Script(
    SHARED
    + """
local of, torn = find()
if torn then return torn end
local b = of and branch_of(ARGV[1])
return b and {'path', path(of, b.seg, b.depth, b.version, ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]))} or nil
"""
)

# ARGV: branch, id if it is made, listed, the version that was seen, segment and depth of the parent, keep (or ''),
# seal, nodes.
APPEND: Final = Script(
    SHARED
    + _NEW
    + """
local branch, id, listed, expect, seg, depth, keep, seal = unpack(ARGV, 1, 8)
local of, torn = find()
if torn then return torn end
if of and of.seal ~= seal then return {'locked', of.seal} end
local b = of and branch_of(branch)
if (b and b.version or 0) ~= tonumber(expect) or (b and b.turn and b.till > now) then return nil end
seg, depth = tonumber(seg), tonumber(depth)
if not (of and is_place(seg, depth) or seg == 0 and depth == 0) then return NO_PLACE end
if not of then
  local new = unlisted(listed)
  if new then return new end
  of = make(id, tonumber(keep) or 0, seal)
elseif keep ~= '' then
  of.keep = tonumber(keep)
end
seg, depth = hang(of, seg, depth, 9)
b = b or add_branch(of, branch, 0, 0)
interrupt(b)
b.version, b.fence, b.turn, b.till, b.seg, b.depth = b.version + 1, b.fence + 1, false, 0, seg, depth
put_branch(b)
touch(of)
lasting(of)
return {'hung', seg, depth}
"""
)

# ARGV: name, segment, depth.
FORK: Final = Script(
    SHARED
    + """
local of, torn = find()
if torn then return torn end
local seg, depth = tonumber(ARGV[2]), tonumber(ARGV[3])
if not of or branch_of(ARGV[1]) or not is_place(seg, depth) then return nil end
add_branch(of, ARGV[1], seg, depth)
touch(of)
lasting(of)
return {'forked'}
"""
)

BRANCHES: Final = Script(
    SHARED
    + """
local of, torn = find()
if torn then return torn end
local found = {}
for _, name in ipairs(of and call('HKEYS', BRANCHES) or {}) do
  local b = branch_of(name)
  found[#found + 1] = {name, b.seg, b.depth, b.version, b.turn and b.till > now and b.turn}
end
return found
"""
)

# ARGV: key, the number of the last piece that is known.
TURN: Final = Script(
    SHARED
    + """
local of, torn = find()
if torn then return torn end
local t = of and turn_of(ARGV[1])
return t and record(of, t, tonumber(ARGV[2])) or nil
"""
)

RECOVER: Final = Script(
    SHARED
    + """
local of, torn = find()
if torn then return torn end
local rows, found = of and call('HGETALL', OPEN) or {}, {}
for i = 1, #rows, 2 do
  local t = row_of(rows[i], rows[i + 1])
  if not alive(t) then found[#found + 1] = t end
end
table.sort(found, function(a, b) return a.number < b.number end)
for i, t in ipairs(found) do found[i] = record(of, t, -1) end
return found
"""
)

# ARGV: microseconds.
KEEP: Final = Script(
    SHARED
    + """
local of, torn = find()
if torn then return torn end
if not of then return nil end
of.keep = tonumber(ARGV[1])
ends(of, tonumber(call('HGET', HEAD, 'changed')))
call('HSET', HEAD, 'keep', int(of.keep), 'expires', int(of.expires))
lasting(of)
return {'kept'}
"""
)

# ARGV: old, new.
RESEAL: Final = Script(
    SHARED
    + """
local of, torn = find()
if torn then return torn end
if not of or of.seal ~= ARGV[1] then return nil end
call('HSET', HEAD, 'seal', ARGV[2])
return {'resealed'}
"""
)

# ARGV: a mark that nobody else has.
ERASE: Final = Script(
    SHARED
    + """
local had = call('HMGET', HEAD, 'nodes', 'turns')
call('DEL', HEAD, BRANCHES, NODES, OPEN, DONE, PIECES, TOLD, LINE, ASKED)
call('SET', GONE, ARGV[1], 'PX', 10 * MINUTE / 1000)
return {'erased', tonumber(had[1]) or 0, tonumber(had[2]) or 0}
"""
)

# Whether a conversation that is on the list is there.  ARGV: a mark that nobody else has.
LOOK: Final = Script(
    SHARED
    + """
local had = call('HMGET', HEAD, 'made', 'changed', 'expires', 'turns')
if had[1] and (had[3] == '0' or tonumber(had[3]) > now) then return had end
call('SET', GONE, ARGV[1], 'PX', 10 * MINUTE / 1000)
return nil
"""
)
