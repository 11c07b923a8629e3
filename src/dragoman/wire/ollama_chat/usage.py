"""
Token counts and times of the dialect, both ways.

Rule: numbers are taken as sent.  The server leaves out a count of zero, so an absent one is not known; it counts no
cached and no reasoning tokens apart.

Source: Ollama's OpenAPI file (`ChatResponse`); durations are nanoseconds.
"""

from __future__ import annotations

from typing import Any, Final

from dragoman.types.usage import Usage
from dragoman.wire.lenient import known, whole
from dragoman.wire.ollama_chat.dialect import Answer

_FIELDS: Final = (
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
)


def decode_usage(answer: Answer) -> Usage | None:
    """What an answer or line says of its cost; None if it says nothing."""
    return usage_of(known({name: getattr(answer, name) for name in _FIELDS}))


def usage_of(details: dict[str, Any]) -> Usage | None:
    """The neutral form of these fields."""
    if not details:
        return None
    return Usage(
        input_tokens=whole(details.get("prompt_eval_count")),
        output_tokens=whole(details.get("eval_count")),
        details=details,
    )


def encode_usage(usage: Usage) -> dict[str, Any]:
    """Write what is known; the server's own times go on where they are of this dialect."""
    details = usage.details or {}
    if set(details) <= set(_FIELDS) and usage_of(details) == usage:
        return details
    return known({"prompt_eval_count": usage.input_tokens, "eval_count": usage.output_tokens})
