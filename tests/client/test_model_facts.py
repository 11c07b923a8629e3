"""What is known of a model, seen from a client: its own facts over the catalogue's, and the cost of an answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from dragoman import Client, ConfigError, StreamInterrupted, Usage
from dragoman.routes import Routes
from dragoman.testing import Server, events, says
from dragoman.types.events import Start, TextDelta
from dragoman.types.models import Model, Prices

KEY = {"api_key": "a-key-for-tests"}


def client(server: Server, **options: Any) -> Client:
    return Client(providers={"openai": KEY | {"base_url": server.base_url("openai-chat")}}, **options)


def test_an_answer_has_its_cost(server: Server) -> None:
    """1,000 tokens in, 600 of them cached, and 200 out: 400 x 0.1 + 600 x 0.01 + 200 x 0.5 dollars per million."""
    usage = Usage(input_tokens=1_000, cache_read_tokens=600, output_tokens=200)
    server.script(says("Hi", usage=usage), says("Hi", usage=usage))

    with client(server) as asked, asked.stream("openai/gpt-6-luna", "Hello") as stream:
        assert "Hi" == "".join(stream.text)
        plain = asked.chat("openai/gpt-6-luna", "Hello")

    assert Decimal("0.000146") == plain.cost
    assert plain.cost == stream.response.cost


def test_the_tier_that_is_asked_for_is_charged(server: Server) -> None:
    """Flex halves the price where nobody says that another tier was used."""
    server.script(says("Hi", usage=Usage(input_tokens=1_000, output_tokens=200)))

    with client(server) as asked:
        answer = asked.chat("openai/gpt-6-luna", "Hello", service_tier="flex")

    assert Decimal("0.0001") == answer.cost


def test_an_answer_that_is_not_whole_has_no_cost(server: Server) -> None:
    """The numbers of a stream that broke off are not final."""
    server.script(events(Start(), TextDelta("Half")))

    with client(server) as asked, pytest.raises(StreamInterrupted) as caught:
        asked.stream("openai/gpt-6-luna", "Hello").response  # noqa: B018

    assert caught.value.partial is not None
    assert caught.value.partial.cost is None


def test_a_model_that_nobody_knows_has_no_cost(server: Server) -> None:
    """Unknown is None, and the answer says that it is not known."""
    server.script(says("Hi", usage=Usage(input_tokens=1, output_tokens=1)))

    with client(server) as asked:
        answer = asked.chat("openai/my-own", "Hello")

    assert answer.cost is None
    assert ["model"] == [notice.field for notice in answer.notices]


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"max_output": 5, "prices": [{"input": "1", "output": 2}]}, id="fields"),
        pytest.param(Model(max_output=5, prices=(Prices(input=Decimal(1), output=Decimal(2)),)), id="a value"),
    ],
)
def test_the_callers_facts_decide(server: Server, facts: Any) -> None:
    """A cap and prices of one's own hold for a model that the catalogue does not have."""
    server.script(says("Hi", usage=Usage(input_tokens=100, output_tokens=100)))

    with client(server, models={"openai/my-own": facts}) as asked:
        answer = asked.chat("openai/my-own", "Hello", max_tokens=50)

    (request,) = server.requests
    assert 5 == request.json["max_completion_tokens"]
    assert Decimal("0.0003") == answer.cost
    assert ["max_tokens"] == [notice.field for notice in answer.notices]


def test_facts_are_laid_over_the_catalogues() -> None:
    """What is given replaces, abilities are added, and what is not given stays."""
    routes = Routes(models={"openai/gpt-6-luna": {"context": 10, "no": ["images"]}})
    model = routes.facts("openai", "gpt-6-luna")

    assert model is not None
    assert (10, 128_000) == (model.context, model.max_output)
    assert (False, True) == (model.can("images"), model.can("tools"))
    assert routes.facts("openai", "gpt-6-sol") != model


@pytest.mark.parametrize(
    ("models", "says"),
    [
        pytest.param({"openai/m": {"contxt": 5}}, "did you mean context?", id="field"),
        pytest.param({"openai/m": {"context": "many"}}, "models['openai/m']", id="value"),
        pytest.param({"openai/m": {"yes": ["fly"]}}, "models['openai/m']", id="ability"),
        pytest.param({"nobody/m": {"context": 5}}, "no provider is called 'nobody'", id="provider"),
    ],
)
def test_wrong_facts_are_refused(models: dict[str, Any], says: str) -> None:
    """Before anything is sent, with the reference and the field."""
    with pytest.raises(ConfigError) as caught:
        Client(models=models)

    assert says in str(caught.value)
