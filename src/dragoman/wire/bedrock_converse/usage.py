"""
Token counts, both ways.

Bedrock counts cached tokens outside `inputTokens`, the neutral `Usage` inside, so that it is always what the model
read.  The recordings show it: `totalTokens` is the sum of input, output, cache reads and cache writes.

Source: service model of `bedrock-runtime` (`TokenUsage`); Bedrock user guide, prompt caching.
"""

from __future__ import annotations

from typing import Any

from dragoman.types.usage import Usage
from dragoman.wire.lenient import known, list_of, object_of, whole


def decode_usage(details: dict[str, Any]) -> Usage:
    """The neutral form of a `usage` object; `details` is kept as sent."""
    fresh = whole(details.get("inputTokens"))
    read = whole(details.get("cacheReadInputTokens"))
    written = whole(details.get("cacheWriteInputTokens"))
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=whole(details.get("outputTokens")),
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=_written_for_an_hour(details),
        details=details or None,
    )


def _written_for_an_hour(details: dict[str, Any]) -> int | None:
    counts = [
        whole(object_of(item).get("inputTokens"))
        for item in list_of(details.get("cacheDetails"))
        if object_of(item).get("ttl") == "1h"
    ]
    return sum(count or 0 for count in counts) if counts else None


def encode_usage(usage: Usage) -> dict[str, Any]:
    """
    A `usage` object.  The provider's own is passed on where it is in this dialect.

    Its three counts are required by the dialect: what is not known is sent as 0.
    """
    details = usage.details
    if details and {"inputTokens", "outputTokens"} <= details.keys() and decode_usage(details) == usage:
        return details
    cached = known({"cacheReadInputTokens": usage.cache_read_tokens, "cacheWriteInputTokens": usage.cache_write_tokens})
    long = usage.cache_write_1h_tokens
    return {
        "inputTokens": usage.fresh_input_tokens or 0,
        "outputTokens": usage.output_tokens or 0,
        "totalTokens": (usage.input_tokens or 0) + (usage.output_tokens or 0),
        **cached,
        **({"cacheDetails": [{"ttl": "1h", "inputTokens": long}]} if long is not None else {}),
    }
