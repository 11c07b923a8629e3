"""
Facts about models, in words short enough for a table.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final

from dragoman.catalog.listing import SOON, days_left
from dragoman.types.models import Ability, Model

# A letter for each ability that one looks for, at its place in the mark; `-` where it is not known to be there.
MARKS: Final[tuple[tuple[str, Ability, str], ...]] = (
    ("T", "tools", "tools"),
    ("I", "images", "images"),
    ("P", "pdf", "PDF"),
    ("A", "audio", "audio"),
    ("R", "reasoning", "reasoning"),
    ("J", "json_schema", "JSON schema"),
    ("C", "cache", "cache"),
    ("W", "web_search", "web search"),
)
LEGEND: Final = "· " + " · ".join(f"{letter} {word}" for letter, _, word in MARKS)


def marks(model: Model) -> str:
    """What a model can, one letter each."""
    return "".join(letter if model.can(ability) else "-" for letter, ability, _ in MARKS)


def tokens(count: int | None) -> str:
    """
    A number of tokens, to three figures; `?` if not known.

    >>> tokens(922_000), tokens(1_048_576), tokens(8191)
    ('922k', '1.05M', '8.19k')
    """
    if count is None:
        return "?"
    for size, unit in ((1_000_000, "M"), (1000, "k")):
        if count >= size:
            return f"{count / size:.3g}{unit}" if count < 1000 * size else f"{count // size}{unit}"
    return str(count)


def dollars(price: Decimal | None) -> str:
    """US dollars; `?` if not known."""
    return "?" if price is None else format(price.normalize(), "f")


def retirement(model: Model, today: date) -> str:
    """A warning if a model is gone or soon will be, else empty."""
    left = days_left(model, today)
    if left is None or left > SOON:
        return ""
    return f"! retired {model.retires}" if left <= 0 else f"! retires {model.retires} ({left} days)"
