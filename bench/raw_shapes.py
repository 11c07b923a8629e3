"""The shortest typed reading of the canned answers, for the two raw peers."""

from __future__ import annotations

import msgspec


class Delta(msgspec.Struct):
    """The fields that are read."""

    content: str | None = None


class Choice(msgspec.Struct):
    """Of an answer or of a chunk."""

    message: Delta = msgspec.field(default_factory=Delta)
    delta: Delta = msgspec.field(default_factory=Delta)


class Completion(msgspec.Struct):
    """An answer or a chunk."""

    choices: list[Choice]


def asked(stream: bool) -> bytes:
    """Encode the request, as each call does."""
    messages = [{"role": "user", "content": "hi"}]
    body = {"model": "bench-1", "messages": messages, "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    return msgspec.json.encode(body)


class Texts:
    """Cuts bytes into events and decodes each; counts those with text."""

    def __init__(self) -> None:
        self.count = 0
        self._held = b""
        self._decode = msgspec.json.Decoder(Completion).decode

    def feed(self, piece: bytes) -> None:
        """Take bytes."""
        *events, self._held = (self._held + piece).split(b"\n\n")
        for event in events:
            data = event[6:]
            if data != b"[DONE]":
                choices = self._decode(data).choices
                if choices and choices[0].delta.content:
                    self.count += 1
