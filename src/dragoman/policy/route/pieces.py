"""
The pieces of an answer that broke off: which answers may have any, what of them stays, and what they used together.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import msgspec

from dragoman.errors import DragomanError
from dragoman.types.events import (
    CitationDelta,
    Event,
    Finish,
    MessageNative,
    PartAdded,
    PartEnd,
    ProviderEvent,
    ReasoningDelta,
    Start,
    TextDelta,
    UsageUpdate,
)
from dragoman.types.fold import unfold
from dragoman.types.messages import Reasoning
from dragoman.types.requests import ChatRequest
from dragoman.types.usage import Usage

_WORDS: Final = (
    Start,
    TextDelta,
    ReasoningDelta,
    PartEnd,
    CitationDelta,
    UsageUpdate,
    ProviderEvent,
    MessageNative,
    Finish,
)

# Fields of a body by which a form or tools are asked for in a dialect's own words.
_FORMS: Final = frozenset({"tools", "functions", "response_format", "format", "text", "output_config", "modalities"})


def recoverable(request: ChatRequest) -> bool:
    """Whether the answer will be words, one answer, and in no form that a seam would break."""
    form = request.output is not None and request.output.kind != "text"
    return not (request.tools or form or (request.n or 1) > 1 or _asks_for_form(request))


def _asks_for_form(request: ChatRequest) -> bool:
    fields: list[Any] = [request.extra, *(request.native or {}).values()]
    return any(name in one for one in fields if isinstance(one, dict) for name in _FORMS)


def is_words(event: Event) -> bool:
    """Whether an event brings words, or nothing that a seam would break."""
    return isinstance(event, _WORDS) or (isinstance(event, PartAdded) and isinstance(event.part, Reasoning))


def has_words(error: DragomanError) -> bool:
    """Whether a plain call broke off with some words: its answer came in pieces and was cut."""
    return error.partial is not None and bool(error.partial.text)


def words_of(error: DragomanError) -> list[Event]:
    """What of a cut answer stays: its words, and nothing of its end."""
    cut = unfold(error.partial) if error.partial is not None else []
    return [event for event in cut if not isinstance(event, Finish | UsageUpdate)]


_COUNTS: Final = tuple(name for name in Usage.__struct_fields__ if name != "details")


def total(usages: list[Usage]) -> Usage:
    """
    The sum of what several pieces used; `details["pieces"]` has each as its provider told it.

    A number that one of them did not tell is not known of all; of those that are parts of others, none told is none.
    """
    sums: dict[str, int | None] = {}
    for name in _COUNTS:
        told: list[int | None] = [getattr(usage, name) for usage in usages]
        known = [number for number in told if number is not None]
        whole = name in ("input_tokens", "output_tokens")
        sums[name] = None if not known or (whole and len(known) < len(told)) else sum(known)
    pieces = [msgspec.to_builtins(msgspec.structs.replace(usage, details=None)) for usage in usages]
    return Usage(details={"pieces": pieces}, **sums)


def sum_of(costs: Iterable[Decimal | None]) -> Decimal | None:
    """US dollars of all pieces, or None if one of them is not known."""
    known: list[Decimal] = []
    for cost in costs:
        if cost is None:
            return None
        known.append(cost)
    return sum(known, Decimal(0))
