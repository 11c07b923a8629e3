"""Bills, computed by hand beside the prices they are made of."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from dragoman import ChatResponse, Message, Usage
from dragoman.catalog.cost import Cost, cost, cost_of
from dragoman.catalog.models import find_model
from dragoman.types.models import Model, Prices


def D(text: str) -> Decimal:
    return Decimal(text)


# In the form of OpenAI's long-context models: a step at 272,000 tokens, cached input at a tenth, batch at half.
LONG = Model(
    prices=(
        Prices(input=D("2"), output=D("10"), cache_read=D("0.2"), cache_write=D("2.5"), cache_write_1h=D("5")),
        Prices(above=272_000, input=D("4"), output=D("15"), cache_read=D("0.4"), cache_write=D("5")),
        Prices(tier="batch", input=D("1"), output=D("5"), cache_read=D("0.1")),
        Prices(tier="batch", above=272_000, input=D("2"), output=D("7.5"), cache_read=D("0.2")),
    )
)
SOUND = Model(
    prices=(Prices(input=D("1"), output=D("4"), audio_input=D("10"), audio_output=D("20"), reasoning=D("3")),)
)


def used(**tokens: int) -> Usage:
    return Usage(**({"input_tokens": 0, "output_tokens": 0} | tokens))


@pytest.mark.parametrize(
    ("usage", "tier", "total"),
    [
        # 1,000 x 2 + 500 x 10 = 7,000 per million
        pytest.param({"input_tokens": 1_000, "output_tokens": 500}, "", "0.007", id="plain"),
        # (10,000 - 8,000) x 2 + 8,000 x 0.2 = 5,600
        pytest.param({"input_tokens": 10_000, "cache_read_tokens": 8_000}, "", "0.0056", id="cached"),
        # (10,000 - 4,000) x 2 + 4,000 x 2.5 = 22,000
        pytest.param({"input_tokens": 10_000, "cache_write_tokens": 4_000}, "", "0.022", id="written"),
        # 6,000 x 2 + (4,000 - 1,000) x 2.5 + 1,000 x 5 = 24,500
        pytest.param(
            {"input_tokens": 10_000, "cache_write_tokens": 4_000, "cache_write_1h_tokens": 1_000},
            "",
            "0.0245",
            id="written for an hour",
        ),
        # 272,000 x 2 + 1,000 x 10: the step is above 272,000, not at it
        pytest.param({"input_tokens": 272_000, "output_tokens": 1_000}, "", "0.554", id="at the step"),
        # 272,001 x 4 + 1,000 x 15: every token has the higher price
        pytest.param({"input_tokens": 272_001, "output_tokens": 1_000}, "", "1.103004", id="past the step"),
        # (300,000 - 290,000) x 4 + 290,000 x 0.4: cached input counts for the step
        pytest.param({"input_tokens": 300_000, "cache_read_tokens": 290_000}, "", "0.156", id="cached, past the step"),
        # 1,000 x 1 + 500 x 5
        pytest.param({"input_tokens": 1_000, "output_tokens": 500}, "batch", "0.0035", id="batch"),
        # 400,000 x 2 + 100 x 7.5
        pytest.param({"input_tokens": 400_000, "output_tokens": 100}, "batch", "0.80075", id="batch, past the step"),
        pytest.param({"input_tokens": 1_000, "output_tokens": 500}, "default", "0.007", id="the standard tier's name"),
        pytest.param({"input_tokens": 1_000, "output_tokens": 500}, "auto", "0.007", id="auto"),
        pytest.param({}, "", "0", id="nothing"),
    ],
)
def test_bills(usage: dict[str, int], tier: str, total: str) -> None:
    """Tokens times price, part by part, in exact decimals."""
    bill = cost(used(**usage), LONG, tier)

    assert bill is not None
    assert D(total) == bill.total


def test_the_parts_add_up_to_the_total() -> None:
    """Fresh, cached and written input and the output are told apart."""
    usage = used(input_tokens=10_000, cache_read_tokens=6_000, cache_write_tokens=1_000, output_tokens=200)

    expected = Cost(
        total=D("0.0117"), input=D("0.006"), cache_read=D("0.0012"), cache_write=D("0.0025"), output=D("0.002")
    )
    assert expected == cost(usage, LONG)


def test_sound_and_reasoning_have_prices_of_their_own() -> None:
    """What is priced apart is taken out of the rest: (100-40) x 1 + 40 x 10, (90-30-20) x 4 + 30 x 3 + 20 x 20."""
    usage = used(input_tokens=100, input_audio_tokens=40, output_tokens=90, reasoning_tokens=30, output_audio_tokens=20)

    expected = Cost(
        total=D("0.00111"),
        input=D("0.00006"),
        audio_input=D("0.0004"),
        output=D("0.00016"),
        reasoning=D("0.00009"),
        audio_output=D("0.0004"),
    )
    assert expected == cost(usage, SOUND)


def test_reasoning_costs_as_output_where_no_price_is_apart() -> None:
    """Reasoning is part of the output, and is not counted twice."""
    plain, thought = used(output_tokens=100), used(output_tokens=100, reasoning_tokens=80)

    assert cost(plain, LONG) == cost(thought, LONG)


@pytest.mark.parametrize(
    ("usage", "model", "tier"),
    [
        pytest.param(Usage(), LONG, "", id="no numbers"),
        pytest.param(Usage(input_tokens=5), LONG, "", id="no output"),
        pytest.param(Usage(output_tokens=5), LONG, "", id="no input"),
        pytest.param(used(input_tokens=5), Model(), "", id="no prices"),
        pytest.param(used(input_tokens=5), LONG, "priority", id="no such tier"),
        pytest.param(used(input_tokens=5), LONG, "on hold", id="a tier that nobody knows"),
        pytest.param(used(input_tokens=5, output_tokens=5), Model(prices=(Prices(input=D(1)),)), "", id="output"),
        pytest.param(used(input_tokens=9, cache_read_tokens=3), SOUND, "", id="cached"),
        pytest.param(used(input_tokens=9, input_audio_tokens=3), LONG, "", id="sound"),
        pytest.param(used(input_tokens=9, cache_write_tokens=3), LONG, "batch", id="written, in that tier"),
        pytest.param(used(input_tokens=3, cache_read_tokens=9), LONG, "", id="parts that are more than the whole"),
    ],
)
def test_what_is_not_known_is_none(usage: Usage, model: Model, tier: str) -> None:
    """One number or price that is needed and not known makes the cost unknown, never zero."""
    assert cost(usage, model, tier) is None


def test_free_is_not_unknown() -> None:
    """A price of zero is a price."""
    bill = cost(used(input_tokens=100, output_tokens=5), Model(prices=(Prices(input=D(0), output=D(0)),)))

    assert Cost(total=D(0)) == bill


def test_vectors_have_no_output() -> None:
    """An embedding's usage says nothing of output, and output at zero dollars costs zero."""
    model = find_model("openai", "text-embedding-3-small")
    assert model is not None

    bill = cost(Usage(input_tokens=1_000_000), model)

    assert bill is not None
    assert D("0.02") == bill.total


@pytest.mark.parametrize(
    ("provider", "name", "total"),
    [
        # 300,000 x 0.2 + 1,000 x 0.75
        pytest.param("openai", "gpt-6-luna", "0.06075", id="OpenAI, past 272,000"),
        # 300,000 x 3 + 1,000 x 15
        pytest.param("anthropic", "claude-sonnet-4-5", "0.915", id="Anthropic"),
    ],
)
def test_bills_of_the_catalogue(provider: str, name: str, total: str) -> None:
    """The catalogue's own prices, on one long prompt."""
    model = find_model(provider, name)
    assert model is not None

    bill = cost(used(input_tokens=300_000, output_tokens=1_000), model)

    assert bill is not None
    assert D(total) == bill.total


def test_a_mode_that_is_dearer_is_not_priced_as_the_usual_one() -> None:
    """Anthropic's fast mode is told in the usage, beside a standard tier; without prices of its own it is unknown."""
    usage = Usage(input_tokens=1_000, output_tokens=500, details={"service_tier": "standard", "speed": "fast"})
    answer = ChatResponse(message=Message.assistant("Hi"), usage=usage)
    fast = Prices(tier="fast", input=D("12"), output=D("60"))

    assert cost_of(answer, LONG) is None
    bill = cost_of(answer, Model(prices=(*LONG.prices, fast)))
    assert bill is not None
    assert D("0.042") == bill.total


@pytest.mark.parametrize(
    ("provider", "name", "tier", "total"),
    [
        # Per million: 20,000 fresh x 1 + 30,000 read x 0.1 + 50,000 written x 1.25, 2,000 x 5
        pytest.param("openai", "gpt-6-sol", "flex", "0.0955", id="OpenAI, flex"),
        # The same at 4, 0.4, 5 and 20
        pytest.param("openai", "gpt-6-sol", "priority", "0.382", id="OpenAI, priority"),
        pytest.param("openai", "gpt-6-sol", "batch", "0.0955", id="OpenAI, batch"),
        # 20,000 x 0.05 + 30,000 x 0.005 + 50,000 x 0.0625, 2,000 x 0.25
        pytest.param("anthropic", "claude-haiku-5-5", "batch", "0.004775", id="Anthropic, batch"),
    ],
)
def test_tiers_of_the_catalogue(provider: str, name: str, tier: str, total: str) -> None:
    """The catalogue's prices of other tiers, cached and written input among them."""
    model = find_model(provider, name)
    assert model is not None
    usage = used(input_tokens=100_000, cache_read_tokens=30_000, cache_write_tokens=50_000, output_tokens=2_000)

    bill = cost(usage, model, tier)

    assert bill is not None
    assert D(total) == bill.total


def test_sound_of_the_catalogue() -> None:
    """Sound that is heard and said: 200 x 32 + 100 x 2.5, 300 x 64 + 20 x 10 of gpt-audio."""
    model = find_model("openai", "gpt-audio")
    assert model is not None
    usage = used(input_tokens=300, input_audio_tokens=200, output_tokens=320, output_audio_tokens=300)

    prices = model.prices[0]
    assert (D("32"), D("64")) == (prices.audio_input, prices.audio_output)
    assert Cost(
        total=D("0.02605"), input=D("0.00025"), audio_input=D("0.0064"), output=D("0.0002"), audio_output=D("0.0192")
    ) == cost(usage, model)


@pytest.mark.parametrize(
    ("fields", "asked", "total"),
    [
        pytest.param({}, None, "0.007", id="nobody says"),
        pytest.param({}, "batch", "0.0035", id="asked"),
        pytest.param({"body": b'{"service_tier":"default"}'}, "batch", "0.007", id="the body says standard"),
        pytest.param({"body": b'{"service_tier":"batch"}'}, None, "0.0035", id="the body says batch"),
        pytest.param({"body": b'{"service_tier":3}'}, "batch", "0.0035", id="a body that says nothing"),
        pytest.param({"finish_details": {"service_tier": "batch"}}, "auto", "0.0035", id="the end says batch"),
        pytest.param({"details": {"service_tier": "standard"}}, "batch", "0.007", id="the usage says standard"),
        pytest.param({"details": {"serviceTier": "batch"}}, None, "0.0035", id="the usage says batch, as Gemini does"),
    ],
)
def test_the_tier_that_was_used_decides(fields: dict[str, Any], asked: str | None, total: str) -> None:
    """A provider may serve in another tier than was asked for; what it says counts."""
    usage = Usage(input_tokens=1_000, output_tokens=500, details=fields.pop("details", None))
    answer = ChatResponse(message=Message.assistant("Hi"), usage=usage, **fields)

    bill = cost_of(answer, LONG, asked)

    assert bill is not None
    assert D(total) == bill.total
