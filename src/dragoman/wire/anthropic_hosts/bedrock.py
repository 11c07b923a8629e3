"""
The wire `bedrock-anthropic`: Anthropic's dialect on AWS Bedrock (`InvokeModel`).

A stream is an AWS event stream; each of its chunks holds one event of the dialect, in base64.

Source: service model of `bedrock-runtime` in botocore 1.44 (`InvokeModelWithResponseStream`); the recordings.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

import msgspec

from dragoman.errors import DragomanError
from dragoman.types.events import Event
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.wire import anthropic_messages as messages
from dragoman.wire import aws, sse
from dragoman.wire.anthropic_hosts.hosted import Host, HostedMessages
from dragoman.wire.anthropic_messages.stream_decoder import StreamDecoder
from dragoman.wire.base import Decoder, Encoder, Wire, decode_json
from dragoman.wire.plain_answer import parse_json
from dragoman.wire.status import lowered

_CHUNK: Final = "chunk"


class _Chunk(msgspec.Struct):
    data: bytes = msgspec.field(name="bytes")


class ChunkDecoder(aws.AwsDecoder, StreamDecoder):
    """The dialect's events out of the chunks of an AWS event stream."""

    def _event(self, kind: str, payload: bytes) -> None:
        if kind == _CHUNK:
            chunk: _Chunk = decode_json(payload, _Chunk, "a chunk of the stream")
            self._frame(b"", chunk.data)


class ChunkEncoder:
    """The dialect's events as the chunks of an AWS event stream."""

    def __init__(self) -> None:
        self._inner = messages.WIRE.encoder()
        self._sse = sse.Decoder()

    def feed(self, event: Event) -> bytes:
        """Write one event; may give nothing."""
        return self._chunks(self._inner.feed(event))

    def close(self) -> bytes:
        """Write the end marker, if the answer is whole."""
        return self._chunks(self._inner.close())

    def error(self, error: DragomanError) -> bytes:
        """Close what is open and write the error, as AWS does: instead of the dialect's own."""
        *closing, last = self._sse.frames(self._inner.error(error)) or [(b"", b"")]
        written = b"".join(_chunk(data) for _, data in closing)
        return written + aws.encode_exception(error) if last[1] else b""

    def _chunks(self, written: bytes) -> bytes:
        return b"".join(_chunk(data) for _, data in self._sse.frames(written))


def _chunk(data: bytes) -> bytes:
    return aws.encode_event(_CHUNK, {"bytes": base64.b64encode(data).decode()})


class BedrockMessages(HostedMessages):
    """The codec; `dragoman.wire.base.Wire` says what each method does."""

    def decode_response(
        self, status: int, headers: Mapping[str, str], body: bytes, provider: Provider | None = None
    ) -> ChatResponse:
        headers, value = lowered(headers), parse_json(body)
        if status >= 400 or aws.reports_error(value):
            raise aws.failure(status, headers, value, body, provider)
        return super().decode_response(status, headers, body, provider)

    def decoder(self, provider: Provider | None = None) -> Decoder:
        return ChunkDecoder(provider)

    def encoder(self) -> Encoder:
        return ChunkEncoder()

    def encode_error(self, error: DragomanError) -> tuple[int, dict[str, str], bytes]:
        return aws.encode_error(error)


WIRE: Final[Wire] = BedrockMessages(
    "bedrock-anthropic",
    Host(
        version="bedrock-2023-05-31",
        path="model/{model}/{method}",
        methods=("invoke", "invoke-with-response-stream"),
        streams=aws.STREAM_TYPE,
        quoted=True,
    ),
)
