"""
What is fuzzed, and the laws that no input may break.

* Only errors of our own tree escape.
* A decoder that ends without an error has a `Finish`, as its very last event, and the bytes hold evidence for it.
* The events do not depend on how the bytes were cut.
* Memory stays in proportion to the input, and no input takes seconds.

Seeds are the recordings of the sample, and what the wire's own server half writes.  A failure names target, seed and
number, which replay it: `run(target, seed=..., count=1, start=number)`.
"""

from __future__ import annotations

import json
import random
import signal
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import NamedTuple

from dragoman import wire as wires
from dragoman.errors import DragomanError
from dragoman.types.events import (
    Event,
    Finish,
    ReasoningDelta,
    Start,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from dragoman.types.fold import fold
from dragoman.types.messages import Message
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.tools import Tool
from dragoman.types.usage import Usage
from dragoman.wire import sse
from dragoman.wire.base import Wire
from tests.corpus.dialects import DIALECTS, Dialect
from tests.corpus.recording import SAMPLE, load
from tests.corpus.replies import random_pieces
from tests.fuzz.mutate import mutate
from tests.wire import sse_reference

Check = Callable[[bytes, random.Random], str | None]
_LARGEST_SEED = 20_000
# Every input of this many is run with memory accounting, which is slow.
_WEIGH_EVERY = 50
_MEMORY = 40  # bytes per byte of input, and
_SECONDS = 1.5  # of processor time, for any input
_FLOOR = 2_000_000  # bytes for what any input costs


class Target(NamedTuple):
    """Seeds, and a check that names the law which an input broke, or gives None."""

    name: str
    seeds: list[bytes]
    check: Check


def _bodies(dialect: Dialect, streamed: bool) -> list[bytes]:
    recordings = (one for one in load(SAMPLE, dialect.folders) if one.streamed is streamed)
    return [one.body for one in recordings if len(one.body) <= _LARGEST_SEED]


def _requests(dialect: Dialect) -> list[bytes]:
    bodies = (json.dumps(one.asked).encode() for one in load(SAMPLE, dialect.folders) if one.asked is not None)
    return [body for body in bodies if len(body) <= _LARGEST_SEED]


_SPOKEN: tuple[Event, ...] = (
    Start("id-1", "m"),
    ReasoningDelta("Hm."),
    TextDelta("Hel"),
    TextDelta("lo \u4f60 \U0001f600"),
    ToolCallStart(0, "call_1", "look"),
    ToolCallDelta(0, '{"a": [1, '),
    ToolCallDelta(0, '"x"]}'),
    ToolCallEnd(0),
    UsageUpdate(Usage(input_tokens=3, output_tokens=5)),
    Finish("tool_calls"),
)


def _written(wire: Wire) -> tuple[bytes, bytes, bytes]:
    """A stream, a plain answer and a request as the wire itself writes them."""
    encoder = wire.encoder()
    stream = b"".join(encoder.feed(event) for event in _SPOKEN) + encoder.close()
    messages = (Message.system("Be brief."), Message.user("hi"), fold(_SPOKEN).message, Message.tool("call_1", "1"))
    request = ChatRequest(model="m", messages=messages, tools=(Tool(name="look"),), max_tokens=9)
    row = Provider(name="any", base_url="https://provider.example", wire=wire.name)
    return stream, wire.encode_response(fold(_SPOKEN)), wire.encode_request(request, row).body


def check_sse(data: bytes, rng: random.Random) -> str | None:
    """The event stream parser against the standard's own algorithm."""
    decoder = sse.Decoder()
    events = [event for piece in random_pieces(data, rng, 40) for event in decoder.feed(piece)]
    framed = sse.Decoder()
    frames = [frame for piece in random_pieces(data, rng, 400) for frame in framed.frames(piece)]
    expected = sse_reference.read(data).events
    if expected != events:
        return "events differ from the standard's"
    if [event.data for event in expected] != [frame.decode("utf-8", "replace") for _, frame in frames]:
        return "frames differ from events"
    return None


def _decode(wire: Wire, pieces: list[bytes]) -> tuple[list[Event], DragomanError | None]:
    decoder = wire.decoder()
    events: list[Event] = []
    try:
        for piece in pieces:
            events += decoder.feed(piece)
        events += decoder.feed(b"")
        events += decoder.close()
    except DragomanError as error:
        return events, error
    return events, None


def stream_check(dialect: Dialect, wire: Wire) -> Check:
    """The laws of a stream decoder."""

    def check(data: bytes, rng: random.Random) -> str | None:
        events, error = _decode(wire, random_pieces(data, rng, 200))
        again, other = _decode(wire, [data])
        if events != again or str(error) != str(other):
            return f"depends on the cuts: {error!r} / {other!r}, {len(events)} / {len(again)} events"
        return _judge(data, events, error, dialect)

    return check


def _judge(data: bytes, events: list[Event], error: DragomanError | None, dialect: Dialect) -> str | None:
    fold(events)
    finishes = [i for i, event in enumerate(events) if isinstance(event, Finish)]
    if error is not None:
        return "Finish before an error" if finishes else None
    if finishes != [len(events) - 1]:
        return f"ended well, but Finish stands at {finishes} of {len(events)}"
    # A plain answer where a stream was asked is evidence of itself: its JSON is whole.
    plain = data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
    return None if plain or dialect.evidence(data + b"\n\n") else "complete without evidence"


def plain_check(wire: Wire) -> Check:
    """A plain answer decodes, or raises one of our errors."""

    def check(data: bytes, rng: random.Random) -> str | None:
        try:
            response = wire.decode_response(rng.choice((200, 200, 200, 400, 429, 500)), {}, data)
        except DragomanError as error:
            return None if error.message else "an error without words"
        response.text, response.reasoning, response.tool_calls  # noqa: B018 - they must not raise
        return None

    return check


# Where requests of a dialect arrive that names the model in the path.
_PATHS = {"bedrock-converse": "/model/m/converse", "bedrock-anthropic": "/model/m/invoke"}


def request_check(wire: Wire) -> Check:
    """A request decodes, or raises one of our errors."""
    path = _PATHS.get(wire.name, "/v1beta/models/m:generateContent")

    def check(data: bytes, rng: random.Random) -> str | None:
        try:
            wire.decode_request(data, path=path)
        except DragomanError as error:
            return None if error.message else "an error without words"
        return None

    return check


def targets() -> list[Target]:
    """Everything that reads bytes of strangers."""
    known = [(DIALECTS[name], wires.get(name)) for name in wires.names() if name in DIALECTS]
    streams = [body for dialect, _ in known for body in _bodies(dialect, streamed=True)]
    found = [Target("sse", streams, check_sse)]
    for dialect, wire in known:
        stream, plain, request = _written(wire)
        found += [
            Target(f"{dialect.wire} stream", [stream, *_bodies(dialect, streamed=True)], stream_check(dialect, wire)),
            Target(f"{dialect.wire} plain", [plain, *_bodies(dialect, streamed=False)], plain_check(wire)),
            Target(f"{dialect.wire} request", [request, *_requests(dialect)], request_check(wire)),
        ]
    return found


def run(target: Target, *, seed: int, count: int, start: int = 0) -> list[str]:
    """Run `count` inputs and return a line for each that broke a law; the first twenty."""
    problems: list[str] = []
    for number in range(start, start + count):
        rng = random.Random(f"{target.name}:{seed}:{number}")
        data = mutate(rng.choice(target.seeds), rng.choice(target.seeds), rng)
        broken = _weighed(target, data, rng) if number % _WEIGH_EVERY == 0 else _tried(target, data, rng)
        if broken:
            problems.append(f"{target.name}, seed {seed}, number {number}: {broken}")
            if len(problems) == 20:
                break
    return problems


class _TooSlow(Exception):
    """Raised inside the code under test when its time is up."""


def _give_up(signum: int, frame: FrameType | None) -> None:
    raise _TooSlow(f"more than {_SECONDS} seconds of processor time")


def _tried(target: Target, data: bytes, rng: random.Random) -> str | None:
    before = signal.signal(signal.SIGVTALRM, _give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS)
    try:
        return target.check(data, rng)
    except Exception as error:  # noqa: BLE001 - finding these is what the fuzzer is for
        return f"{type(error).__name__} escaped: {error}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _weighed(target: Target, data: bytes, rng: random.Random) -> str | None:
    tracemalloc.start()
    try:
        broken = _tried(target, data, rng)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if not broken and peak > _FLOOR + _MEMORY * len(data):
        return f"{peak:,} bytes of memory for {len(data):,} bytes of input"
    return broken
