"""
Dialects in which vectors are asked for, by name: `openai`, `mistral`, `voyage`, `gemini`, `cohere`, `ollama`.

`codec` has what they share; each of the other modules is one dialect, or a family of them.
"""

from __future__ import annotations

from typing import Final

from dragoman.errors import ConfigError
from dragoman.types.providers import Provider
from dragoman.wire.embeddings.codec import Codec
from dragoman.wire.embeddings.cohere import COHERE
from dragoman.wire.embeddings.gemini import GEMINI
from dragoman.wire.embeddings.ollama import OLLAMA
from dragoman.wire.embeddings.openai import MISTRAL, OPENAI, VOYAGE

__all__ = ["CODECS", "Codec", "codec_for", "codec_of_path"]

CODECS: Final = {codec.name: codec for codec in (OPENAI, MISTRAL, VOYAGE, GEMINI, COHERE, OLLAMA)}

# Which dialect goes with which chat dialect, where a provider's row does not say.
_BESIDE: Final = {
    "openai-chat": "openai",
    "openai-responses": "openai",
    "gemini-generate": "gemini",
    "gemini-interactions": "gemini",
    "cohere-chat": "cohere",
    "ollama-chat": "ollama",
}


def codec_for(provider: Provider) -> Codec:
    """
    The dialect of a provider.

    Raises:
        ConfigError: It gives no vectors, as far as is known.
    """
    name = provider.embeddings or _BESIDE.get(provider.wire)
    if name is None:
        raise ConfigError(
            f"it has no endpoint for vectors that is known (wire {provider.wire}): "
            f"set embeddings to one of {', '.join(CODECS)} in its row, or ask another provider",
            provider=provider.name,
            field="model",
        )
    return CODECS[name]


def codec_of_path(path: str) -> Codec | None:
    """The dialect whose requests come to `path`, as a server; None if there is none."""
    return next((codec for codec in CODECS.values() if codec.serves(path)), None)
