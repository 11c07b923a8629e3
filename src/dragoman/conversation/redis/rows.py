"""
How a conversation lies in its keys, and the Lua that all scripts share.

    head      the conversation: id, made, changed, keep, expires, seal, and how many nodes, turns, branches, segments
              and tickets there were; `s:N` is segment N: its parent's segment and depth, where it begins in `nodes`,
              and the depth of its last node
    branches  each branch: number, version, leaf, fence, the turn that has the lease, and until when
    nodes     all nodes, in the order in which they came; a segment is a run of them without a gap
    open      turns that are not done         done    turns that are
    pieces    of answers that are not done    told    of those that are, for another minute
    line      who waits, in order             asked   until when each keeps its place
    gone      a mark that an erasure leaves for ten minutes: who was about to make the conversation lists it again

Times are microseconds since 1970 by the server's clock.  Rows are packed by `cmsgpack`.

Rule: a script declares all its keys, checks everything before its first write, and never fails after it, for nothing
that a script has written is taken back.
"""

from __future__ import annotations

import hashlib
from typing import Final

SHARED: Final = """
local HEAD, BRANCHES, NODES, OPEN, DONE, PIECES, TOLD, LINE, ASKED, GONE = unpack(KEYS)
local call, pack, unpacked = redis.call, cmsgpack.pack, cmsgpack.unpack
local clock = call('TIME')
local now = clock[1] * 1000000 + clock[2]
local MINUTE, TICKET = 60 * 1000000, 2 * 1000000
local NO_PLACE = redis.error_reply('PLACE the conversation has no such place')
local TORN = redis.error_reply('TORN keys of the conversation are gone')

local function int(n) return string.format('%.0f', n) end

-- the conversation; nil if there is none or its time is over, and an error if a part of it was evicted
local function find()
  local c = call('HMGET', HEAD, 'id', 'seal', 'keep', 'expires', 'nodes', 'turns', 'branches')
  if not c[1] or (c[4] ~= '0' and tonumber(c[4]) <= now) then return nil, nil end
  local of = {id = c[1], seal = c[2], keep = tonumber(c[3]), expires = tonumber(c[4]), nodes = tonumber(c[5]),
    turns = tonumber(c[6]), branches = tonumber(c[7])}
  of.had = of.expires
  if call('LLEN', NODES) ~= of.nodes or call('HLEN', BRANCHES) ~= of.branches
    or call('HLEN', OPEN) + call('HLEN', DONE) ~= of.turns then return nil, TORN end
  return of, nil
end

local function ends(of, from) of.expires = of.keep > 0 and from + of.keep or 0 end

local function make(id, keep, seal)
  call('DEL', HEAD, BRANCHES, NODES, OPEN, DONE, PIECES, TOLD, LINE, ASKED)
  local of = {id = id, seal = seal, keep = keep, expires = 0, had = 0, nodes = 0, turns = 0, branches = 0}
  ends(of, now)
  call('HSET', HEAD, 'id', id, 'made', int(now), 'changed', int(now), 'keep', int(keep), 'expires', int(of.expires),
    'seal', seal, 'nodes', 0, 'turns', 0, 'branches', 0, 'segments', 1, 'tickets', 0, 's:0', pack({0, 0, 0, 0}))
  return of
end

-- every key of the conversation ends with it
local function lasting(of)
  if of.expires == 0 and of.had == 0 then return end
  local at = int(math.ceil(of.expires / 1000))
  for i = 1, 6 do
    if of.expires > 0 then call('PEXPIREAT', KEYS[i], at) else call('PERSIST', KEYS[i]) end
  end
end

local function touch(of)
  ends(of, now)
  call('HSET', HEAD, 'changed', int(now), 'keep', int(of.keep), 'expires', int(of.expires))
end

-- branches

local function branch_of(name)
  local row = call('HGET', BRANCHES, name)
  if not row then return nil end
  local b = unpacked(row)
  return {name = name, number = b[1], version = b[2], seg = b[3], depth = b[4], fence = b[5], turn = b[6], till = b[7]}
end

local function put_branch(b)
  call('HSET', BRANCHES, b.name, pack({b.number, b.version, b.seg, b.depth, b.fence, b.turn, b.till}))
end

-- the first fence follows from the id, which is by chance: a lease of a conversation that had the name before is none
local function add_branch(of, name, seg, depth)
  of.branches = of.branches + 1
  call('HSET', HEAD, 'branches', int(of.branches))
  local b = {name = name, number = of.branches, version = 0, seg = seg, depth = depth,
    fence = tonumber(of.id) % 1099511627776, turn = false, till = 0}
  put_branch(b)
  return b
end

-- turns

local function row_of(key, row)
  if not row then return nil end
  local t = unpacked(row)
  return {key = key, number = t[1], branch = t[2], digest = t[3], state = t[4], fence = t[5], bseg = t[6],
    bdepth = t[7], lseg = t[8], ldepth = t[9], input = t[10], answer = t[11], error = t[12], begun = t[13],
    ended = t[14]}
end

local function turn_of(key)
  return row_of(key, call('HGET', OPEN, key) or call('HGET', DONE, key))
end

local function put_turn(t)
  local row = pack({t.number, t.branch, t.digest, t.state, t.fence, t.bseg, t.bdepth, t.lseg, t.ldepth, t.input,
    t.answer, t.error, t.begun, t.ended})
  call('HSET', t.state == 'done' and DONE or OPEN, t.key, row)
end

local function alive(t)
  local b = branch_of(t.branch)
  return b and b.turn == t.key and b.till > now
end

-- whoever had the lease before has it no more
local function interrupt(b)
  local t = b.turn and turn_of(b.turn)
  if t and t.state == 'running' then
    t.state, t.ended = 'interrupted', now
    put_turn(t)
  end
end

-- pieces: members of one score, which sort by turn and number

local function piece_name(t, seq) return int(t.number) .. ':' .. string.format('%010d', seq) .. ':' end

local function all_of(t) return '[' .. int(t.number) .. ':', '(' .. int(t.number) .. ';' end

local function keep_piece(t, seq, events)
  local name = piece_name(t, seq)
  call('ZREMRANGEBYLEX', PIECES, '[' .. name, '(' .. string.sub(name, 1, -2) .. ';')
  call('ZADD', PIECES, 0, name .. events)
end

local function drop_pieces(key, t)
  local from, to = all_of(t)
  call('ZREMRANGEBYLEX', key, from, to)
end

-- the tree

local function segment(number)
  local row = call('HGET', HEAD, 's:' .. int(number))
  return row and unpacked(row)
end

local function is_place(seg, depth)
  if seg == 0 and depth == 0 then return true end
  local s = segment(seg)
  return s and s[2] < depth and depth <= s[4]
end

-- hang nodes, from ARGV[first] on: in the segment if nothing came behind its last node, else in a new one
local function hang(of, seg, depth, first)
  local count = #ARGV - first + 1
  if count < 1 then return seg, depth end
  local s = segment(seg)
  if depth ~= s[4] or s[3] + s[4] - s[2] ~= of.nodes then
    s = {seg, depth, of.nodes, depth}
    seg = tonumber(call('HGET', HEAD, 'segments'))
  end
  for i = first, #ARGV do call('RPUSH', NODES, ARGV[i]) end
  s[4] = depth + count
  of.nodes = of.nodes + count
  local segments = math.max(tonumber(call('HGET', HEAD, 'segments')), seg + 1)
  call('HSET', HEAD, 's:' .. int(seg), pack(s), 'nodes', int(of.nodes), 'segments', int(segments))
  return seg, s[4]
end

local function node_at(seg, depth)
  local s = segment(seg)
  if not s or depth <= s[2] or depth > s[4] then return false end
  return call('LINDEX', NODES, s[3] + depth - s[2] - 1)
end

-- the turn of a node; `answers` says how it is packed
local function turn_at(node)
  return unpacked(string.sub(node, 5, 4 + struct.unpack('>I4', node)))[3]
end

-- the path to a place, or what of it lies behind the one that is known
local function path(of, seg, depth, version, epoch, kseg, kdepth)
  local runs, suffix, at, to = {}, 0, seg, depth
  repeat
    local s = segment(at)
    local from = s[2]
    if epoch == of.id and at == kseg and kdepth <= to then
      suffix, from = 1, math.max(kdepth, from)
    end
    if to > from then
      table.insert(runs, 1, {at, from + 1, call('LRANGE', NODES, s[3] + from - s[2], s[3] + to - s[2] - 1)})
    end
    local last = at == 0 or suffix == 1
    at, to = s[1], s[2]
  until last
  return {of.id, version, seg, depth, suffix, of.seal, runs}
end

-- a turn as its store gives it, with its pieces behind one
local function record(of, t, after)
  local state = t.state
  if state == 'running' and not alive(t) then state = 'interrupted' end
  local found, _, to = {}, all_of(t)
  local key, from = state == 'done' and TOLD or PIECES, '[' .. piece_name(t, after + 1)
  for _, member in ipairs(call('ZRANGEBYLEX', key, from, to)) do
    local seq, events = string.match(member, '^%d+:(%d+):(.*)$')
    found[#found + 1] = {tonumber(seq), events}
  end
  local last = state == 'done' and node_at(t.lseg, t.ldepth)
  return {t.key, state, t.branch, t.fence, {t.bseg, t.bdepth}, t.input, found, t.error, t.begun, t.ended, t.answer,
    last, {t.lseg, t.ldepth}, of.seal}
end
"""


class Script:
    """
    A script.

    Attributes:
        source: Its Lua.
        sha: The server's name for it; nothing is secured by it.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
