"""
Which dialect is spoken under which path.

Rule: a dialect is one row.  Where its requests arrive, and what the base URL looks like that a client of it is given,
stand nowhere else in this package.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, cast

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.requests import ChatRequest
from dragoman.wire.aws import STREAM_TYPE


class Route(msgspec.Struct, frozen=True):
    """
    Attributes:
        wire: Name of the dialect.
        paths: The whole path of a chat request.
        base: What follows the host in the base URL, in the form that the vendor's SDK uses.
        counts: Whether a stream tells the usage; some dialects do it only for those who ask.
        stream_type: Content type of a stream.
    """

    wire: str
    paths: re.Pattern[str]
    base: str
    counts: Callable[[ChatRequest], bool] = lambda request: True
    stream_type: str = "text/event-stream; charset=utf-8"


def _asks_for_usage(request: ChatRequest) -> bool:
    """OpenAI sends usage in a chunk without choices, and only where it was asked to: old readers stumble over it."""
    options = (request.native or {}).get("openai-chat", {}).get("stream_options")
    return isinstance(options, dict) and bool(cast("dict[str, object]", options).get("include_usage"))


ROUTES: Final = (
    Route(
        "openai-chat",
        re.compile(r"(/v1)?/chat/completions|/openai/deployments/[^/]+/chat/completions"),
        "/v1",
        _asks_for_usage,
    ),
    Route("anthropic-messages", re.compile(r"/v1/messages"), ""),
    Route("openai-responses", re.compile(r"(/openai)?(/v1)?/responses"), "/v1"),
    Route("ollama-chat", re.compile(r"/api/chat"), "", stream_type="application/x-ndjson"),
    Route("cohere-chat", re.compile(r"/v2/chat"), ""),
    Route(
        "gemini-generate",
        re.compile(
            r"/v1(?:beta1?)?/(?:[^:]+/)?(?:models|tunedModels|endpoints)/[^/:]+:(?:generate|streamGenerate)Content"
        ),
        "",
    ),
    Route("bedrock-converse", re.compile(r"/model/.+/converse(?:-stream)?"), "", stream_type=STREAM_TYPE),
    Route("bedrock-anthropic", re.compile(r"/model/.+/invoke(?:-with-response-stream)?"), "", stream_type=STREAM_TYPE),
    Route(
        "vertex-anthropic",
        re.compile(r"/v1/projects/[^/]+/locations/[^/]+/publishers/anthropic/models/[^/]+:(?:raw|streamRaw)Predict"),
        "/v1",
    ),
    Route("gemini-interactions", re.compile(r"/v1(?:beta1?)?/(?:[^:]+/)?interactions"), ""),
)

MODELS: Final = ("/v1/models", "/models")
"""Where the model list is asked for; the same path in several dialects."""


def wire_of(path: str) -> str | None:
    """Name of the dialect whose chat requests come to `path`, or None."""
    return next((route.wire for route in ROUTES if route.paths.fullmatch(path)), None)


def route_of(wire: str) -> Route:
    """
    The row of a dialect.

    Raises:
        ConfigError: No such dialect here.
    """
    for route in ROUTES:
        if route.wire == wire:
            return route
    raise ConfigError(
        f"the test server speaks no wire called {wire!r}: there are {', '.join(route.wire for route in ROUTES)}",
        field="wire",
    )
