"""
The wire `bedrock-converse`: AWS Bedrock's Converse dialect, one for the models of every maker that Bedrock offers.

`dialect` has the Structs and tables, `formats` the media.  Client half: `request`, `content` and `tools` write;
`reply`, `blocks` and `stream_decoder` read.  Server half: `received` reads; `reply` and `stream_encoder` write.
`usage` serves both.  Errors and framing are AWS's own, in `dragoman.wire.aws`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dragoman.errors import DragomanError
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire.aws import encode_error
from dragoman.wire.base import Decoder, Encoder, Wire
from dragoman.wire.bedrock_converse.dialect import NAME
from dragoman.wire.bedrock_converse.received import decode_request
from dragoman.wire.bedrock_converse.reply import decode_response, encode_response
from dragoman.wire.bedrock_converse.request import encode_request
from dragoman.wire.bedrock_converse.stream_decoder import StreamDecoder
from dragoman.wire.bedrock_converse.stream_encoder import StreamEncoder


class BedrockConverse:
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
        return decode_request(body, path)

    def encode_response(self, response: ChatResponse) -> bytes:
        return encode_response(response)

    def encoder(self) -> Encoder:
        return StreamEncoder()

    def encode_error(self, error: DragomanError) -> tuple[int, dict[str, str], bytes]:
        return encode_error(error)


WIRE: Final[Wire] = BedrockConverse()
