"""Small requests and answers of the `openai-responses` dialect, as bytes, for the tests of that wire."""

from __future__ import annotations

import json
from typing import Any

from dragoman.types.events import Event
from dragoman.types.fold import fold
from dragoman.types.http import HttpRequest
from dragoman.types.messages import Message
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire.openai_responses import WIRE

ROW = Provider(name="acme", base_url="https://acme.example/v1", wire="openai-responses")


# --- requests ---------------------------------------------------------------------------------------------------------


def asked(*messages: Message, **settings: Any) -> HttpRequest:
    """The request that is written for these messages."""
    return WIRE.encode_request(ChatRequest(model="m", messages=messages or (Message.user("hi"),), **settings), ROW)


def body_of(*messages: Message, **settings: Any) -> dict[str, Any]:
    """Its body."""
    body: dict[str, Any] = json.loads(asked(*messages, **settings).body)
    return body


def notes(*messages: Message, **settings: Any) -> list[str]:
    """The fields that its notices name."""
    return [notice.field for notice in asked(*messages, **settings).notices]


def received(**body: Any) -> ChatRequest:
    """A request as a server reads it."""
    return WIRE.decode_request(json.dumps({"model": "m", **body}).encode())


def again(**body: Any) -> dict[str, Any]:
    """The body that is written for a request that was read."""
    sent: dict[str, Any] = json.loads(WIRE.encode_request(received(**body), ROW).body)
    return sent


# --- plain answers ----------------------------------------------------------------------------------------------------


def message(*blocks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A message item of an answer."""
    told = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": list(blocks)}
    return {**told, **fields}


def text(words: str, *annotations: dict[str, Any]) -> dict[str, Any]:
    """A block of text."""
    return {"type": "output_text", "text": words, "annotations": list(annotations), "logprobs": []}


def call(arguments: str = "{}", **fields: Any) -> dict[str, Any]:
    """A function call item."""
    told = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": arguments}
    return {**told, "status": "completed", **fields}


def reasoning(*summary: str, **fields: Any) -> dict[str, Any]:
    """A reasoning item."""
    return {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": words} for words in summary],
        **fields,
    }


def whole(*output: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A response."""
    return {"id": "resp_1", "object": "response", "model": "m", "status": "completed", "output": list(output), **fields}


def decoded(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> ChatResponse:
    """Decode a plain body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WIRE.decode_response(status, headers or {}, data, ROW)


# --- streams ----------------------------------------------------------------------------------------------------------


def frames(*events: dict[str, Any] | str) -> bytes:
    """Events as a stream; a text stands for itself."""
    texts = (one if isinstance(one, str) else json.dumps(one) for one in events)
    return b"".join(b"data: %b\n\n" % one.encode() for one in texts)


def event(kind: str, **fields: Any) -> dict[str, Any]:
    """One event of the first item."""
    return {"type": f"response.{kind}", "output_index": 0, "content_index": 0, "item_id": "i", **fields}


def deltas(*pieces: str, kind: str = "output_text.delta", **fields: Any) -> list[dict[str, Any]]:
    """Pieces of text."""
    return [event(kind, delta=piece, obfuscation="x9", **fields) for piece in pieces]


def ended(*output: dict[str, Any], kind: str = "completed", **fields: Any) -> dict[str, Any]:
    """The terminal event."""
    return {"type": f"response.{kind}", "response": whole(*output, **{"status": kind, **fields})}


BEGUN = {"type": "response.created", "response": whole(status="in_progress")}
MESSAGE = event("output_item.added", item=message(status="in_progress"))
CALL = event("output_item.added", item=call("", status="in_progress"))


def read(data: bytes, size: int | None = None) -> list[Event]:
    """All events of a stream, fed in pieces of `size` bytes."""
    decoder = WIRE.decoder(ROW)
    size = size or len(data) or 1
    events = [one for i in range(0, len(data), size) for one in decoder.feed(data[i : i + size])]
    return events + decoder.feed(b"") + decoder.close()


def streamed(*events: dict[str, Any] | str) -> ChatResponse:
    """The answer that a stream gives."""
    return fold(read(frames(*events)))


def written(*events: Event) -> bytes:
    """A stream as the server half writes it."""
    encoder = WIRE.encoder()
    return b"".join(encoder.feed(one) for one in events) + encoder.close()


def events_of(data: bytes) -> list[dict[str, Any]]:
    """The events of a stream as JSON; the type stands in both places."""
    events: list[dict[str, Any]] = []
    for frame in data.decode().split("\n\n")[:-1]:
        name, _, body = frame.partition("\n")
        events.append(json.loads(body.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events
