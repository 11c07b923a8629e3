"""
The most that a call can cost, before it is sent.

    most = input tokens x dearest input price + n x output tokens x dearest output price

Input: one token for two bytes of UTF-8, which is twice what prose takes and more than code does; pictures, sound and
files by what providers charge for large ones; never more than the model can read.  Output: `max_tokens`, else all that
the model can write by the catalogue, else 32,768 tokens.  Reasoning is output.  What a provider adds by itself (what
its web search reads, an earlier answer that it keeps) cannot be known; it counts when the call settles.

Rule: nothing here is clever, and nothing is ever too low for want of a guess.  A price that is needed and not known
makes the whole estimate unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import msgspec

from dragoman.catalog.cost import STANDARD, is_free
from dragoman.policy.base import Context
from dragoman.policy.budget.money import nano
from dragoman.policy.budget.prompt import BYTES_PER_TOKEN, EACH, measure, size
from dragoman.types.models import Model, Prices
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest

if TYPE_CHECKING:
    from dragoman.policy.route.way import Node, Stop, Way

# Output of a model of which nobody says how much it writes.
UNKNOWN_OUTPUT: Final = 32_768
# Anthropic's dialect needs a cap, and this is sent where none is known.
_ANTHROPIC_OUTPUT: Final = 4_096
# OpenAI's Responses API takes no lower cap.
_LEAST_OUTPUT: Final = 16


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a call may cost, in nano-dollars.

    Attributes:
        most: At the most.
        prompt: Tokens that the prompt is likely to be.
        input: For each of them.
        output: For each token of output.
        tokens: Tokens of output that `most` counts with, of all answers together.
        capped: Whether the caller has set `max_tokens`.
    """

    most: int
    prompt: int = 0
    input: int = 0
    output: int = 0
    tokens: int = 0
    capped: bool = True

    @property
    def least(self) -> int:
        """What a request is charged of which nobody knows more than that it was sent: its prompt."""
        return self.prompt * self.input


FREE: Final = Estimate(most=0)

Locate = Callable[[str], tuple[Provider, Model | None]]
"""From a model reference to its provider's row and what is known of the model."""


class Price(Protocol):
    """What calls may cost; None where a price is not known."""

    def __call__(self, request: ChatRequest, context: Context, /) -> Estimate | None:
        """Of a chat."""
        ...

    def texts(self, ref: str, texts: Sequence[str], /) -> Estimate | None:
        """Of vectors for texts."""
        ...


class _Band(msgspec.Struct, frozen=True):
    """Nano-dollars for a token, for prompts of more than `above` tokens."""

    above: int
    fresh: int
    input: int
    longer: int
    sound: int
    output: int


class _Rates(msgspec.Struct, frozen=True):
    """What one model takes in one tier."""

    bands: tuple[_Band, ...]
    context: int | None
    cap: int | None
    plain_cap: int | None
    anthropic: bool


class Pricing:
    """
    Estimates calls to models, and to plans of several.

    Args:
        locate: Finds provider and facts of a reference.
    """

    def __init__(self, locate: Locate) -> None:
        self._locate = locate
        self._found: dict[tuple[str, str | None], _Rates | None] = {}

    def __call__(self, request: ChatRequest, context: Context) -> Estimate | None:
        """Of a chat: of a plan the dearest target, as often as a hedge asks at once.  None if a price is not known."""
        if context.plan is None:
            return self.model(request, request.model)
        way = cast("Way", context.plan)
        whole, times = dearest(self.model(request, stop.model) for stop in way.stops), _at_once(way.root)
        return whole if whole is None or times == 1 else msgspec.structs.replace(whole, most=whole.most * times)

    def model(self, request: ChatRequest, ref: str) -> Estimate | None:
        """Of a chat with the model `ref`, whatever the request says."""
        rates = self._rates(ref, request.service_tier)
        if rates is None or not rates.bands:
            return None if rates is None else FREE
        prompt, sound, longer = measure(request)
        if rates.context is not None and prompt > rates.context:
            prompt = rates.context
        output = _output(request, rates)
        tokens = output * _answers(request)
        return _estimate(_band(rates, prompt), prompt, tokens, sound, longer, request.max_tokens is not None)

    def texts(self, ref: str, texts: Sequence[str]) -> Estimate | None:
        """Of vectors for texts; None if a price is not known."""
        rates = self._rates(ref, None)
        if rates is None or not rates.bands:
            return None if rates is None else FREE
        prompt = sum(size(text) for text in texts) // BYTES_PER_TOKEN + EACH * len(texts)
        return _estimate(_band(rates, prompt), prompt, 0, 0, False, True)

    def _rates(self, ref: str, tier: str | None) -> _Rates | None:
        asked = (ref, tier)
        try:
            return self._found[asked]
        except KeyError:
            found = self._found[asked] = _rates(*self._locate(ref), tier or "")
            return found


def _at_once(way: Stop | Node) -> int:
    """How many requests of one call may be under way at once."""
    ways: Sequence[Stop | Node] = getattr(way, "ways", ())
    hedged: int = getattr(getattr(way, "plan", None), "most", 1)
    return hedged * max(map(_at_once, ways), default=1)


def dearest(estimates: Iterable[Estimate | None]) -> Estimate | None:
    """The most that any of several ways to answer can cost; None if that of one is not known."""
    whole: Estimate | None = None
    for one in estimates:
        if one is None:
            return None
        whole = one if whole is None else _dearer(whole, one)
    return whole


def _dearer(one: Estimate, other: Estimate) -> Estimate:
    return Estimate(
        most=max(one.most, other.most),
        prompt=max(one.prompt, other.prompt),
        input=max(one.input, other.input),
        output=max(one.output, other.output),
        tokens=max(one.tokens, other.tokens),
        capped=one.capped and other.capped,
    )


def _estimate(band: _Band, prompt: int, tokens: int, sound: int, longer: bool, capped: bool) -> Estimate:
    each = band.longer if longer else band.input
    most = (prompt - min(sound, prompt)) * each + sound * max(band.sound, each) + tokens * band.output
    return Estimate(
        most=most, prompt=max(1, prompt // 2), input=band.fresh, output=band.output, tokens=tokens, capped=capped
    )


# --- prices -----------------------------------------------------------------------------------------------------------


def _rates(provider: Provider, facts: Model | None, tier: str) -> _Rates | None:
    """What a model takes; without bands if nothing, None if that is not known."""
    if is_free(provider, facts):
        return _Rates((), None, None, None, False)
    if facts is None:
        return None
    name = "" if tier.lower() in STANDARD else tier.lower()
    bands = [_priced(prices, facts.kind) for prices in facts.prices if prices.tier == name]
    known = sorted((band for band in bands if band is not None), key=lambda band: band.above)
    if not known or len(known) < len(bands):
        return None
    if not any(band.input or band.output for band in known):
        known = []
    return _Rates(tuple(known), facts.context, facts.max_output, facts.max_plain_output, "anthropic" in provider.wire)


def _priced(prices: Prices, kind: str) -> _Band | None:
    output = prices.output if kind != "embedding" else Decimal(0)
    if prices.input is None or output is None:
        return None
    dear = _dearest(prices.input, prices.cache_write)
    return _Band(
        prices.above,
        _dearest(prices.input),
        dear,
        max(dear, _dearest(prices.cache_write_1h)),
        _dearest(prices.audio_input),
        _dearest(output, prices.reasoning, prices.audio_output),
    )


def _dearest(*prices: Decimal | None) -> int:
    """Nano-dollars for a token at the highest of some prices per million."""
    return max(nano((price or Decimal(0)) / 1_000_000) for price in prices)


def _band(rates: _Rates, prompt: int) -> _Band:
    """The prices for a prompt of that length."""
    bands = rates.bands
    if len(bands) == 1:
        return bands[0]
    return next((band for band in reversed(bands) if band.above < prompt), bands[0])


# --- output -----------------------------------------------------------------------------------------------------------


def _output(request: ChatRequest, rates: _Rates) -> int:
    """Tokens that one answer can be, as `catalog.accept` and the wires send it."""
    cap = rates.cap
    if rates.plain_cap is not None and not request.stream and (cap is None or rates.plain_cap < cap):
        cap = rates.plain_cap
    asked = request.max_tokens
    if asked is not None:
        return max(asked if cap is None else min(asked, cap), _LEAST_OUTPUT)
    if cap is not None:
        return cap
    if rates.anthropic:
        return _ANTHROPIC_OUTPUT + (request.reasoning.budget_tokens or 0 if request.reasoning else 0)
    return min(UNKNOWN_OUTPUT, rates.context or UNKNOWN_OUTPUT)


def _answers(request: ChatRequest) -> int:
    """How many answers are asked for."""
    asked: Any = request.n or 1
    if request.extra is not None:
        asked = request.extra.get("n", asked)
    return asked if isinstance(asked, int) and asked > 1 else 1
