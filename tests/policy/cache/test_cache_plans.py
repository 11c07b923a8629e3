"""What a call by a plan is known by: the requests to all models that may answer it."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman import ChatRequest, Timeouts
from dragoman.call import Sender
from dragoman.policy.base import Context
from dragoman.policy.cache.known import Asked, Known
from dragoman.policy.deadline import Clocks
from dragoman.policy.route.plans import Balance, Fallback, Target
from dragoman.policy.route.way import Ways
from dragoman.routes import Routes
from dragoman.runtime import BlockingRuntime

RUNTIME = BlockingRuntime()
FIRST, SECOND = "openai/m-1", "anthropic/m-2"


def known(plan: Any = None, scope: str | None = "one", text: str = "Hi", model: str = "", **rows: Any) -> Asked:
    """What a call is known by to a client with these rows."""
    given = {
        name: {"api_key": f"key-of-{name}", **rows.get(name, {})} for name in ("openai", "anthropic", "openrouter")
    }
    routes = Routes(given, environ={})
    context = Context(RUNTIME, Clocks(Timeouts(), RUNTIME.now()))
    if plan is not None:
        context.plan = Ways({}, routes.locate, hedges=True).ready(plan)
    prepare = Sender(routes.resolve, lambda route: pytest.fail("nothing is sent")).prepare
    return Known(prepare, routes.key)(ChatRequest(model or FIRST, text), context, scope)


def test_every_model_of_a_plan_may_have_answered() -> None:
    """Each of them is one of those whose answer is kept."""
    assert {FIRST, SECOND} == known(Fallback(FIRST, SECOND)).models


def test_a_plan_is_known_by_its_form_and_all_its_models() -> None:
    """Another order, another kind, another model: another call."""
    plans = (
        None,
        Fallback(FIRST, SECOND),
        Balance(FIRST, SECOND),
        Fallback(FIRST, "anthropic/m-3"),
        Fallback(FIRST, SECOND, "openai/m-4"),
        Fallback(FIRST, Balance(SECOND, "openai/m-4")),
    )

    assert len(plans) == len({known(plan).key for plan in plans})


@pytest.mark.parametrize(
    "row", [{"base_url": "http://127.0.0.1:1"}, {"headers": {"anthropic-beta": "new"}}], ids=["address", "header"]
)
def test_nothing_of_a_later_model_differs_unseen(row: dict[str, Any]) -> None:
    """Two clients that mean different things by the second name do not share."""
    plan = Fallback(FIRST, SECOND)

    assert known(plan).key != known(plan, anthropic=row).key


def test_without_a_scope_all_credentials_count() -> None:
    """Whoever has another key for one of the models is somebody else."""
    plan = Fallback(FIRST, SECOND)
    own = Balance(Target(FIRST, api_key="key-one-0001"), Target(FIRST, api_key="key-two-0002"))
    other = Balance(Target(FIRST, api_key="key-one-0001"), Target(FIRST, api_key="key-new-0003"))

    assert known(plan, None).scope != known(plan, None, anthropic={"api_key": "another-key"}).scope
    assert known(own, None).scope != known(other, None).scope
    assert known(own).scope == known(other).scope


def test_a_call_that_was_taken_off_its_plan_is_known_by_its_model() -> None:
    """A middleware in front may ask for another model than the plan does."""
    off = known(Fallback(FIRST, SECOND), model="openai/m-9")

    assert ({"openai/m-9"}, known(model="openai/m-9").key) == (off.models, off.key)


def test_a_state_at_any_of_them_is_a_state() -> None:
    """What one of the models would look up on the web is asked each time."""
    assert known(Fallback(FIRST, SECOND)).why_not is None
    assert known(Fallback(FIRST, "openrouter/x/y:online")).why_not is not None
