"""
Wires by name.

A wire is the pure codec of one HTTP dialect; `get` imports it when it is first asked for.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from dragoman.errors import ConfigError

if TYPE_CHECKING:
    from dragoman.wire.base import Wire

_MODULES = {
    "openai-chat": "dragoman.wire.openai_chat",
    "anthropic-messages": "dragoman.wire.anthropic_messages",
    "openai-responses": "dragoman.wire.openai_responses",
    "bedrock-converse": "dragoman.wire.bedrock_converse",
    "bedrock-anthropic": "dragoman.wire.anthropic_hosts.bedrock",
    "vertex-anthropic": "dragoman.wire.anthropic_hosts.vertex",
    "ollama-chat": "dragoman.wire.ollama_chat",
    "cohere-chat": "dragoman.wire.cohere_chat",
    "gemini-generate": "dragoman.wire.gemini_generate",
    "gemini-interactions": "dragoman.wire.gemini_interactions",
}


def names() -> tuple[str, ...]:
    """All dialects that are known."""
    return tuple(_MODULES)


@cache
def get(name: str) -> Wire:
    """
    Return the wire of that name.

    Raises:
        ConfigError: No such wire.
    """
    if name not in _MODULES:
        raise ConfigError(f"no wire is called {name!r}: there are {', '.join(_MODULES)}", field="wire")
    return cast("Wire", import_module(_MODULES[name]).WIRE)
