"""
How many tokens a chat request is.

The texts are counted or estimated; a picture, a sound or a file has a price of its own that no tokenizer knows, so a
request with one is never exact, nor is one with tools or a schema: providers write those into the prompt in words of
their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from dragoman.tokens.encodings import SURE, Encoding, counter, encoding_of
from dragoman.tokens.estimate import estimate
from dragoman.types.cards import TokenCount
from dragoman.types.messages import Audio, File, Image, Message, Opaque, Reasoning, Refusal, Text, ToolCall, ToolResult
from dragoman.types.requests import ChatRequest

# What a picture costs is from 85 to some 1,600 tokens at OpenAI and Anthropic, by size and detail; a second of sound is
# 10 to 32; a page of a PDF is 1,500 to 3,000 at Anthropic.
_IMAGE: Final = 1000
_AUDIO: Final = 1000
_FILE: Final = 2000

# How much longer the same text is in the tokens of another maker than in o200k_base, by the name that a provider or a
# maker has in references; 1 where nothing is known.
_LONGER: Final[dict[str, float]] = {}


def count_prompt(request: ChatRequest, provider: str, model: str) -> TokenCount:
    """
    Count a request without asking anyone.

    Args:
        request: What would be asked.
        provider: Name of the provider row.
        model: The bare model name.
    """
    encoding = encoding_of(model)
    count = counter(encoding.name) if encoding else None
    if encoding is None or count is None:
        chat = Encoding(_NO_NAME, "", 3, 4) if encoding is None else encoding
        tokens = _tokens(request, chat, lambda text: round(_longer(provider, model) * estimate(text)))
        return TokenCount(tokens=tokens, exact=False, source="estimate")
    exact = encoding.sure and provider in SURE and _is_plain(request)
    return TokenCount(tokens=_tokens(request, encoding, count), exact=exact, source=encoding.name)
