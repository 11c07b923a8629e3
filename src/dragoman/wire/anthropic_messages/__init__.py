"""
The wire `anthropic-messages`: Anthropic's Messages dialect, spoken by Anthropic and by many that imitate it.

`dialect` has the Structs and tables.  Client half: `request` and `content` write; `reply`, `blocks` and
`stream_decoder` read.  Server half: `received` reads; `reply` and `stream_encoder` write.  `usage`, `calls` and
`failure` serve both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dragoman.errors import DragomanError
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire.anthropic_messages.dialect import NAME
from dragoman.wire.anthropic_messages.failure import encode_error
from dragoman.wire.anthropic_messages.received import decode_request
from dragoman.wire.anthropic_messages.reply import decode_response, encode_response
from dragoman.wire.anthropic_messages.request import encode_request
from dragoman.wire.anthropic_messages.stream_decoder import StreamDecoder
from dragoman.wire.anthropic_messages.stream_encoder import StreamEncoder
from dragoman.wire.base import Decoder, Encoder, Wire


class AnthropicMessages:
    """The codec; `dragoman.wire.base.Wire` says what each method does."""

    name: str = NAME

    def encode_request(self, request: ChatRequest, provider: Provider) -> HttpRequest:
        return encode_request(request, provider)

    def decode_response(
        self, status: int, headers: Mapping[str, str], body: bytes, provider: Provider | None = None
    ) -> ChatResponse:
        return decode_response(status, headers, body, provider)

    def decoder(self, provider: Provider | None = None) -> Decoder:
        return StreamDecoder(provider)

    def decode_request(self, body: bytes, *, path: str = "") -> ChatRequest:
        return decode_request(body)

    def encode_response(self, response: ChatResponse) -> bytes:
        return encode_response(response)

    def encoder(self) -> Encoder:
        return StreamEncoder()

    def encode_error(self, error: DragomanError) -> tuple[int, dict[str, str], bytes]:
        return encode_error(error)


WIRE: Final[Wire] = AnthropicMessages()
