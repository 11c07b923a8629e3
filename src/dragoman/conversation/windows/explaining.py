"""
What will be sent, and why, as a value for people.

Rule: it is made of the same view that is sent, so it cannot say anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import takewhile
from typing import Final

from dragoman.conversation.nodes import Cut, Drop, Kept
from dragoman.conversation.windows.caching import Target
from dragoman.conversation.windows.deciding import Decided
from dragoman.conversation.windows.outline import Decision, Entry, Outline, View, outline
from dragoman.types.messages import Message
from dragoman.types.models import Prices
from dragoman.types.windows import CacheEffect, Explanation, LeftOut, Prefix, SentMessage, Why
from dragoman.wire.bound import binds

_SHOWN: Final = 60
_MILLION: Final = Decimal(1_000_000)


def explained(model: str, target: Target, path: Sequence[Kept], done: Decided, marks: bool) -> Explanation:
    """
    Say what a turn sends.

    Args:
        model: As the caller names it.
        target: Who will answer.
        path: From the root to where the turn hangs.
        done: What was decided.
        marks: Whether the caller wants marks.
    """
    view = done.view
    before = sent_before(path)
    effect = _effect(view, before, target, marks and target.marked)
    notices: list[str] = []
    if effect.prefix == "moved" and target.wire and binds(target.wire, target.model):
        notices.append("what the model thought is bound to what stood before it: behind the change it is left out")
    return Explanation(
        model=model,
        context=target.context,
        tokens=view.tokens,
        messages=tuple(_sent(entry, why) for entry, why in _whys(view)),
        left_out=tuple(_left_out(view.outline, done.decisions)),
        cache=effect,
        notices=tuple(notices),
    )


def sent_before(path: Sequence[Kept]) -> tuple[Message, ...] | None:
    """
    What the last request on a path had sent; None if there was none.

    It ended before the last answer, and nodes that came after it had no say in it.
    """
    at = next((i for i in range(len(path) - 1, -1, -1) if _is_answer(path[i])), None)
    return None if at is None else View(outline(path[:at])).messages()


def in_common(before: Sequence[Message], now: Sequence[Message]) -> int:
    """How many messages two requests have in common at their beginnings."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, now, strict=False)))


def _is_answer(node: Kept) -> bool:
    return node.kind == "message" and isinstance(node.value, Message) and node.value.role == "assistant"


def _whys(view: View) -> list[tuple[Entry, Why]]:
    """Each message, and why it is sent."""
    asked = len(view.asked)
    pinned = {entry.depth for turn in view.turns if turn.pinned for entry in turn.entries if entry.depth}
    entries = list(view.entries())
    whys: list[tuple[Entry, Why]] = []
    for i, entry in enumerate(entries):
        why: Why = "window"
        if i >= len(entries) - asked:
            why = "asked"
        elif not entry.depth:
            why = "instructions" if entry.message == view.outline.system else "summary"
        elif entry.depth in pinned:
            why = "pinned"
        whys.append((entry, why))
    return whys


def _sent(entry: Entry, why: Why) -> SentMessage:
    text = " ".join(entry.message.text.split()) or ", ".join(type(part).__name__ for part in entry.message.parts)
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return SentMessage(role=entry.message.role, tokens=entry.tokens, turn=entry.turn, why=why, text=shown)


def _left_out(found: Outline, now: Sequence[Decision]) -> list[LeftOut]:
    """Everything that was decided on the path, with the turns that it concerns."""
    told: list[LeftOut] = []
    start = before = 0
    fresh = len(found.decided) - len(now)
    for i, decision in enumerate(found.decided):
        if isinstance(decision, Cut):
            if decision.summary is not None:  # it stands for what was left out before it, too
                told, start = [one for one in told if one.what == "results"], 0
            told.append(_of_cut(found, decision, start, i >= fresh))
            start = decision.start
        elif isinstance(decision, Drop):
            ids = _ids(found, before, decision.before, results=True)
            told.append(LeftOut(by=decision.by, what="results", turns=ids, tokens=decision.tokens, now=i >= fresh))
            before = decision.before
    return told


def _of_cut(found: Outline, cut: Cut, start: int, now: bool) -> LeftOut:
    ids, summary = _ids(found, start, cut.start), cut.summary
    if summary is None:
        return LeftOut(by=cut.by, what="cut", turns=ids, tokens=cut.tokens, now=now)
    cost = None if summary.cost is None else Decimal(summary.cost)
    return LeftOut(by=cut.by, what="summary", turns=ids, tokens=cut.tokens, now=now, cost=cost)


def _ids(found: Outline, start: int, end: int, *, results: bool = False) -> tuple[str, ...]:
    """Ids of turns in a range that are not pinned; of those with results of tools, if only they count."""
    pinned = {
        entry.depth for turn in found.turns() if turn.pinned for entry in turn.entries
    }  # of before the window, and in it
    return tuple(
        dict.fromkeys(
            node.turn
            for node in found.said
            if node.turn is not None and start <= node.place.depth < end and node.place.depth not in pinned
            if not results or (isinstance(node.value, Message) and node.value.role == "tool")
        )
    )


# --- the prompt cache -------------------------------------------------------------------------------------------------


def _effect(view: View, before: Sequence[Message] | None, target: Target, marks: bool) -> CacheEffect:
    entries = list(view.entries())
    if before is None:
        return _priced("new", None, 0, view.tokens, target, marks)
    same = in_common(before, [entry.message for entry in entries])
    cached = view.extra + sum(entry.tokens for entry in entries[:same]) if same else 0
    moved = same < len(before)
    return _priced("moved" if moved else "unchanged", same if moved else None, cached, view.tokens, target, marks)


def _priced(prefix: Prefix, at: int | None, cached: int, tokens: int, target: Target, marks: bool) -> CacheEffect:
    cached = cached if cached >= target.minimum else 0
    prices = target.facts.price(tokens) if target.facts else None
    price = _with_cache(cached, tokens, prices, marks) if prices else None
    return CacheEffect(
        prefix=prefix,
        at=at,
        tokens=cached,
        minimum=target.minimum,
        marks=marks,
        price=price,
        full_price=_charge(tokens, prices.input) if prices and price is not None else None,
    )


def _with_cache(cached: int, tokens: int, prices: Prices, marks: bool) -> Decimal | None:
    fresh = prices.cache_write if marks and prices.cache_write is not None else prices.input
    read, rest = _charge(cached, prices.cache_read if cached else Decimal(0)), _charge(tokens - cached, fresh)
    return None if read is None or rest is None else read + rest


def _charge(tokens: int, price: Decimal | None) -> Decimal | None:
    return None if price is None else tokens * price / _MILLION
