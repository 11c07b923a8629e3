"""
Token counts, both ways.

Anthropic counts cached tokens outside `input_tokens`, the neutral `Usage` inside, so that it is always what the model
read.  Thinking is inside `output_tokens` in both.

Source: the vendor's pages on prompt caching and on usage; SDK 2.12, `types/usage.py`.
"""

from __future__ import annotations

from typing import Any

from dragoman.types.usage import Usage
from dragoman.wire.lenient import object_of


def decode_usage(details: dict[str, Any]) -> Usage:
    """The neutral form of a `usage` object; `details` is kept as sent."""
    fresh = _count(details, "input_tokens")
    read = _count(details, "cache_read_input_tokens")
    written = _count(details, "cache_creation_input_tokens")
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=_count(details, "output_tokens"),
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=_count(details.get("cache_creation"), "ephemeral_1h_input_tokens"),
        reasoning_tokens=_count(details.get("output_tokens_details"), "thinking_tokens"),
        details=details or None,
    )


def _count(source: Any, key: str) -> int | None:
    value = object_of(source).get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def encode_usage(usage: Usage) -> dict[str, Any]:
    """
    A `usage` object.  The provider's own is passed on where it is in this dialect.

    `input_tokens` and `output_tokens` are required by the dialect: what is not known is sent as 0.
    """
    details = usage.details
    if details and {"input_tokens", "output_tokens"} <= details.keys() and decode_usage(details) == usage:
        return details
    return {"input_tokens": usage.fresh_input_tokens or 0, "output_tokens": usage.output_tokens or 0} | _cached(usage)


def _cached(usage: Usage) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if usage.cache_read_tokens is not None:
        fields["cache_read_input_tokens"] = usage.cache_read_tokens
    if usage.cache_write_tokens is not None:
        fields["cache_creation_input_tokens"] = usage.cache_write_tokens
    if usage.cache_write_1h_tokens is not None:
        short = max(0, (usage.cache_write_tokens or 0) - usage.cache_write_1h_tokens)
        fields["cache_creation"] = {
            "ephemeral_5m_input_tokens": short,
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        }
    if usage.reasoning_tokens is not None:
        fields["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return fields
