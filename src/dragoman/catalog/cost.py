"""
What an answer cost.

    cost = sum over parts of tokens x price / 1,000,000

The parts of the input (cached, written to the cache, sound, the rest) are disjoint, and so are those of the output.
The length of the whole prompt decides the band: past a step (272,000 tokens with OpenAI's long-context models) every
token of the request has the higher price, not only those past the step.

Rule: a part whose number or price is not known makes the whole cost unknown, never zero.

Sources: OpenAI and Anthropic, pricing pages of November 2026 (steps, cached and batch rates); the prices are the
catalogue's.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from dragoman.types.cost import Cost
from dragoman.types.models import Model, Prices
from dragoman.types.providers import Provider
from dragoman.types.responses import ChatResponse
from dragoman.types.usage import Usage

_MILLION: Final = 1_000_000
_ZERO: Final = Decimal(0)

# Whose models are no provider's: nothing goes over a network, and nothing is charged.
_INSIDE: Final = ("sim:", "local:")

# What providers call the tier that costs what the price list says.
STANDARD: Final = frozenset({"", "auto", "default", "standard", "standard_only", "on_demand"})


def cost(usage: Usage, model: Model, tier: str = "") -> Cost | None:
    """
    Price what was used.

    Args:
        usage: Tokens.
        model: Whose prices hold.
        tier: `""` for the standard tier, else as `Prices.tier` names it (`batch`, `flex`, `priority`).

    Returns:
        The parts and their sum, or None if a number or a price that is needed is not known.

    >>> from dragoman.types.models import Prices
    >>> luna = Model(prices=(Prices(input=Decimal("0.1"), output=Decimal("0.4")),))
    >>> cost(Usage(input_tokens=1000, output_tokens=500), luna).total
    Decimal('0.0003')
    """
    prices = model.price(usage.input_tokens or 0, "" if tier.lower() in STANDARD else tier.lower())
    if prices is None:
        return None
    parts: dict[str, Decimal] = {}
    for name, count, price in _parts(usage, prices):
        if count == 0:
            continue
        charged = _charge(count, price)
        if charged is None:
            return None
        parts[name] = parts.get(name, _ZERO) + charged
    return Cost(total=sum(parts.values(), _ZERO), **parts)


def cost_of(response: ChatResponse, model: Model, asked: str | None = None) -> Cost | None:
    """
    Price an answer by the tier that its provider says it used, else by the one that was asked for.

    Args:
        response: A whole answer.
        model: What is known of its model.
        asked: The request's `service_tier`.
    """
    return cost(response.usage, model, _tier(response) or asked or "")


def is_free(provider: Provider, model: Model | None) -> bool:
    """Whether nobody charges for it: no provider is asked, and the caller has given no price."""
    return provider.base_url.startswith(_INSIDE) and not (model is not None and model.prices)


def _parts(usage: Usage, prices: Prices) -> tuple[tuple[str, int | None, Decimal | None], ...]:
    """Name, tokens and price of each disjoint part."""
    read, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    longer = usage.cache_write_1h_tokens or 0
    heard, said = usage.input_audio_tokens or 0, usage.output_audio_tokens or 0
    thought = (usage.reasoning_tokens or 0) if prices.reasoning is not None else 0
    return (
        ("input", _rest(usage.input_tokens, read, written, heard), prices.input),
        ("cache_read", read, prices.cache_read),
        ("cache_write", _rest(written, longer), prices.cache_write),
        ("cache_write", longer, prices.cache_write_1h),
        ("audio_input", heard, prices.audio_input),
        ("output", _rest(usage.output_tokens, thought, said), prices.output),
        ("reasoning", thought, prices.reasoning),
        ("audio_output", said, prices.audio_output),
    )


def _rest(whole: int | None, *parts: int) -> int | None:
    """What is left of a number; None where it is not known, or where its parts are more than it."""
    left = None if whole is None else whole - sum(parts)
    return None if left is None or left < 0 else left


def _charge(count: int | None, price: Decimal | None) -> Decimal | None:
    if price == 0:
        return _ZERO
    return None if count is None or price is None else count * price / _MILLION


class _Told(msgspec.Struct):
    """The field of an answer in which OpenAI and those who speak its dialect name the tier."""

    service_tier: str | None = None


def _tier(response: ChatResponse) -> str | None:
    """The tier that the provider names: in the usage (Anthropic, Gemini), at the end or in the body (OpenAI)."""
    for told in (response.usage.details, response.finish_details):
        named = _named(told) if told else None
        if named is not None:
            return named
    if response.body is None:
        return None
    try:
        return msgspec.json.decode(response.body, type=_Told).service_tier
    except msgspec.DecodeError:
        return None


def _named(told: Mapping[str, Any]) -> str | None:
    """
    The tier of one object of an answer.

    Anthropic's fast mode is not in its `service_tier`, and has prices of its own.
    """
    if told.get("speed") == "fast":
        return "fast"
    named = told.get("service_tier", told.get("serviceTier"))
    return named if isinstance(named, str) else None
