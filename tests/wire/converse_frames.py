"""What the tests of the wire `bedrock-converse` share: its requests, answers and streams as bytes."""

from __future__ import annotations

import json
from typing import Any

from dragoman.types.events import Event
from dragoman.types.messages import Message
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.wire import awsstream
from dragoman.wire.bedrock_converse import WIRE

ROW = Provider(name="bedrock", base_url="https://bedrock-runtime.eu-west-1.amazonaws.com", wire="bedrock-converse")
HI = (Message.user("Hi"),)
MODEL = "eu.anthropic.claude-haiku-5-5-v1:0"


def asked(messages: tuple[Message, ...] = HI, *, model: str = MODEL, **settings: Any) -> ChatRequest:
    """A request."""
    return ChatRequest(model=model, messages=messages, **settings)


def body_of(messages: tuple[Message, ...] = HI, **settings: Any) -> dict[str, Any]:
    """The body of a request, which must need no notice."""
    sent = WIRE.encode_request(asked(messages, **settings), ROW)
    assert () == sent.notices
    body: dict[str, Any] = json.loads(sent.body)
    return body


def adapted(messages: tuple[Message, ...] = HI, **settings: Any) -> tuple[dict[str, Any], list[str]]:
    """The body of a request, and the fields of its notices."""
    sent = WIRE.encode_request(asked(messages, **settings), ROW)
    return json.loads(sent.body), [notice.field for notice in sent.notices]


def read(body: dict[str, Any], path: str = "/model/m/converse") -> ChatRequest:
    """A body as the server half reads it."""
    return WIRE.decode_request(json.dumps(body).encode(), path=path)


def turn(*content: dict[str, Any], role: str = "user") -> dict[str, Any]:
    """A message of a body."""
    return {"role": role, "content": list(content)}


def answer(*content: dict[str, Any], reason: str | None = "end_turn", **more: Any) -> bytes:
    """A plain answer."""
    stop = {"stopReason": reason} if reason else {}
    message = {"role": "assistant", "content": list(content)}
    usage = {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}
    return json.dumps({"output": {"message": message}, **stop, "usage": usage, **more}).encode()


def event(kind: str, **fields: Any) -> bytes:
    """One event of a stream."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return awsstream.encode(json.dumps({**fields, "p": "abcd"}).encode(), headers)


def exception(kind: str, message: str, **fields: Any) -> bytes:
    """An error in a stream."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return awsstream.encode(json.dumps({"message": message, **fields}).encode(), headers)


def delta(index: int, **value: Any) -> bytes:
    """More of a block."""
    return event("contentBlockDelta", contentBlockIndex=index, delta=value)


def stop(index: int) -> bytes:
    """The end of a block."""
    return event("contentBlockStop", contentBlockIndex=index)


START = event("messageStart", role="assistant")
END = event("messageStop", stopReason="end_turn")
METADATA = event("metadata", usage={"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}, metrics={"latencyMs": 5})


def events_of(*pieces: bytes) -> list[Event]:
    """The events of a whole stream."""
    decoder = WIRE.decoder()
    found = [one for piece in pieces for one in decoder.feed(piece)]
    return found + decoder.feed(b"") + decoder.close()


def frames(data: bytes) -> list[tuple[str, dict[str, Any]]]:
    """The events that a server half wrote, with their types."""
    return [
        (message.text(":event-type") or message.text(":exception-type"), json.loads(message.payload))
        for message in awsstream.Decoder().feed(data)
    ]
