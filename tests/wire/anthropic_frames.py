"""Short ways to write a stream in the Anthropic dialect by hand, and to read it cut in every way."""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman.types.events import Event, Finish, Start
from dragoman.wire import sse
from dragoman.wire.anthropic_messages import WIRE
from tests.wire.anthropic_asking import PROVIDER


def frames(*events: dict[str, Any]) -> bytes:
    """These events as the vendor frames them."""
    return b"".join(sse.encode(msgspec.json.encode(event), event["type"]) for event in events)


def start(**fields: Any) -> dict[str, Any]:
    """`message_start`."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": []}
    return {"type": "message_start", "message": message | {"stop_reason": None} | fields}


def block(index: int, begin: dict[str, Any], *deltas: dict[str, Any], stop: bool = True) -> list[dict[str, Any]]:
    """The events of one content block."""
    events = [{"type": "content_block_start", "index": index, "content_block": begin}]
    events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return events + ([{"type": "content_block_stop", "index": index}] if stop else [])


def text(index: int, *pieces: str, stop: bool = True) -> list[dict[str, Any]]:
    """A text block."""
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return block(index, {"type": "text", "text": ""}, *deltas, stop=stop)


def end(reason: str | None = "end_turn", **fields: Any) -> dict[str, Any]:
    """`message_delta`."""
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, **fields}


STOP = {"type": "message_stop"}


def read(*events: dict[str, Any]) -> list[Event]:
    """All events of a whole stream, which must not depend on how it is cut."""
    data = frames(*events)
    whole = cut(data, len(data))
    assert whole == cut(data, 1) == cut(data, 7)
    return whole


def cut(data: bytes, size: int) -> list[Event]:
    """All events of a whole stream that comes in pieces of this size."""
    decoder = WIRE.decoder(PROVIDER)
    events = [event for at in range(0, len(data), size) for event in decoder.feed(data[at : at + size])]
    assert decoder.done
    return events + decoder.close()


def body(*blocks: list[dict[str, Any]]) -> list[Event]:
    """The events between the start and the finish of an answer with these blocks."""
    events = read(start(), *(event for given in blocks for event in given), end(), STOP)
    assert (Start("msg_1", "claude-x"), Finish("stop", "end_turn")) == (events[0], events[-1])
    return events[1:-1]
