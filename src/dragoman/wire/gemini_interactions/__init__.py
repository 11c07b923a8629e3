"""
The wire `gemini-interactions`: Gemini's Interactions dialect, in the schema of steps (since June 2026).

`dialect` has the Structs and tables; `content` and `media` read and write blocks, `steps` reads and `writer` writes
steps.  Client half: `request`, `settings` and `tools` write; `reply`, `stream` and `growing` read.  Server half:
`request` reads; `serve` and `serve_stream` write.  `usage` and `failure` serve both.
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
from dragoman.wire.gemini_interactions.dialect import NAME
from dragoman.wire.gemini_interactions.failure import encode_error
from dragoman.wire.gemini_interactions.reply import decode_response
from dragoman.wire.gemini_interactions.request import decode_request, encode_request
from dragoman.wire.gemini_interactions.serve import encode_response
from dragoman.wire.gemini_interactions.serve_stream import Encoder
from dragoman.wire.gemini_interactions.stream import Decoder


class GeminiInteractions:
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


WIRE: Final[base.Wire] = GeminiInteractions()
