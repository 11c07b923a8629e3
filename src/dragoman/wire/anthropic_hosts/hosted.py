"""
What is the same for every host: the two fields that move from the body to the path, and the version that comes in.

Rule: the body is the dialect's own but for these, both ways.

Sources: anthropic SDK 2.12, `lib/bedrock` and `lib/vertex` (`_prepare_options`); the recordings of `invoke`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from dragoman.errors import ConfigError, DragomanError
from dragoman.types.http import HttpRequest
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.responses import ChatResponse
from dragoman.wire import anthropic_messages as messages
from dragoman.wire.anthropic_messages.request import encode_body
from dragoman.wire.base import Decoder, Encoder, encode_json
from dragoman.wire.request_body import read_body

_VERSION = "anthropic_version"


class Host(msgspec.Struct, frozen=True):
    """
    How a cloud hosts the dialect.

    Attributes:
        version: Its version of the API.
        path: Of a request, with `{model}` and `{method}`.
        methods: What `{method}` is for a plain answer, and for a stream.
        streams: Media type of a stream.
        quoted: Whether model names are quoted in the path, slashes and colons too.
    """

    version: str
    path: str
    methods: tuple[str, str]
    streams: str
    quoted: bool

    def read_path(self, path: str) -> tuple[str, bool]:
        """
        Model and whether a stream is asked, of a request's path.

        Raises:
            ConfigError: Another path.
        """
        found = re.search(self.pattern, path, re.DOTALL)
        if found is None:
            raise ConfigError(f"the path {path!r} is not {self.path} with {' or '.join(self.methods)}", field="path")
        return unquote(found[1]), found[2] == self.methods[1]

    @property
    def pattern(self) -> str:
        """Regular expression of the end of a path, from what stands before the model on."""
        last = self.path[self.path.index("{model}") :].replace("{model}", "(.+)")
        before = self.path.partition("{model}")[0].rstrip("/").rpartition("/")[2]
        return f"(?:^|/){before}/{last}".replace("{method}", f"({'|'.join(self.methods)})") + r"\Z"


class HostedMessages:
    """The codec for a host that speaks plain HTTP and server-sent events."""

    def __init__(self, name: str, host: Host) -> None:
        self.name = name
        self.host = host

    def encode_request(self, request: ChatRequest, provider: Provider) -> HttpRequest:
        host = self.host
        version = provider.quirks.api_version or host.version
        body, notices = encode_body(request, provider, version)
        for field in ("model", "stream"):
            body.pop(field, None)
        model = quote(request.model, safe="" if host.quoted else "@")
        url = provider.url(host.path, model, method=host.methods[request.stream])
        accept = host.streams if request.stream else "application/json"
        return HttpRequest(
            url=url,
            headers={
                **{name.lower(): value for name, value in provider.headers.items()},
                "content-type": "application/json",
                "accept": accept,
            },
            body=encode_json({_VERSION: version, **body}),
            notices=tuple(notices),
        )

    def decode_request(self, body: bytes, *, path: str = "") -> ChatRequest:
        model, stream = self.host.read_path(path)
        raw, _ = read_body(body, dict[str, Any])
        version = raw.pop(_VERSION, None)
        if version is None:
            raise ConfigError(f"{_VERSION} is missing: give {self.host.version!r}", field=_VERSION)
        kept = {} if version == self.host.version else {_VERSION: version}
        moved = {**raw, "model": model, "stream": stream, **kept}
        return messages.WIRE.decode_request(msgspec.json.encode(moved))

    def decode_response(
        self, status: int, headers: Mapping[str, str], body: bytes, provider: Provider | None = None
    ) -> ChatResponse:
        return messages.WIRE.decode_response(status, headers, body, provider)

    def decoder(self, provider: Provider | None = None) -> Decoder:
        return messages.WIRE.decoder(provider)

    def encode_response(self, response: ChatResponse) -> bytes:
        return messages.WIRE.encode_response(response)

    def encoder(self) -> Encoder:
        return messages.WIRE.encoder()

    def encode_error(self, error: DragomanError) -> tuple[int, dict[str, str], bytes]:
        return messages.WIRE.encode_error(error)
