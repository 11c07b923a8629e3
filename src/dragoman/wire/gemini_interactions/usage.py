"""
Token counts, both ways.

`total_input_tokens` holds cached tokens; what the model read of its own tools (`total_tool_use_tokens`) and what it
thought (`total_thought_tokens`) stand outside the other counts, the neutral `Usage` has them inside.

Sources: google-genai SDK 3.4.0 (`Usage`); the recordings, whose totals add up so.
"""

from __future__ import annotations

from typing import Any

from dragoman.types.usage import Usage
from dragoman.wire.lenient import known, list_of, object_of, whole


def decode_usage(value: Any) -> Usage:
    """Read a `usage`."""
    sent = object_of(value)
    thoughts = whole(sent.get("total_thought_tokens"))
    return Usage(
        input_tokens=_sum(sent, "total_input_tokens", "total_tool_use_tokens"),
        output_tokens=_sum(sent, "total_output_tokens", "total_thought_tokens"),
        cache_read_tokens=whole(sent.get("total_cached_tokens")),
        reasoning_tokens=thoughts,
        input_audio_tokens=_audio(sent.get("input_tokens_by_modality")),
        output_audio_tokens=_audio(sent.get("output_tokens_by_modality")),
        details=sent or None,
    )


def _sum(sent: dict[str, Any], name: str, more: str) -> int | None:
    count = whole(sent.get(name))
    return None if count is None else count + (whole(sent.get(more)) or 0)


def _audio(details: Any) -> int | None:
    rows = [object_of(row) for row in list_of(details)]
    return next((whole(row.get("tokens")) for row in rows if row.get("modality") == "audio"), None)


def encode_usage(usage: Usage) -> dict[str, Any]:
    """Write what is known; the provider's own object where it is in this dialect."""
    if usage.details and decode_usage(usage.details) == usage:
        return usage.details
    said = None if usage.output_tokens is None else max(0, usage.output_tokens - (usage.reasoning_tokens or 0))
    return known(
        {
            "total_input_tokens": usage.input_tokens,
            "total_output_tokens": said,
            "total_thought_tokens": usage.reasoning_tokens,
            "total_cached_tokens": usage.cache_read_tokens,
            "total_tokens": usage.total_tokens,
            "input_tokens_by_modality": _modality(usage.input_audio_tokens),
            "output_tokens_by_modality": _modality(usage.output_audio_tokens),
        }
    )


def _modality(audio: int | None) -> list[dict[str, Any]] | None:
    return None if audio is None else [{"modality": "audio", "tokens": audio}]
