"""
Token counts, both ways.

`promptTokenCount` holds cached tokens; what the model read of its own tools (`toolUsePromptTokenCount`) and what it
thought (`thoughtsTokenCount`) stand outside the other counts, the neutral `Usage` has them inside.

Rule: counts of zero are left out of the JSON, as of every protocol buffer, so input and output that are absent from a
`usageMetadata` are 0.

Sources: google-genai SDK 3.4.0 (`GenerateContentResponseUsageMetadata`); the recordings, whose totals add up so.
"""

from __future__ import annotations

from typing import Any

from dragoman.types.usage import Usage
from dragoman.wire.lenient import known, list_of, object_of, whole


def decode_usage(value: Any) -> Usage | None:
    """Read a `usageMetadata`; None if there is none."""
    sent = object_of(value)
    if not sent:
        return None
    thoughts = whole(sent.get("thoughtsTokenCount"))
    return Usage(
        input_tokens=_count(sent, "promptTokenCount") + _count(sent, "toolUsePromptTokenCount"),
        output_tokens=_count(sent, "candidatesTokenCount") + (thoughts or 0),
        cache_read_tokens=whole(sent.get("cachedContentTokenCount")),
        reasoning_tokens=thoughts,
        input_audio_tokens=_audio(sent.get("promptTokensDetails")),
        output_audio_tokens=_audio(sent.get("candidatesTokensDetails")),
        details=sent,
    )


def counts(value: Any) -> bool:
    """Whether a `usageMetadata` counts anything yet; the first chunks of a stream may hold only a tier."""
    return any(name.endswith("TokenCount") for name in object_of(value))


def _count(sent: dict[str, Any], name: str) -> int:
    return whole(sent.get(name)) or 0


def _audio(details: Any) -> int | None:
    rows = [object_of(row) for row in list_of(details)]
    return next((whole(row.get("tokenCount")) for row in rows if row.get("modality") == "AUDIO"), None)


def encode_usage(usage: Usage) -> dict[str, Any] | None:
    """Write what is known; the provider's own object where it is in this dialect; None if neither side is known."""
    if usage.details and decode_usage(usage.details) == usage:
        return usage.details
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    said = None if usage.output_tokens is None else max(0, usage.output_tokens - (usage.reasoning_tokens or 0))
    return known(
        {
            "promptTokenCount": usage.input_tokens,
            "candidatesTokenCount": said,
            "thoughtsTokenCount": usage.reasoning_tokens,
            "cachedContentTokenCount": usage.cache_read_tokens,
            "totalTokenCount": usage.total_tokens,
            "promptTokensDetails": _modality(usage.input_audio_tokens),
            "candidatesTokensDetails": _modality(usage.output_audio_tokens),
        }
    )


def _modality(audio: int | None) -> list[dict[str, Any]] | None:
    return None if audio is None else [{"modality": "AUDIO", "tokenCount": audio}]
