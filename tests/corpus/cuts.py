"""
Cut a recorded stream anywhere: what arrived is a part, and never passes for the whole.

At each offset a fresh decoder is fed the bytes before it and closed.  Whether those bytes prove a complete answer is
decided by `dialects.py`, which has never seen a decoder.

Source: DESIGN.md section 6, rule 1.
"""

from __future__ import annotations

import random

from dragoman.errors import DragomanError
from dragoman.types.events import Event
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import Wire
from tests.corpus.dialects import Dialect
from tests.corpus.recording import Recording
from tests.corpus.replies import Outcome, read_stream

# How far from the end of an event a cut is likely to be read wrongly: the blank line, CRLF, the last bytes of JSON.
_NEAR = 3


def all_offsets(body: bytes) -> list[int]:
    """Every place to cut."""
    return list(range(len(body)))


def some_offsets(body: bytes, borders: list[int], count: int, seed: int = 0) -> list[int]:
    """The places around the ends of events, thinned to `count`, and as many at random."""
    near = sorted({at for end in borders for at in range(end - _NEAR, end + _NEAR) if 0 <= at < len(body)})
    rng = random.Random(f"{seed}:{len(body)}")
    chosen = near if len(near) <= count else rng.sample(near, count)
    # The ends of the last events are where the evidence stands.
    return sorted({*chosen, *near[-8 * _NEAR :], *rng.sample(range(len(body)), min(count, len(body)))})


def check_cuts(recording: Recording, dialect: Dialect, wire: Wire, offsets: list[int]) -> list[str]:
    """Everything that a cut at one of the offsets gets wrong."""
    whole = read_stream(wire, [recording.body])
    proof = first_proof(recording.body, dialect)
    problems: list[str] = []
    for at in offsets:
        part = read_stream(wire, [recording.body[:at]])
        problems += [f"cut at byte {at}: {text}" for text in _judge(whole, part, at >= proof)]
    return problems


def first_proof(body: bytes, dialect: Dialect) -> int:
    """Length of the shortest prefix that proves a complete answer; more than the body has if none does."""
    ends = dialect.borders(body)
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high) // 2
        if dialect.evidence(body[: ends[middle]]):
            high = middle
        else:
            low = middle + 1
    return ends[low] if low < len(ends) else len(body) + 1


def _judge(whole: Outcome, part: Outcome, proved: bool) -> list[str]:
    problems = _prefix(whole.events, part.events, part.error is None)
    if part.error is None and not proved:
        return [*problems, "taken as complete without evidence"]
    if part.error is not None and proved and whole.error is None:
        return [*problems, f"proved complete, but raised {part.error!r}"]
    if part.error is not None and part.events:
        problems += _partial(whole.response, part.error)
    return problems


def _prefix(whole: list[Event], part: list[Event], closed: bool) -> list[str]:
    # A closed decoder has added its last events; before that, what came is how the whole begins.
    if not closed and part != whole[: len(part)]:
        return ["its events are not the first ones of the whole"]
    return []


def _partial(whole: ChatResponse, error: DragomanError) -> list[str]:
    partial = error.partial
    if partial is None:
        return [f"{error!r} carries no partial answer although events came"]
    problems = [
        f"partial.{field} is not how the whole {field} begins"
        for field in ("text", "reasoning")
        if not getattr(whole, field).startswith(getattr(partial, field))
    ]
    if any(call not in whole.tool_calls for call in partial.tool_calls):
        problems.append(f"partial has a tool call that the whole has not: {partial.tool_calls!r}")
    if partial.finish_reason != "unknown":
        problems.append(f"partial.finish_reason is {partial.finish_reason}")
    return problems
