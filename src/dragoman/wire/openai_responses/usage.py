"""
Token counts of the dialect, both ways.

`input_tokens` holds cached tokens and `output_tokens` holds reasoning, as in the neutral `Usage`.

Source: OpenAI's OpenAPI file (`ResponseUsage`).
"""

from __future__ import annotations

from typing import Any

from dragoman.types.usage import Usage
from dragoman.wire.lenient import known, object_of, whole


def decode_usage(value: Any) -> Usage:
    """Read a usage object; a `Usage` that knows nothing if there is none."""
    sent = object_of(value)
    read, written = object_of(sent.get("input_tokens_details")), object_of(sent.get("output_tokens_details"))
    return Usage(
        input_tokens=whole(sent.get("input_tokens")),
        output_tokens=whole(sent.get("output_tokens")),
        cache_read_tokens=whole(read.get("cached_tokens")),
        cache_write_tokens=whole(read.get("cache_write_tokens")),
        reasoning_tokens=whole(written.get("reasoning_tokens")),
        input_audio_tokens=whole(read.get("audio_tokens")),
        output_audio_tokens=whole(written.get("audio_tokens")),
        details=sent or None,
    )


def encode_usage(usage: Usage) -> dict[str, Any] | None:
    """
    Write what is known; the provider's own object where it is of this dialect; None if neither side is known.

    The official SDKs look for every count; what is not known is null.
    """
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    if usage.details and decode_usage(usage.details) == usage:
        return usage.details
    read = {"cache_write_tokens": usage.cache_write_tokens, "audio_tokens": usage.input_audio_tokens}
    written = {"audio_tokens": usage.output_audio_tokens}
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cache_read_tokens, **known(read)},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens, **known(written)},
        "total_tokens": usage.total_tokens,
    }
