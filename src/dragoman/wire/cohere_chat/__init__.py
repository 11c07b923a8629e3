"""
The `cohere-chat` wire: Cohere's Chat API, version 2.

`dialect` describes the answers, `reader` with `citations` turns them into events, `stream` and `reply` are the two ways
to read.  `request` with `parse`, `messages`, `blocks` and `settings` goes both ways; `serve` and `serve_stream` are the
server half.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dragoman.errors import DragomanError
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import Wire
from dragoman.wire.cohere_chat.dialect import NAME
from dragoman.wire.cohere_chat.failure import encode_error
from dragoman.wire.cohere_chat.reply import decode_response
from dragoman.wire.cohere_chat.request import decode_request, encode_request
from dragoman.wire.cohere_chat.serve import encode_response
from dragoman.wire.cohere_chat.serve_stream import Encoder
from dragoman.wire.cohere_chat.stream import Decoder


class CohereChat:
    """The codec; `dragoman.wire.base.Wire` says what each method does."""

    name: str = NAME

    def encode_request(self, request: ChatRequest, provider: Provider) -> HttpRequest:
        return encode_request(request, provider)

    def decode_response(
        self, status: int, headers: Mapping[str, str], body: bytes, provider: Provider | None = None
    ) -> ChatResponse:
        return decode_response(status, headers, body, provider)

    def decoder(self, provider: Provider | None = None) -> Decoder:
        return Decoder(provider)

    def decode_request(self, body: bytes, *, path: str = "") -> ChatRequest:
        return decode_request(body)

    def encode_response(self, response: ChatResponse) -> bytes:
        return encode_response(response)

    def encoder(self) -> Encoder:
        return Encoder()

    def encode_error(self, error: DragomanError) -> tuple[int, dict[str, str], bytes]:
        return encode_error(error)


WIRE: Final[Wire] = CohereChat()
