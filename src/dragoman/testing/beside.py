"""
What the test server does with requests that are not chat: for vectors, and for counts of tokens.

They come to paths of their own, and are answered by the same script as chat requests; an error is written in the form
of the chat dialect that goes with them.
"""

from __future__ import annotations

import hashlib
from array import array
from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.testing.connection import Reply
from dragoman.testing.steps import JSON
from dragoman.types.embeddings import EmbedResponse, Vector
from dragoman.types.usage import Usage
from dragoman.wire.counting import COUNTINGS
from dragoman.wire.embeddings import codec_of_path

_CHAT_OF: Final = {
    "openai": "openai-chat",
    "gemini": "gemini-generate",
    "cohere": "cohere-chat",
    "ollama": "ollama-chat",
}


def wire_beside(path: str) -> str | None:
    """Name of the chat dialect whose requests for vectors or counts come to `path`, or None."""
    codec = codec_of_path(path)
    if codec is not None:
        return _CHAT_OF[codec.name]
    return next((wire for wire, counting in COUNTINGS.items() if path.endswith(counting.question)), None)


class Embeds(msgspec.Struct, frozen=True, kw_only=True):
    """Vectors that depend on nothing but their texts.  See `embeds`."""

    dimensions: int
    usage: Usage | None = None
    latency: float = 0.0

    def vector(self, text: str, dimensions: int | None = None) -> Vector:
        """The vector of a text: of length 1, and of numbers that 32-bit floats hold exactly."""
        size = dimensions or self.dimensions
        noise = hashlib.shake_128(text.encode()).digest(2 * size)
        raw = [int.from_bytes(noise[2 * at : 2 * at + 2]) - 32767.5 for at in range(size)]
        length = sum(number * number for number in raw) ** 0.5
        return array("f", (number / length for number in raw)).tolist()

    async def play(self, reply: Reply) -> None:
        asked, codec = reply.request.embed, codec_of_path(reply.request.path)
        if asked is None or codec is None:
            raise ConfigError(
                f"embeds() answers requests for vectors, and {reply.request.path} is none", field="script"
            )
        words = sum(len(text.split()) for text in asked.inputs)
        response = EmbedResponse(
            vectors=tuple(self.vector(text, asked.dimensions) for text in asked.inputs),
            usage=self.usage if self.usage is not None else Usage(input_tokens=words),
            model=asked.model,
        )
        await reply.sleep(self.latency)
        await reply.send(200, JSON, codec.encode_response(response, asked))


class Counts(msgspec.Struct, frozen=True):
    """A number of tokens.  See `counts`."""

    tokens: int

    async def play(self, reply: Reply) -> None:
        counting = COUNTINGS.get(reply.request.wire or "")
        if counting is None or not reply.request.path.endswith(counting.question):
            raise ConfigError(
                f"counts() answers questions for a count, and {reply.request.path} is none", field="script"
            )
        await reply.send(
            200, JSON, msgspec.json.encode({"object": "response.input_tokens", counting.answer: self.tokens})
        )


def embeds(dimensions: int = 8, *, usage: Usage | None = None, latency: float = 0.0) -> Embeds:
    """
    Answer with one vector for each text, always the same for the same text.

    Args:
        dimensions: Length of the vectors, where the request does not say.
        usage: Tokens.  None counts words; `Usage()` is a provider that says nothing.
        latency: Seconds before the answer.

    >>> len(embeds(3).vector("hello"))
    3
    """
    if dimensions < 1:
        raise ConfigError(f"dimensions is {dimensions}: give 1 or more", field="dimensions")
    return Embeds(dimensions=dimensions, usage=usage, latency=latency)


def counts(tokens: int) -> Counts:
    """Answer the question how many tokens a prompt is."""
    return Counts(tokens)
