"""Facts about models: found by the names that people and vendors write, never guessed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from dragoman import catalog
from dragoman.catalog.models import find_model, known_models


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("openai", "gpt-6-luna"),
        ("openai", "gpt-6-luna-2026-09-22"),
        ("anthropic", "claude-opus-5-5"),
        ("anthropic", "claude-opus-5-5-20260901"),
        ("gemini", "models/gemini-4-argon"),
        ("bedrock", "us.anthropic.claude-opus-5-5"),
        ("openrouter", "deepseek/deepseek-v4-pro"),
        ("groq", "openai/gpt-oss-120b"),
    ],
)
def test_a_model_is_found_under_the_names_it_goes_by(provider: str, name: str) -> None:
    """A date, a region or a path before the name do not hide a model."""
    found = find_model(provider, name)

    assert found is not None
    assert found.context


@pytest.mark.parametrize(("provider", "name"), [("openai", "gpt-99"), ("nobody", "gpt-6-luna"), ("sources", "x")])
def test_what_is_not_known_is_none(provider: str, name: str) -> None:
    """A name that nobody wrote down is not taken for one that looks like it."""
    assert find_model(provider, name) is None


def test_prices_depend_on_length_and_tier() -> None:
    """The price step at 272,000 tokens and the batch rate are told apart; prices are exact decimals."""
    model = find_model("openai", "gpt-6-luna")
    assert model is not None

    short, long, batch = model.price(1000), model.price(300_000), model.price(1000, "batch")

    assert short is not None
    assert long is not None
    assert batch is not None
    assert (Decimal("0.1"), Decimal("0.2"), Decimal("0.05")) == (short.input, long.input, batch.input)
    assert model.price(1000, "no such tier") is None


def test_the_price_of_another_seller_is_not_taken() -> None:
    """A maker's facts hold wherever its model is served, its prices do not."""
    model = find_model("vercel-ai-gateway", "anthropic/claude-opus-5-5")
    seller = known_models("vercel-ai-gateway").get("anthropic/claude-opus-5-5")

    assert model is not None
    assert (seller.prices if seller else ()) == model.prices


def test_retirement_is_a_date() -> None:
    """Retirement days are dates that can be compared."""
    days = [model.retires for model in known_models("openai").values() if model.retires]

    assert days
    assert all(isinstance(day, date) for day in days)


def test_every_price_is_a_sane_number() -> None:
    """No price is negative or beyond 10,000 dollars a million tokens."""
    for provider in ("openai", "anthropic", "gemini", "openrouter", "bedrock", "azure"):
        for name, model in known_models(provider).items():
            for price in model.prices:
                figures = [price.input, price.output, price.cache_read, price.cache_write]
                assert all(0 <= figure < 10_000 for figure in figures if figure is not None), (provider, name)


def test_default_models_are_known_where_their_provider_is() -> None:
    """The model that the command line takes by itself is one that the catalogue knows."""
    unknown = [
        f"{name}/{row.default_model}"
        for name, row in catalog.builtin().items()
        if row.default_model and name != "openrouter"  # openrouter/auto is a router, not a model
        if known_models(name) and find_model(name, row.default_model) is None
    ]
    assert [] == unknown
