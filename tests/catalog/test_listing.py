"""Filters and orders of the list of models, on a day that is given."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dragoman.catalog.listing import Listed, Wanted, days_left, every_model, listed
from dragoman.types.models import Model, Prices

TODAY = date(2026, 11, 22)


def entry(name: str = "m", **facts: Any) -> Listed:
    return Listed(provider="acme", name=name, model=Model(**facts))


def prices(input: str | None, output: str | None) -> tuple[Prices, ...]:
    return (
        Prices(input=None if input is None else Decimal(input), output=None if output is None else Decimal(output)),
    )


@pytest.mark.parametrize(
    ("wanted", "model", "fits"),
    [
        pytest.param(Wanted(), entry(), True, id="nothing asked"),
        pytest.param(Wanted(words=("GPT", "mini")), entry("gpt-9-mini"), True, id="words, in any case"),
        pytest.param(Wanted(words=("gpt", "mini")), entry("gpt-9"), False, id="every word"),
        pytest.param(Wanted(words=("acme/gpt",)), entry("gpt-9"), True, id="a reference"),
        pytest.param(Wanted(kind="chat"), entry(kind="embedding"), False, id="kind"),
        pytest.param(Wanted(abilities=("tools", "images")), entry(yes=("images", "tools")), True, id="abilities"),
        pytest.param(Wanted(abilities=("tools",)), entry(), False, id="an ability that nobody said"),
        pytest.param(Wanted(max_price=Decimal(2)), entry(prices=prices("1", "2")), True, id="at the price"),
        pytest.param(Wanted(max_price=Decimal(2)), entry(prices=prices("1", "2.01")), False, id="output is dearer"),
        pytest.param(Wanted(max_price=Decimal(2)), entry(), False, id="a price that nobody said"),
        pytest.param(
            Wanted(max_price=Decimal(2)), entry(kind="embedding", prices=prices("1", None)), True, id="vectors"
        ),
        pytest.param(Wanted(min_context=1000), entry(context=1000), True, id="context"),
        pytest.param(Wanted(min_context=1000), entry(), False, id="a context that nobody said"),
        pytest.param(Wanted(retiring=30), entry(retires=TODAY + timedelta(30)), True, id="retires in time"),
        pytest.param(Wanted(retiring=30), entry(retires=TODAY + timedelta(31)), False, id="retires later"),
        pytest.param(Wanted(retiring=30), entry(retires=TODAY - timedelta(400)), True, id="is gone"),
        pytest.param(Wanted(retiring=30), entry(), False, id="stays"),
    ],
)
def test_filters(wanted: Wanted, model: Listed, fits: bool) -> None:
    """A model is listed if it is known to have all that is asked."""
    assert fits is wanted.fits(model, TODAY)


def test_days_left() -> None:
    """Days count down to zero on the day, and go on below."""
    assert [8, 0, -1, None] == [
        days_left(Model(retires=TODAY + timedelta(days)) if days is not None else Model(), TODAY)
        for days in (8, 0, -1, None)
    ]


@pytest.mark.parametrize("order", ["price", "context", "output", "retires"])
def test_orders_put_what_is_not_known_last(order: Any) -> None:
    """Cheapest, largest or soonest first; a model without that number comes after all that have it."""
    found = [found.model for found in listed(["openai", "cohere"], Wanted(), TODAY, order)]
    known: list[Any] = {
        "price": [max(price.input, price.output) for model in found if (price := model.price()) and _priced(price)],
        "context": [-model.context for model in found if model.context],
        "output": [-model.max_output for model in found if model.max_output],
        "retires": [model.retires for model in found if model.retires],
    }[order]

    assert sorted(known) == known
    assert found


def _priced(price: Prices) -> bool:
    return price.input is not None and price.output is not None


def test_a_seller_without_facts_has_the_makers() -> None:
    """OpenRouter's rows have prices only: what the model can is its maker's to say."""
    (argon,) = [found.model for found in every_model(["openrouter"]) if found.name == "google/gemini-4-argon"]

    assert argon.can("tools")
    assert argon.price() is not None
