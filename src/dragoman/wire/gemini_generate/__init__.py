"""
The `gemini-generate` wire: Gemini's generateContent and streamGenerateContent, also as served by Vertex AI.

`dialect` has the Structs and tables.  Client half: `contents` and `parts` write; `reader` with `calls` and `grounding`
turns answers into events, `reply` and `stream` are the two ways to read.  Server half: `received` reads; `serve` and
`serve_stream` write.  `request`, `settings`, `tools`, `schemas`, `media`, `usage` and `failure` serve both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from dragoman.errors import DragomanError
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire.gemini_generate.dialect import NAME
from dragoman.wire.gemini_generate.reply import decode_response
from dragoman.wire.gemini_generate.request import decode_request, encode_request
from dragoman.wire.gemini_generate.serve import encode_response
from dragoman.wire.gemini_generate.serve_stream import Encoder
from dragoman.wire.gemini_generate.stream import Decoder
from dragoman.wire.google_errors import encode_error

__all__ = ["WIRE", "GeminiGenerate"]


class GeminiGenerate:
    """Gemini's generateContent; see `dragoman.wire.base.Wire`."""

    name: ClassVar[str] = NAME

    def __repr__(self) -> str:
        return f"<wire {self.name}>"

    def encode_request(self, request: ChatRequest, provider: Provider) -> HttpRequest:
        """Write a request, without credentials."""
        return encode_request(request, provider)

    def decode_response(
        self, status: int, headers: Mapping[str, str], body: bytes, provider: Provider | None = None
    ) -> ChatResponse:
        """Read a plain answer, or raise the error that it is."""
        return decode_response(status, headers, body, provider)

    def decoder(self, provider: Provider | None = None) -> Decoder:
        """Start to read a streamed answer."""
        return Decoder(provider)

    def decode_request(self, body: bytes, *, path: str = "") -> ChatRequest:
        """Read a request, as a server."""
        return decode_request(body, path=path)

    def encode_response(self, response: ChatResponse) -> bytes:
        """Write a plain answer, as a server."""
        return encode_response(response)

    def encoder(self) -> Encoder:
        """Start to write a streamed answer, as a server."""
        return Encoder()

    def encode_error(self, error: DragomanError) -> tuple[int, dict[str, str], bytes]:
        """Write an error, as a server: status, headers, body."""
        return encode_error(error)


WIRE: Final = GeminiGenerate()
