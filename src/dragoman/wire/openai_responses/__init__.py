"""
The wire `openai-responses`: OpenAI's Responses dialect, spoken by OpenAI, Azure, xAI, OpenRouter and others.

`dialect` has the Structs and tables.  Client half: `request`, `settings`, `tools`, `writer` and `blocks` write;
`items`, `reply`, `stream`, `stream_items` and `growing` read.  Server half: `request` reads; `serve`, `serve_stream`
and `serve_items` write.  `usage` serves both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dragoman.errors import DragomanError
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire import base
from dragoman.wire.openai_responses.dialect import NAME
from dragoman.wire.openai_responses.reply import decode_response
from dragoman.wire.openai_responses.request import decode_request, encode_request
from dragoman.wire.openai_responses.serve import encode_error, encode_response
from dragoman.wire.openai_responses.serve_stream import Encoder
from dragoman.wire.openai_responses.stream import Decoder


class OpenAIResponses:
    """The codec; `dragoman.wire.base.Wire` says what each method does."""

    name: str = NAME

    def encode_request(self, request: ChatRequest, provider: Provider) -> HttpRequest:
        return encode_request(request, provider)

    def decode_response(
        self, status: int, headers: Mapping[str, str], body: bytes, provider: Provider | None = None
    ) -> ChatResponse:
        return decode_response(status, headers, body, provider)

    def decoder(self, provider: Provider | None = None) -> base.Decoder:
        return Decoder(provider)

    def decode_request(self, body: bytes, *, path: str = "") -> ChatRequest:
        return decode_request(body)

    def encode_response(self, response: ChatResponse) -> bytes:
        return encode_response(response)

    def encoder(self) -> base.Encoder:
        return Encoder()

    def encode_error(self, error: DragomanError) -> tuple[int, dict[str, str], bytes]:
        return encode_error(error)


WIRE: Final[base.Wire] = OpenAIResponses()
