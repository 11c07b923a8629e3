"""The most that a call can cost, computed by hand beside the prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import Audio, CacheMark, ChatRequest, File, Image, Message, Provider, Text, ToolCall, ToolResult, tool
from dragoman.catalog import builtin
from dragoman.catalog.cost import cost
from dragoman.catalog.models import find_model
from dragoman.policy.base import Context
from dragoman.policy.budget.estimate import FREE, UNKNOWN_OUTPUT, Estimate, Pricing, dearest
from dragoman.policy.deadline import Clocks
from dragoman.runtime import BlockingRuntime
from dragoman.tokens import estimate as guess
from dragoman.types.models import Model, Prices
from dragoman.types.timeouts import Timeouts
from dragoman.types.usage import Usage

# Nano-dollars for a token: price per million x 1,000.
MODEL = Model(
    context=100_000,
    max_output=1_000,
    prices=(
        Prices(input=Decimal("2"), output=Decimal("8"), cache_write=Decimal("2.5"), cache_write_1h=Decimal("4")),
        Prices(above=10_000, input=Decimal("4"), output=Decimal("16")),
        Prices(tier="flex", input=Decimal("1"), output=Decimal("4")),
    ),
)
HEAD = 32 + 8  # tokens of any chat with one message


def pricing(model: Model | None = MODEL, wire: str = "openai-chat", url: str = "https://x.example/v1") -> Pricing:
    return Pricing(lambda ref: (Provider(name="p", base_url=url, wire=wire), model))


def chat(text: str = "", *parts: Any, **settings: Any) -> ChatRequest:
    return ChatRequest("p/m", (Message("user", (Text(text), *parts)),), **settings)


def estimated(request: ChatRequest, of: Pricing | None = None) -> Estimate:
    found = (of or pricing())(request, Context(BlockingRuntime(), Clocks(Timeouts(), 0.0)))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("request_", "most"),
    [
        # 2,500 for a token of input: it may be written to a cache.  1,000 tokens of output at 8,000.
        pytest.param(chat("x" * 400), (HEAD + 200) * 2_500 + 1_000 * 8_000, id="the model's cap"),
        pytest.param(chat("x" * 400, max_tokens=50), (HEAD + 200) * 2_500 + 50 * 8_000, id="max_tokens"),
        pytest.param(chat("", max_tokens=5_000), HEAD * 2_500 + 1_000 * 8_000, id="max_tokens above the cap"),
        pytest.param(chat("", max_tokens=1), HEAD * 2_500 + 16 * 8_000, id="the least that is sent"),
        pytest.param(chat("", max_tokens=50, n=3), HEAD * 2_500 + 150 * 8_000, id="three answers"),
        pytest.param(
            chat("", max_tokens=50, extra={"n": 3}), (HEAD + 3) * 2_500 + 150 * 8_000, id="three answers, as extra"
        ),
        pytest.param(chat("é" * 100, max_tokens=50), (HEAD + 100) * 2_500 + 50 * 8_000, id="bytes, not letters"),
        pytest.param(chat("x" * 30_000, max_tokens=50), (HEAD + 15_000) * 4_000 + 50 * 16_000, id="past the step"),
        pytest.param(chat("x" * 400_000, max_tokens=50), 100_000 * 4_000 + 50 * 16_000, id="no more than it reads"),
        pytest.param(chat("", max_tokens=50, service_tier="flex"), HEAD * 1_000 + 50 * 4_000, id="another tier"),
        pytest.param(chat("", max_tokens=50, service_tier="auto"), HEAD * 2_500 + 50 * 8_000, id="the standard tier"),
        pytest.param(chat("", max_tokens=50, cache="1h"), HEAD * 4_000 + 50 * 8_000, id="kept for an hour"),
        pytest.param(
            chat("", Text("", cache=CacheMark("1h")), max_tokens=50), HEAD * 4_000 + 50 * 8_000, id="a part for an hour"
        ),
        pytest.param(
            chat("", Image(url="https://x.example/a.png"), max_tokens=50),
            (HEAD + 5_000) * 2_500 + 50 * 8_000,
            id="a picture",
        ),
    ],
)
def test_the_worst_case(request_: ChatRequest, most: int) -> None:
    """Tokens times the dearest price that can hold for them."""
    assert most == estimated(request_).most


def test_everything_that_a_prompt_is_made_of_counts() -> None:
    """Tools, calls, results, files, schemas and fields without a name of ours each make it dearer."""

    @tool
    def weather(city: str) -> str:
        """What it is like there."""
        return city

    plain = estimated(chat("hi", max_tokens=50)).most
    more: list[ChatRequest] = [
        chat("hi", max_tokens=50, tools=[weather]),
        chat("hi", max_tokens=50, output={"type": "object", "title": "a long title of a schema"}),
        chat("hi", max_tokens=50, extra={"messages": "more"}),
        chat("hi", File(data=b"%PDF-1.7" + b"0" * 90_000), max_tokens=50),
        chat("hi", File(file_id="file-1"), max_tokens=50),
        ChatRequest(
            "p/m",
            (
                Message.user("hi"),
                Message("assistant", (ToolCall(id="1", name="weather", arguments_json='{"city": "Paris"}'),)),
                Message("tool", (ToolResult(call_id="1", parts=(Text("sunny, as far as one can see"),)),)),
            ),
            max_tokens=50,
        ),
    ]
    assert [True] * len(more) == [estimated(one).most > plain for one in more]


def test_sound_costs_what_sound_costs() -> None:
    """Sound is reserved at its own price; it is taken to be long rather than short."""
    model = Model(prices=(Prices(input=Decimal(1), output=Decimal(4), audio_input=Decimal(40)),), max_output=100)
    sound = chat("", Audio(data=b"RIFF\x00\x00\x00\x00WAVE" + b"0" * 1_000_000), max_tokens=50)

    assert HEAD * 1_000 + 4_000 * 40_000 + 50 * 4_000 == estimated(sound, pricing(model)).most


def test_output_of_any_kind_is_reserved_at_the_dearest() -> None:
    """An answer may be all reasoning, or all sound."""
    prices = Prices(input=Decimal(1), output=Decimal(4), reasoning=Decimal(9), audio_output=Decimal(20))
    assert 20_000 == estimated(chat(""), pricing(Model(prices=(prices,)))).output


@pytest.mark.parametrize(
    ("model", "wire", "settings", "tokens"),
    [
        pytest.param({}, "openai-chat", {}, UNKNOWN_OUTPUT, id="nobody says"),
        pytest.param({"context": 8_192}, "openai-chat", {}, 8_192, id="a short window"),
        pytest.param({}, "anthropic-messages", {}, 4_096, id="what the dialect sends"),
        pytest.param({}, "anthropic-messages", {"reasoning": 2_000}, 6_096, id="and its reasoning"),
        pytest.param({"max_output": 64_000}, "anthropic-messages", {}, 64_000, id="the catalogue"),
        pytest.param(
            {"max_output": 64_000, "max_plain_output": 20_000}, "anthropic-messages", {}, 20_000, id="not streamed"
        ),
        pytest.param(
            {"max_output": 64_000, "max_plain_output": 20_000},
            "anthropic-messages",
            {"stream": True},
            64_000,
            id="streamed",
        ),
        pytest.param({}, "openai-chat", {"max_tokens": 7_000}, 7_000, id="max_tokens"),
    ],
)
def test_how_much_may_be_written(model: dict[str, Any], wire: str, settings: dict[str, Any], tokens: int) -> None:
    """What the caller caps, else the model's cap, else what is sent for want of one, else a generous guess."""
    facts = Model(prices=(Prices(input=Decimal(1), output=Decimal(1)),), **model)

    assert tokens == estimated(chat("", **settings), pricing(facts, wire)).tokens


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(None, id="no such model"),
        pytest.param(Model(), id="no prices"),
        pytest.param(Model(prices=(Prices(input=Decimal(1)),)), id="no price of output"),
        pytest.param(Model(prices=(Prices(output=Decimal(1)),)), id="no price of input"),
        pytest.param(Model(prices=(Prices(tier="batch", input=Decimal(1), output=Decimal(1)),)), id="another tier"),
        pytest.param(
            Model(prices=(Prices(input=Decimal(1), output=Decimal(1)), Prices(above=9, input=Decimal(1)))),
            id="not for long prompts",
        ),
    ],
)
def test_a_price_that_is_not_known_is_not_guessed(model: Model | None) -> None:
    """One price that may be needed and is not known makes the estimate unknown."""
    context = Context(BlockingRuntime(), Clocks(Timeouts(), 0.0))

    assert pricing(model)(chat("hi"), context) is None
    assert pricing(model)(chat("hi", service_tier="no such tier"), context) is None


@pytest.mark.parametrize("url", ["sim://local", "local://models"])
def test_what_asks_nobody_is_free(url: str) -> None:
    """The simulator and models in this process; unless the caller gives them a price, to try a budget out."""
    assert FREE == estimated(chat("hi"), pricing(None, url=url))
    assert estimated(chat("hi"), pricing(MODEL, url=url)).most > 0


def test_a_price_of_zero_is_free() -> None:
    """A model whose prices are known to be zero costs nothing."""
    assert FREE == estimated(chat("hi"), pricing(Model(prices=(Prices(input=Decimal(0), output=Decimal(0)),))))


def test_vectors_cost_their_texts() -> None:
    """Vectors have no output."""
    model = Model(kind="embedding", prices=(Prices(input=Decimal("0.02")),))
    found = pricing(model).texts("p/m", ["x" * 1_000, "é" * 500])

    assert found is not None
    assert (500 + 500 + 16) * 20 == found.most
    assert pricing(None).texts("p/m", ["x"]) is None
    assert FREE == pricing(None, url="sim://local").texts("p/m", ["x"])


def test_of_several_targets_the_dearest_is_reserved() -> None:
    """In each of its numbers; one that is not known makes the whole unknown."""
    cheap = Estimate(most=10, prompt=5, input=1, output=9, tokens=7)
    dear = Estimate(most=90, prompt=4, input=2, output=3, tokens=8, capped=False)

    assert Estimate(most=90, prompt=5, input=2, output=9, tokens=8, capped=False) == dearest([cheap, dear])
    assert dearest([cheap, None]) is None
    assert dearest([]) is None


@given(
    text=st.one_of(
        st.text(max_size=300),
        st.text(alphabet="abcdefghij klmnopqrst uvwxyz.,", max_size=300),
        st.text(alphabet="0123456789+-*/(){}[]", max_size=300),
    ),
    name=st.sampled_from(["gpt-6-luna", "gpt-6-sol", "gpt-5.5"]),
    answer=st.integers(0, 200),
)
def test_what_is_reserved_is_enough(text: str, name: str, answer: int) -> None:
    """Of any prompt and any answer within its cap, the bill by our own count of tokens is not more than reserved."""
    facts = find_model("openai", name)
    assert facts is not None
    of = Pricing(lambda ref: (builtin()["openai"], facts))
    found = estimated(ChatRequest(f"openai/{name}", (Message.user(text or "-"),), max_tokens=200), of)
    bill = cost(Usage(input_tokens=guess(text), output_tokens=answer, cache_write_tokens=0), facts)

    assert bill is not None
    assert bill.total <= Decimal(found.most) / 10**9
