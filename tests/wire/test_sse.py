"""The event stream parser against the standard: published cases, an independent reading, limits and cost."""

from __future__ import annotations

import base64
import json
import sys
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import WireError
from dragoman.wire import sse
from dragoman.wire.sse import ServerSentEvent
from tests.wire import sse_reference

_FILE = Path(__file__).with_name("sse_cases.json")
CASES = [pytest.param(case, id=case["name"]) for case in json.loads(_FILE.read_text())["cases"]]

# Bits of streams that matter to the grammar, so that a few of them make an interesting stream.
_TOKENS = (
    *(b"data", b"event", b"id", b"retry", b"data: x", b"data:", b"event: a", b"id: 7", b"retry: 20", b": note"),
    *(b":", b" ", b"\r", b"\n", b"\r\n", b"\n\n", b"\r\r", b"\0", b"\xef\xbb\xbf", b"\xef\xbb", b"\xe4\xbd\xa0"),
    *(b"\xf0\x9f\x98\x80", b"\xf0\x9f", b"\xff", b"\xc2\x85", b"\xe2\x80\xa8", b"\x0b", b"\x1c", b"\t", b"{}", b"12"),
)
streams = st.lists(st.sampled_from(_TOKENS) | st.binary(max_size=3), max_size=24).map(b"".join)
# What providers send: whole events of one line each, and now and then something else.
live_blocks = st.sampled_from(
    (
        *(b"data: {}\n\n", b"data: \xe4\xbd\xa0\n\n", b"data:  two\n\n", b"data: a\ndata: b\n\n", b": ping\n\n"),
        *(b"event: x\ndata: {}\n\n", b"data:tight\n\n", b"\n\n", b"id: 1\n\n", b"data: \n\n", b"data\n\n"),
        b"data: cr\r\n\r\n",
    )
)
cuts = st.lists(st.integers(1, 9), min_size=1, max_size=30)


def pieces(data: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """Cut `data` into pieces of these sizes, and the rest."""
    start = 0
    for size in sizes:
        yield data[start : start + size]
        start += size
    yield data[start:]


def feed_all(decoder: sse.Decoder, parts: Iterable[bytes]) -> list[ServerSentEvent]:
    """All events of the parts."""
    return [event for part in parts for event in decoder.feed(part)]


def as_frames(events: Iterable[ServerSentEvent]) -> list[tuple[str, str]]:
    """Events as `frames` tells them apart: an unnamed type is a `message`."""
    return [(event.event, event.data) for event in events]


def framed(parts: Iterable[bytes]) -> list[tuple[str, str]]:
    """The same by way of `frames`."""
    decoder = sse.Decoder()
    return [
        (kind.decode("utf-8", "replace") or "message", data.decode("utf-8", "replace"))
        for part in parts
        for kind, data in decoder.frames(part)
    ]


def expected_of(case: dict[str, Any]) -> list[ServerSentEvent]:
    """The events that a case must give."""
    return [ServerSentEvent(event["event"], event["data"], event["id"]) for event in case["events"]]


# --- the published cases ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_a_stream_gives_the_events_of_the_standard(case: dict[str, Any]) -> None:
    """Each published case gives its events and its reconnection time, fed whole."""
    decoder = sse.Decoder()

    assert expected_of(case) == decoder.feed(base64.b64decode(case["input_b64"]))
    assert case["retry"] == decoder.retry


@pytest.mark.parametrize("case", CASES)
def test_a_stream_may_be_cut_at_every_byte(case: dict[str, Any]) -> None:
    """Cut in two at every offset, and fed byte by byte, each case gives the same events."""
    data = base64.b64decode(case["input_b64"])
    expected = expected_of(case)

    for at in range(len(data) + 1):
        assert expected == feed_all(sse.Decoder(), (data[:at], data[at:])), f"cut at {at}"
        assert as_frames(expected) == framed((data[:at], data[at:])), f"frames cut at {at}"
    assert expected == feed_all(sse.Decoder(), (data[i : i + 1] for i in range(len(data))))


@pytest.mark.parametrize("case", CASES)
def test_the_reference_reads_the_cases_too(case: dict[str, Any]) -> None:
    """The slow reading that the fuzzing trusts agrees with every published case."""
    assert (expected_of(case), case["retry"]) == sse_reference.read(base64.b64decode(case["input_b64"]))


# --- against an independent reading -----------------------------------------------------------------------------------


@given(data=streams, sizes=cuts)
def test_any_bytes_read_as_the_standard_says(data: bytes, sizes: list[int]) -> None:
    """Any bytes, cut anywhere, give what the standard's own algorithm gives for the whole."""
    decoder = sse.Decoder()

    assert sse_reference.read(data) == (feed_all(decoder, pieces(data, sizes)), decoder.retry)


@given(data=streams | st.lists(live_blocks, max_size=8).map(b"".join), sizes=cuts)
def test_frames_are_the_events_in_bytes(data: bytes, sizes: list[int]) -> None:
    """`frames`, with its short way for live streams, never differs from `feed`."""
    assert as_frames(sse_reference.read(data).events) == framed(pieces(data, sizes))


@given(blocks=st.lists(live_blocks, max_size=8), head=streams)
def test_the_short_way_is_taken_only_when_nothing_is_pending(blocks: list[bytes], head: bytes) -> None:
    """Whole events fed one read each after any beginning read as they do in one piece."""
    assert as_frames(sse_reference.read(head + b"".join(blocks)).events) == framed((head, *blocks))


@pytest.mark.parametrize("text", ["héllo", "你好世界", "😀👩‍👩‍👧‍👦", "\u2028\u2029\u0085"])
def test_characters_survive_any_cut(text: str) -> None:
    """No character of several bytes is damaged, wherever its bytes are cut."""
    data = f"data: {text}\n\n".encode()

    for at in range(len(data) + 1):
        assert [text] == [event.data for event in feed_all(sse.Decoder(), (data[:at], data[at:]))]


def test_a_large_event_arrives_whole() -> None:
    """An event of 300 KB is one event."""
    body = "z" * 300_000

    assert [body] == [
        event.data for event in feed_all(sse.Decoder(), pieces(f"data: {body}\n\n".encode(), [4096] * 80))
    ]


# --- writing ----------------------------------------------------------------------------------------------------------


@given(data=st.text(st.characters(exclude_characters="\r", codec="utf-8")), kind=st.sampled_from((None, "x")))
def test_what_is_written_is_read_back(data: str, kind: str | None) -> None:
    """`encode` writes any text, line feeds included, so that a reader gets it back."""
    assert [ServerSentEvent(kind or "message", data, "")] == sse.Decoder().feed(sse.encode(data.encode(), kind))


def test_a_comment_is_no_event() -> None:
    """A keep-alive is read as nothing."""
    assert [] == sse.Decoder().feed(sse.comment("keep-alive"))


# --- limits -----------------------------------------------------------------------------------------------------------

_LIMIT = 32
_TOO_LARGE = (
    pytest.param(b"data: " + b"x" * 27 + b"\n\n", id="one line"),
    pytest.param(b"data: " + b"x" * 200, id="a line without end"),
    pytest.param(b"data: 12345678\n" * 3 + b"\n", id="many lines"),
    pytest.param(b"data: 1\n: note\n: note\ndata: " + b"x" * 27 + b"\n\n", id="after comments"),
    pytest.param(b"event: " + b"x" * 40 + b"\n\n", id="a type"),
    pytest.param(b": " + b"x" * 40, id="a comment without end"),
)


@pytest.mark.parametrize("data", _TOO_LARGE)
def test_an_event_above_the_limit_is_refused_wherever_it_is_cut(data: bytes) -> None:
    """An event larger than `max_frame` raises WireError, however it is cut."""
    for at in range(len(data) + 1):
        with pytest.raises(WireError, match="larger than 32 bytes"):
            feed_all(sse.Decoder(max_frame=_LIMIT), (data[:at], data[at:]))
    with pytest.raises(WireError):
        feed_all(sse.Decoder(max_frame=_LIMIT), pieces(data, [1] * len(data)))


def test_an_event_at_the_limit_is_taken_wherever_it_is_cut() -> None:
    """An event of exactly `max_frame` bytes is read, however it is cut, and the next one too."""
    data = b"data: " + b"x" * 26 + b"\n\n"

    for at in range(len(data) + 1):
        decoder = sse.Decoder(max_frame=_LIMIT)
        assert 3 == len(feed_all(decoder, (data + data[:at], data[at:] + data)))


def test_keep_alives_never_add_up() -> None:
    """Any number of comments, cut anywhere, is neither an event nor a step towards the limit."""
    decoder = sse.Decoder(max_frame=_LIMIT)

    assert [] == feed_all(decoder, pieces(b": keep-alive\n" * 500, [1, 5, 2, 9] * 300))
    assert ["x"] == [event.data for event in decoder.feed(b"data: x\n\n")]


def test_the_limit_holds_after_keep_alives_too() -> None:
    """Comments in pieces do not buy room for an event above the limit."""
    decoder = sse.Decoder(max_frame=_LIMIT)
    feed_all(decoder, [b": ke", b"ep-alive\n"] * 50)

    with pytest.raises(WireError):
        decoder.feed(b"data: " + b"x" * 60 + b"\n\n")


def test_events_before_a_too_large_one_are_given() -> None:
    """What is whole before an event above the limit is given first, in whatever bytes it comes."""
    data = b"data: a\n\ndata: b\n\ndata: " + b"x" * 60 + b"\n\n"

    for at in range(len(data) + 1):
        got, failed = _until_failure((data[:at], data[at:], b"", b"data: c\n\n"))
        assert (["a", "b"], True) == (got, failed), f"cut at {at}"


def _until_failure(parts: Iterable[bytes]) -> tuple[list[str], bool]:
    """The data of all events before a WireError, and whether there was one."""
    decoder = sse.Decoder(max_frame=_LIMIT)
    got: list[str] = []
    try:
        for part in parts:
            got += [event.data for event in decoder.feed(part)]
    except WireError:
        return got, True
    return got, False


def test_memory_is_bounded() -> None:
    """A line without end costs no more memory than the limit allows before it is refused."""
    decoder = sse.Decoder(max_frame=1 << 20)
    tracemalloc.start()
    with pytest.raises(WireError):
        feed_all(decoder, (b"x" * (1 << 16) for _ in range(64)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4 << 20


# --- cost -------------------------------------------------------------------------------------------------------------


def _steps(data: bytes) -> int:
    """Bytecode instructions that reading `data` byte by byte takes."""
    count = 0

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    decoder = sse.Decoder()
    parts = [data[i : i + 1] for i in range(len(data))]
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for part in parts:
            decoder.feed(part)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "unit",
    [
        pytest.param(b"data: x\n\n", id="many events"),
        pytest.param(b"data: x\n", id="one event"),
        pytest.param(b"x", id="a line"),
    ],
)
def test_steps_grow_linearly_byte_by_byte(unit: bytes) -> None:
    """Four times the bytes, one at a time, take at most four times the instructions."""
    once, four = _steps(unit * 60), _steps(unit * 240)

    assert four < 4.2 * once


def _seconds(size: int) -> float:
    """Processor time of reading one line of `size` bytes, byte by byte; the best of three."""
    best = float("inf")
    for _ in range(3):
        decoder = sse.Decoder()
        start = time.process_time()
        for _ in range(size):
            decoder.feed(b"x")
        decoder.feed(b"\n\n")
        best = min(best, time.process_time() - start)
    return best


def test_copying_grows_linearly_byte_by_byte() -> None:
    """What a line holds so far is not copied at every byte: eight times the bytes are far from 64 times the work."""
    assert _seconds(160_000) < 24 * _seconds(20_000)
