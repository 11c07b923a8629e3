"""What a conversation is about to send, as its caller sees it."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

Why = Literal["instructions", "pinned", "summary", "window", "asked"]
Prefix = Literal["new", "unchanged", "moved"]


class SentMessage(msgspec.Struct, frozen=True, kw_only=True):
    """
    One message that will be sent.

    Attributes:
        role: Of the message.
        tokens: About how many it is.
        turn: Id under which it was said; None for instructions, a summary, what was imported, and what is asked now.
        why: `instructions`, `pinned` (before the window), `summary`, `window`, or `asked`.
        text: How it begins.
    """

    role: str
    tokens: int
    turn: str | None
    why: Why
    text: str


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """
    Something of the history that will not be sent.

    Attributes:
        by: Name of the window that decided it; empty where an earlier version did not note it.
        what: `cut` (turns), `summary` (turns that are summed up) or `results` (what tools gave back).
        turns: Ids of the turns that it concerns.
        tokens: About how many it saves.
        now: Whether it is decided with the next turn; else it was before.
        cost: US dollars that a summary has cost, if that is known.
    """

    by: str
    what: Literal["cut", "summary", "results"]
    turns: tuple[str, ...]
    tokens: int
    now: bool
    cost: Decimal | None = None


class CacheEffect(msgspec.Struct, frozen=True, kw_only=True):
    """
    What it does to the provider's prompt cache, as far as that follows from the history.

    Attributes:
        prefix: `new` (nothing was asked before), `unchanged` (all that was sent last is sent again, at the beginning)
            or `moved`.
        at: Number of the first message that differs from what was sent last, if the prefix moved.
        tokens: About how many the provider can have cached, if it keeps them that long.
        minimum: Below so many it caches nothing.
        marks: Whether marks are placed.
        price: US dollars for the prompt, with that cache; None if no prices are known.
        full_price: The same without any cache.
    """

    prefix: Prefix
    at: int | None
    tokens: int
    minimum: int
    marks: bool
    price: Decimal | None = None
    full_price: Decimal | None = None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the next turn of a conversation sends, and why.  Numbers of tokens are estimates.  `str()` says it in words.

    Attributes:
        model: Who will be asked.
        context: Tokens that it can read, if that is known.
        tokens: Of all messages, tools and the answer's form.
        messages: What will be sent, in order.
        left_out: What will not.
        cache: What that does to the prompt cache.
        notices: What else should be known.
    """

    model: str
    context: int | None
    tokens: int
    messages: tuple[SentMessage, ...]
    left_out: tuple[LeftOut, ...]
    cache: CacheEffect
    notices: tuple[str, ...] = ()

    def __str__(self) -> str:
        of = f" of {self.context:,}" if self.context else ""
        lines = [f"{self.model}: {len(self.messages)} messages, about {self.tokens:,}{of} tokens"]
        for number, message in enumerate(self.messages):
            turn = f" ({message.turn})" if message.turn else ""
            lines.append(
                f"  {number:>3} {message.role:<9} {message.tokens:>7,}  {message.why}{turn}: {message.text}".rstrip()
            )
        lines += [_left_out(one) for one in self.left_out]
        return "\n".join([*lines, _cache(self.cache), *(f"note: {notice}" for notice in self.notices)])


_WHAT = {"cut": "left out", "summary": "summed up", "results": "results dropped"}


def _left_out(one: LeftOut) -> str:
    turns = ", ".join(one.turns[:8]) + (f" and {len(one.turns) - 8} more" if len(one.turns) > 8 else "")
    when = "now" if one.now else "before"
    by = f" by {one.by}" if one.by else ""
    cost = f", for ${one.cost:f}" if one.cost is not None else ""
    return f"{_WHAT[one.what]} {when}{by}: {turns or 'turns without an id'}, about {one.tokens:,} tokens{cost}"


def _cache(effect: CacheEffect) -> str:
    moved = f"moved at message {effect.at}" if effect.prefix == "moved" else effect.prefix
    marks = ", marked" if effect.marks else ""
    price = ""
    if effect.price is not None and effect.full_price is not None:
        price = f"; the prompt costs about ${effect.price:.6f} instead of ${effect.full_price:.6f}"
    return f"prompt cache: prefix {moved}{marks}; about {effect.tokens:,} tokens can come from it{price}"
