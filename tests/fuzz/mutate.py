"""
Damage bytes the way networks, proxies and careless servers do.

Rule: everything follows from the random generator that is passed in, so that a seed and a number replay any input.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any

Mutation = Callable[[bytes, random.Random], bytes]

# What parsers trip over: grammar of event streams and JSON, other types than expected, large integers, half
# characters.
_WORDS = (
    *(b"\n\n", b"\r\n\r\n", b"\r", b"data: ", b"data:", b"event: error\n", b"id: 1\n", b"retry: x\n", b": ping\n\n"),
    *(b"data: [DONE]\n\n", b"data: null\n\n", b"data: {}\n\n", b"data: []\n\n", b"data: {\n\n", b"data: 1e999\n\n"),
    *(b'data: {"error": "x"}\n\n', b'data: {"error": {"message": 5, "code": []}}\n\n', b"<html>", b"\xef\xbb\xbf"),
    *(b"null", b"true", b'""', b"[]", b"{}", b"-1", b"1e400", b"9" * 40, b'"\\ud800"', b"\xff", b"\xe2\x80", b"\x00"),
)
_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 10**25, 1.5, "", "x", "\u2028", [], {}, [None], [[]], {"a": None}, "9" * 50, ["x", 1]),
)
_TYPES = (
    "error",
    "message_stop",
    "content_block_start",
    "content_block_delta",
    "ping",
    "unknown",
    "tool_use",
    "thinking",
)


def _at(data: bytes, rng: random.Random) -> int:
    return rng.randint(0, len(data))


def _flip(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def _insert(data: bytes, rng: random.Random) -> bytes:
    at = _at(data, rng)
    return data[:at] + rng.choice(_WORDS) + data[at:]


def _cut_out(data: bytes, rng: random.Random) -> bytes:
    start, length = _at(data, rng), rng.choice((1, 2, 8, 64, 512))
    return data[:start] + data[start + length :]


def _repeat(data: bytes, rng: random.Random) -> bytes:
    start, length = _at(data, rng), rng.choice((1, 8, 64, 512))
    return data[:start] + data[start : start + length] * rng.choice((2, 3)) + data[start + length :]


def _truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: _at(data, rng)]


def _blocks(data: bytes, rng: random.Random) -> bytes:
    """Drop, double or move one event."""
    blocks = data.split(b"\n\n")
    at, action = rng.randrange(len(blocks)), rng.randrange(3)
    if action == 0:
        del blocks[at]
    elif action == 1:
        blocks.insert(at, blocks[at])
    else:
        blocks.insert(rng.randint(0, len(blocks)), blocks[at])
    return b"\n\n".join(blocks)


def _line_ends(data: bytes, rng: random.Random) -> bytes:
    return data.replace(b"\n", rng.choice((b"\r\n", b"\r")))


_LINE = re.compile(rb"^data: (.*)$", re.MULTILINE)


def _json_of_event(data: bytes, rng: random.Random) -> bytes:
    """Replace one value in the JSON of one event, or of a plain body, by something of another kind."""
    lines = [match for match in _LINE.finditer(data) if match[1][:1] in b"{["]
    span = rng.choice(lines).span(1) if lines else (0, len(data))
    try:
        value = json.loads(data[slice(*span)])
    except (ValueError, RecursionError):
        return _insert(data, rng)
    written = json.dumps(_other(value, rng), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return data[: span[0]] + written + data[span[1] :]


def _other(value: Any, rng: random.Random) -> Any:
    """A copy with one value somewhere replaced, removed or added."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        name = rng.choice(sorted(value))
        return {**value, name: _other(value[name], rng)} if rng.random() < 0.9 else _without(value, name)
    if isinstance(value, list) and value and rng.random() < 0.85:
        at = rng.randrange(len(value))
        return [*value[:at], _other(value[at], rng), *value[at + 1 :]]
    return rng.choice(_TYPES) if isinstance(value, str) and rng.random() < 0.4 else rng.choice(_VALUES)


def _without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: inner for key, inner in value.items() if key != name}


# JSON that is well formed but unexpected reaches deepest, so it comes most often.
_MUTATIONS: tuple[Mutation, ...] = (
    *(_json_of_event,) * 6,
    *(_blocks,) * 3,
    _flip,
    _insert,
    _insert,
    _cut_out,
    _repeat,
    _truncate,
    _line_ends,
)


def mutate(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """One to four mutations of `data`; now and then its beginning goes on as the end of `other`."""
    if rng.random() < 0.05:
        data = data[: _at(data, rng)] + other[_at(other, rng) :]
    for _ in range(rng.choice((1, 1, 2, 4))):
        data = rng.choice(_MUTATIONS)(data, rng)
    return data
