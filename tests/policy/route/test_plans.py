"""Plans as values: what they hold, and that a bad one fails where it is written."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from dragoman import (
    AsyncClient,
    Balance,
    CircuitOpenError,
    Client,
    ConfigError,
    ConnectError,
    DeadlineError,
    Fallback,
    Hedge,
    MissingKeyError,
    RateLimitError,
    Secret,
    ServerError,
    Target,
    UnknownProviderError,
)
from dragoman.policy.route.reasons import telling

GOOD = Fallback("openai/m", "anthropic/m")


def test_names_become_targets() -> None:
    """A text is a target of that model."""
    assert (Target("openai/m"), Target("anthropic/m")) == GOOD.targets


def test_plans_are_values() -> None:
    """They are compared and hashed by what they hold, copied and pickled."""
    plan = Fallback(Balance("openai/m", Target("groq/m", weight=2), by="latency"), "ollama/m", on=RateLimitError)

    assert plan == copy.copy(plan) == copy.deepcopy(plan) == pickle.loads(pickle.dumps(plan))
    assert 1 == len({plan, copy.deepcopy(plan)})
    assert plan != GOOD


def test_a_key_does_not_show_itself() -> None:
    """It is held as a `Secret`, and is in no text of the plan."""
    plan = Fallback(Target("openai/m", api_key="sk-something-secret"))

    assert isinstance(plan.targets[0].api_key, Secret)  # type: ignore[union-attr]
    assert "something" not in repr(plan)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Fallback(), "targets"),
        (lambda: Balance(), "targets"),
        (lambda: Fallback("openai/m", 5), "targets[1]"),  # type: ignore[arg-type]
        (lambda: Fallback(["openai/m"]), "targets[0]"),  # type: ignore[arg-type]
        (lambda: Fallback("openai/m", on=ValueError), "on"),  # type: ignore[arg-type]
        (lambda: Fallback("openai/m", recover="yes"), "recover"),  # type: ignore[arg-type]
        (lambda: Fallback("openai/m", patience=-1), "patience"),
        (lambda: Balance("openai/m", by="price"), "by"),  # type: ignore[arg-type]
        (lambda: Target(""), "model"),
        (lambda: Target("openai/m", weight=-1), "weight"),
        (lambda: Target("openai/m", weight=float("inf")), "weight"),
        (lambda: Target("openai/m", api_key="two words"), "api_key"),
        (lambda: Target("openai/m", api_key=7), "api_key"),  # type: ignore[arg-type]
        (lambda: Hedge("openai/m", after=-1), "after"),
        (lambda: Hedge("openai/m", most=1), "most"),
        (lambda: Hedge(Fallback(Hedge("openai/m"))), "plan"),
        (lambda: Hedge(None), "plan"),  # type: ignore[arg-type]
    ],
)
def test_a_bad_plan_fails_where_it_is_written(make: Any, field: str) -> None:
    """The error names the argument."""
    with pytest.raises(ConfigError) as caught:
        make()

    assert field == caught.value.field


@pytest.mark.parametrize(
    ("routes", "field"),
    [
        ({"a": "a"}, "routes['a']"),
        ({"a": Fallback("openai/m", "b"), "b": Balance("c"), "c": "a"}, "routes['a'].targets[1].targets[0]"),
        ({"a": Fallback("openai/m", "opnai/m")}, "routes['a'].targets[1]"),
        ({"a": 5}, "routes['a']"),
        ({"x/y": "openai/m"}, "routes"),
        ({"": "openai/m"}, "routes"),
        ({"a": "openai/m", "b": Target("a", api_key="k-12345")}, "routes['b'].api_key"),
        ({"a": Hedge("openai/m")}, "routes['a']"),
    ],
)
def test_bad_routes_are_refused_when_the_client_is_made(routes: Any, field: str) -> None:
    """A cycle, an unknown provider, a wrong type, a hedge on the blocking face: each is named with its place."""
    with pytest.raises(ConfigError) as caught:
        Client(routes=routes)

    assert field == caught.value.field


def test_a_hedge_by_a_detour_is_found() -> None:
    """A name may stand for a hedge, which cannot stand in another."""
    with pytest.raises(ConfigError) as caught:
        AsyncClient(routes={"a": Hedge("b"), "b": Fallback(Hedge("openai/m"), "openai/n")})

    assert "routes['a'].plan" == caught.value.field


def test_a_plan_of_an_unknown_provider_is_refused_at_once() -> None:
    """Nothing is asked, not even the first target."""
    with Client() as client, pytest.raises(UnknownProviderError) as caught:
        client.stream(Fallback("sim/echo", "opnai/m"), "Hi")

    assert "model.targets[1]" == caught.value.field


@pytest.mark.parametrize("verb", ["embed", "count"])
@pytest.mark.parametrize("model", [GOOD, "fast"], ids=["plan", "name"])
def test_plans_are_for_chat(verb: str, model: Any) -> None:
    """Vectors of two models are not comparable, and a count is one model's."""
    with Client(routes={"fast": GOOD}) as client, pytest.raises(ConfigError, match="plans are for chat") as caught:
        getattr(client, verb)(model, "Hi")

    assert "model" == caught.value.field


@pytest.mark.parametrize("breaker", [5, "always", True])
def test_a_breaker_is_a_breaker(breaker: Any) -> None:
    """Anything else is refused when the client is made."""
    with pytest.raises(ConfigError) as caught:
        Client(breaker=breaker)

    assert "breaker" == caught.value.field


def test_a_prepared_plan_is_the_request_to_its_first_target() -> None:
    """With the target's own key, masked."""
    with Client(routes={"fast": Fallback(Target("openai/m", api_key="k-12345"), "anthropic/m")}) as client:
        by_name, by_value = client.prepare("fast", "Hi"), client.prepare(client_plan(), "Hi")

    assert by_name.url == by_value.url == "https://api.openai.com/v1/chat/completions"
    assert "12345" not in by_name.headers["authorization"]


def client_plan() -> Fallback:
    return Fallback(Target("openai/m", api_key="k-12345"), "anthropic/m")


# --- the error of a plan ----------------------------------------------------------------------------------------------


def test_what_a_provider_said_tells_most() -> None:
    """More than what the network did, that more than what was never sent; of equals the last."""
    said, later = RateLimitError("x"), ServerError("x")
    network, refused, config = ConnectError("x"), DeadlineError("x"), MissingKeyError("openai", "KEY")

    assert said is telling([said, network, refused, config])
    assert later is telling([said, later, network])
    assert network is telling([network, refused, config])
    assert refused is telling([config, refused])


def test_where_all_are_left_alone_the_soonest_is_told() -> None:
    """Its `retry_after` is when the plan may be asked again."""
    late, soon = CircuitOpenError("x", retry_after=9.0), CircuitOpenError("x", retry_after=2.0)

    assert soon is telling([soon, late])
    assert soon is telling([late, soon])
