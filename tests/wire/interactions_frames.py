"""Short ways to write a stream in the Interactions dialect by hand, and to read it cut in every way."""

from __future__ import annotations

from typing import Any

import msgspec

from dragoman.types.events import Event, Finish, Start
from dragoman.wire import sse
from dragoman.wire.gemini_interactions import WIRE
from tests.wire.interactions_asking import PROVIDER

CREATED = {"event_type": "interaction.created", "interaction": {"id": "v1_a", "status": "in_progress", "model": "g"}}
DONE = b"event: done\ndata: [DONE]\n\n"


def frames(*events: dict[str, Any]) -> bytes:
    """These events as the vendor frames them."""
    return b"".join(sse.encode(msgspec.json.encode(event), event["event_type"]) for event in events)


def step(index: int, begin: dict[str, Any], *deltas: dict[str, Any], stop: bool = True) -> list[dict[str, Any]]:
    """The events of one step."""
    events: list[dict[str, Any]] = [{"event_type": "step.start", "index": index, "step": begin}]
    events += [{"event_type": "step.delta", "index": index, "delta": delta} for delta in deltas]
    return events + ([{"event_type": "step.stop", "index": index}] if stop else [])


def output(index: int, *pieces: str, stop: bool = True) -> list[dict[str, Any]]:
    """A step of text."""
    return step(index, {"type": "model_output"}, *({"type": "text", "text": piece} for piece in pieces), stop=stop)


def completed(status: str = "completed", **fields: Any) -> dict[str, Any]:
    """`interaction.completed`."""
    interaction = {"id": "v1_a", "status": status, "model": "g", **fields}
    return {"event_type": "interaction.completed", "interaction": interaction}


def read(*events: dict[str, Any]) -> list[Event]:
    """All events of a whole stream, which must not depend on how it is cut."""
    data = frames(*events) + DONE
    whole = cut(data, len(data))
    assert whole == cut(data, 1) == cut(data, 7)
    return whole


def cut(data: bytes, size: int) -> list[Event]:
    """All events of a whole stream that comes in pieces of this size."""
    decoder = WIRE.decoder(PROVIDER)
    events = [event for at in range(0, len(data), size) for event in decoder.feed(data[at : at + size])]
    assert decoder.done
    return events + decoder.close()


def body(*steps: list[dict[str, Any]]) -> list[Event]:
    """The events between the start and the finish of an answer with these steps."""
    events = read(CREATED, *(event for given in steps for event in given), completed())
    assert (Start("v1_a", "g"), Finish) == (events[0], type(events[-1]))
    return events[1:-1]
