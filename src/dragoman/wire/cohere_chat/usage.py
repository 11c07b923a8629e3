"""
Token counts, both ways.

Rule: `tokens` is what the model read and wrote, cached tokens included; `billed_units` is another measure (what the
caller added, without the vendor's own instructions) and never stands in for it.  It stays in `details`.

Source: Cohere SDK 7.3, `types/usage.py`; the recordings.
"""

from __future__ import annotations

from typing import Any

from dragoman.types.usage import Usage
from dragoman.wire.lenient import known, object_of, whole


def decode_usage(value: Any) -> Usage:
    """Read a usage object; a `Usage` that knows nothing if there is none."""
    sent = object_of(value)
    tokens = object_of(sent.get("tokens"))
    return Usage(
        input_tokens=whole(tokens.get("input_tokens")),
        output_tokens=whole(tokens.get("output_tokens")),
        cache_read_tokens=whole(sent.get("cached_tokens")),
        details=sent or None,
    )


def encode_usage(usage: Usage) -> dict[str, Any] | None:
    """Write what is known; the provider's own object where it is of this dialect; None if nothing is known."""
    if usage.details and decode_usage(usage.details) == usage:
        return usage.details
    tokens = known({"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens})
    return known({"tokens": tokens or None, "cached_tokens": usage.cache_read_tokens}) or None
