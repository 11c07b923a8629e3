"""
What is said of an answer beside its text: tokens, time and cost in a line, and all that is known of it as data.

Rule: what a provider did not say is a question mark in the line, and null in the data.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman import ChatResponse
from dragoman.cli.words import t

_NUMBERS: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")


def usage_line(
    response: ChatResponse, seconds: float, *, free: bool = False, unit: str = "", first: float | None = None
) -> str:
    """
    Tokens, time and cost.

    Args:
        response: The answer.
        seconds: That it took.
        free: Whether the model runs on one's own machine.
        unit: What was counted, if not tokens.
        first: Seconds until the first token came; None if it is not told.
    """
    usage = response.usage
    cost = f"${response.cost:.4f}" if response.cost is not None else t("ask.free" if free else "ask.cost_unknown")
    begun = f" (first token {first:.2f} s)" if first is not None else ""
    return (
        f"{_count(usage.input_tokens)}{unit} in · {_count(usage.output_tokens)}{unit} out"
        f" · {seconds:.1f} s{begun} · {cost}"
    )


def answer_data(
    response: ChatResponse, seconds: float, *, complete: bool = True, simulated: bool = False
) -> dict[str, Any]:
    """
    All but its reasoning and its refusal, for JSON.

    Args:
        response: The answer.
        seconds: That it took.
        complete: Whether it came to its end.
        simulated: Whether it is known to be none of a model's, whatever it says itself.
    """
    return {
        "text": response.text,
        "model": response.model,
        "provider": response.provider,
        "finish_reason": response.finish_reason,
        "complete": complete,
        "usage": {name: getattr(response.usage, name) for name in _NUMBERS},
        "cost": response.cost,
        "simulated": response.simulated or simulated,
        "id": response.id,
        "request_id": response.request_id,
        "notices": [msgspec.to_builtins(notice) for notice in response.notices],
        "attempts": [msgspec.to_builtins(attempt) for attempt in response.attempts],
        "seconds": round(seconds, 3),
    }


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}".replace(",", " ")
