"""
Choosing among all models that are known: filters and orders, as values.

Rule: what is not known does not pass a filter that asks for it.  Whoever wants models under a price wants those whose
price is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from dragoman.catalog.models import find_model, known_models
from dragoman.types.models import Ability, Model, Prices

Order = Literal["name", "price", "context", "output", "retires"]

SOON: Final = 90  # days before a model is taken away in which a list warns of it


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """
    One model of the catalogue.

    Attributes:
        provider: Name of the provider row.
        name: The bare model name.
        model: What is known of it.
    """

    provider: str
    name: str
    model: Model

    @property
    def ref(self) -> str:
        """The reference to ask it by."""
        return f"{self.provider}/{self.name}"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a model must have to be listed.  Unset asks nothing.

    Attributes:
        words: Each must stand in the reference, in whatever case.
        kind: `chat`, `completion` or `embedding`.
        abilities: What it must be known to do.
        max_price: US dollars per million tokens that neither input nor output may exceed.
        min_context: Tokens that it must be able to read.
        retiring: It is gone, or will be within this many days.
    """

    words: tuple[str, ...] = ()
    kind: Literal["chat", "completion", "embedding"] | None = None
    abilities: tuple[Ability, ...] = ()
    max_price: Decimal | None = None
    min_context: int | None = None
    retiring: int | None = None

    def fits(self, listed: Listed, today: date) -> bool:
        """Whether a model has all that is asked."""
        ref, model = listed.ref.lower(), listed.model
        return (
            all(word.lower() in ref for word in self.words)
            and self.kind in (None, model.kind)
            and all(model.can(ability) for ability in self.abilities)
            and (self.max_price is None or _dearest(model) <= self.max_price)
            and (self.min_context is None or (model.context or 0) >= self.min_context)
            and (self.retiring is None or _goes(model, today, self.retiring))
        )


def every_model(providers: Iterable[str]) -> Iterator[Listed]:
    """All models that are known of the providers named, in the order of the names."""
    for provider in providers:
        for name, model in known_models(provider).items():
            # A seller's row may have prices only; then the maker's facts hold.
            yield Listed(provider=provider, name=name, model=find_model(provider, name) or model)


def listed(providers: Iterable[str], wanted: Wanted, today: date, order: Order = "name") -> list[Listed]:
    """Return the models that have all that is wanted, in an order whose unknown values come last."""
    return chosen(every_model(providers), wanted, today, order)


def chosen(entries: Iterable[Listed], wanted: Wanted, today: date, order: Order = "name") -> list[Listed]:
    """The same of models that were found elsewhere."""
    found = [entry for entry in entries if wanted.fits(entry, today)]
    return found if order == "name" else sorted(found, key=_ORDERS[order])


def days_left(model: Model, today: date) -> int | None:
    """Days until a model is taken away, negative once it is; None if no day is known."""
    return None if model.retires is None else (model.retires - today).days


def list_price(model: Model) -> Prices:
    """The prices of the standard tier for short prompts; all None if none are known."""
    return model.price() or Prices()


def _goes(model: Model, today: date, within: int) -> bool:
    left = days_left(model, today)
    return left is not None and left <= within


def _dearest(model: Model) -> Decimal:
    prices = list_price(model)
    # Vectors have no output, and their output price is not always said.
    output = Decimal(0) if model.kind == "embedding" and prices.output is None else prices.output
    return _UNKNOWN if prices.input is None or output is None else max(prices.input, output)


_UNKNOWN: Final = Decimal("Infinity")
_ORDERS: Final[dict[str, Callable[[Listed], Any]]] = {
    "price": lambda entry: _dearest(entry.model),
    "context": lambda entry: -(entry.model.context or 0),
    "output": lambda entry: -(entry.model.max_output or 0),
    "retires": lambda entry: entry.model.retires or date.max,
}
