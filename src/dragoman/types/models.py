"""What is known of a model, as data."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

Ability = Literal[
    "tools",
    "tool_choice",
    "forced_tools",
    "parallel_tools",
    "images",
    "pdf",
    "audio",
    "video",
    "audio_out",
    "reasoning",
    "reasoning_always",
    "adaptive_reasoning",
    "budget_reasoning",
    "json_schema",
    "cache",
    "prefill",
    "sampling",
    "system",
    "later_system",
    "web_search",
]


class Prices(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Prices in US dollars per million tokens, for one tier and prompts of one length; None where none is known.

    Attributes:
        tier: `""` for the standard tier, else `batch`, `flex`, `priority`...
        above: They hold for prompts of more than this many tokens.
        input: Fresh input.
        output: Output, reasoning included unless it has a price of its own.
        cache_read: Input that comes from the provider's cache.
        cache_write: Input that is written to it.
        cache_write_1h: Input that is written to it for the longer lifetime.
        audio_input: Sound that is read.
        audio_output: Sound that is made.
        reasoning: Reasoning, where it is priced apart.
    """

    tier: str = ""
    above: int = 0
    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    reasoning: Decimal | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    What is known of a model.  Unknown is None or empty, and never taken for a no.

    Attributes:
        kind: `chat`, `completion` or `embedding`.
        context: Tokens that it can read.
        max_output: Tokens that it can write.
        dimensions: Length of its vectors, for embeddings.
        retires: The day on which its provider takes it away.
        efforts: Levels of reasoning effort that it takes.
        only_responses: Only OpenAI's Responses API serves it.
        chat_tools: Whether Chat Completions serves it with tools: `always`, `without_reasoning` or `never`.
        max_plain_output: Tokens that it can write in an answer that is not streamed, where that is less.
        yes: What it can.
        no: What it cannot.
        prices: By tier and length of the prompt.
    """

    kind: Literal["chat", "completion", "embedding"] = "chat"
    context: int | None = None
    max_output: int | None = None
    dimensions: int | None = None
    retires: date | None = None
    efforts: tuple[str, ...] = ()
    only_responses: bool = False
    chat_tools: Literal["always", "without_reasoning", "never"] = "always"
    max_plain_output: int | None = None
    yes: tuple[Ability, ...] = ()
    no: tuple[Ability, ...] = ()
    prices: tuple[Prices, ...] = ()

    def can(self, ability: Ability) -> bool | None:
        """Whether it can; None if nobody said."""
        return True if ability in self.yes else False if ability in self.no else None

    def price(self, input_tokens: int = 0, tier: str = "") -> Prices | None:
        """The prices that hold for a prompt of that length in that tier; None if none are known."""
        if len(self.prices) == 1:
            (price,) = self.prices
            return price if price.tier == tier and price.above < max(input_tokens, 1) else None
        fitting = [price for price in self.prices if price.tier == tier and price.above < max(input_tokens, 1)]
        return max(fitting, key=lambda price: price.above, default=None)
