"""
The server that every peer is measured against: canned bytes, as fast as asyncio gives them out.

It speaks just enough HTTP/1.1 for one question: a POST with a content length is answered by the bytes made at start-up,
an OpenAI chat answer, or an Anthropic one where the path ends in `/messages`; as a stream where the body asks for one.
Every event of a stream is an HTTP chunk of its own, as real servers send them.

`python bench/servers.py [SECONDS]` prints its address and serves until its standard input is closed, so it never
outlives whoever started it; it answers at once, or after that time.  It is a process of its own: what it costs is not
in the numbers.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable

# Content events in one streamed answer.
CHUNKS = 1000
WORDS = [f" word{i % 97}" for i in range(CHUNKS)]

_PLAIN = "content-type: application/json\r\ncontent-length: {length}\r\n"
_STREAM = "content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"


def _head(fields: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\n{fields}x-request-id: req_bench\r\n\r\n".encode()


def _plain(value: object) -> bytes:
    body = json.dumps(value).encode()
    return _head(_PLAIN.format(length=len(body))) + body


def _stream(events: Iterable[bytes]) -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in events)
    return _head(_STREAM) + chunks + b"0\r\n\r\n"


def _openai_usage() -> dict[str, object]:
    return {
        "prompt_tokens": 12,
        "completion_tokens": CHUNKS,
        "total_tokens": CHUNKS + 12,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def openai_plain() -> bytes:
    """A chat completion of about a hundred words."""
    message: dict[str, object] = {
        "role": "assistant",
        "content": "".join(WORDS[:100]),
        "refusal": None,
        "annotations": [],
    }
    head = {"id": "chatcmpl-bench", "object": "chat.completion", "created": 1760000000, "model": "bench-1"}
    choices = [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}]
    return _plain(head | {"choices": choices, "usage": _openai_usage(), "system_fingerprint": "fp_bench"})


def openai_stream() -> bytes:
    """The same as a stream of `CHUNKS` content events."""
    head = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1760000000, "model": "bench-1"}
    head |= {"service_tier": "default", "system_fingerprint": "fp_bench"}

    def event(delta: dict[str, object], reason: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]
        return b"data: " + json.dumps(head | {"choices": choices}, separators=(",", ":")).encode() + b"\n\n"

    events = [event({"role": "assistant", "content": "", "refusal": None})]
    events += [event({"content": word}) for word in WORDS]
    events.append(event({}, "stop"))
    usage = json.dumps(head | {"choices": [], "usage": _openai_usage()}, separators=(",", ":")).encode()
    return _stream([*events, b"data: " + usage + b"\n\n", b"data: [DONE]\n\n"])


def _anthropic_message(content: list[object], reason: str | None) -> dict[str, object]:
    usage = {
        "input_tokens": 12,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": CHUNKS,
    }
    head = {"id": "msg_bench", "type": "message", "role": "assistant", "model": "bench-1"}
    return head | {"content": content, "stop_reason": reason, "stop_sequence": None, "usage": usage}


def anthropic_plain() -> bytes:
    """A message of about a hundred words."""
    return _plain(_anthropic_message([{"type": "text", "text": "".join(WORDS[:100])}], "end_turn"))


def anthropic_stream() -> bytes:
    """The same as a stream of `CHUNKS` content events."""

    def event(kind: str, **fields: object) -> bytes:
        data = json.dumps({"type": kind} | fields, separators=(",", ":"))
        return f"event: {kind}\ndata: {data}\n\n".encode()

    def delta(word: str) -> bytes:
        return event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})

    events = [event("message_start", message=_anthropic_message([], None))]
    events.append(event("content_block_start", index=0, content_block={"type": "text", "text": ""}))
    events += [delta(word) for word in WORDS]
    events.append(event("content_block_stop", index=0))
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    events.append(event("message_delta", delta=stop, usage={"output_tokens": CHUNKS}))
    return _stream([*events, event("message_stop")])


class Canned(asyncio.Protocol):
    """One connection: finds the end of each request and writes the answer that it asks for."""

    def __init__(self, answers: dict[tuple[bool, bool], bytes], seconds: float = 0.0) -> None:
        self._answers = answers
        self._seconds = seconds
        self._held = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (request := self._next()) is not None:
            path, body = request
            compact = body.replace(b": ", b":")
            answer = self._answers[path.endswith(b"/messages"), b'"stream":true' in compact]
            assert self._transport is not None
            if self._seconds:
                asyncio.get_running_loop().call_later(self._seconds, self._transport.write, answer)
            else:
                self._transport.write(answer)

    def _next(self) -> tuple[bytes, bytes] | None:
        head, found, rest = self._held.partition(b"\r\n\r\n")
        if not found:
            return None
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if len(rest) < length:
            return None
        self._held = rest[length:]
        return head.split(b" ", 2)[1].partition(b"?")[0], rest[:length]


async def serve(seconds: float = 0.0) -> None:
    """Serve until standard input is closed."""
    answers = {
        (False, False): openai_plain(),
        (False, True): openai_stream(),
        (True, False): anthropic_plain(),
        (True, True): anthropic_stream(),
    }
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Canned(answers, seconds), "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(*map(float, sys.argv[1:])))
