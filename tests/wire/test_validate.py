"""What providers refuse about the form of a request: each rule finds what it is for, and nothing that was accepted."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import wire as wires
from dragoman.errors import ConfigError
from dragoman.wire.validate import Problem, names, problems
from tests.corpus.dialects import Dialect
from tests.corpus.forms import REFUSED, check_form
from tests.corpus.recording import Recording
from tests.corpus.sample_cases import cases
from tests.strategies import json_objects, json_values
from tests.wire.validate_cases import CASES, GOOD


def patched(body: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A body with another value at a path; with nothing there, if the value is `...`."""
    made = copy.deepcopy(body)
    place = made
    for name in path[:-1]:
        place = place[name]
    if value is ...:
        del place[path[-1]]
    elif isinstance(place, list) and path[-1] == len(place):
        place.append(value)
    else:
        place[path[-1]] = value
    return made


@pytest.mark.parametrize(("dialect", "recording"), cases(lambda recording: recording.asked is not None))
def test_what_was_recorded_is_judged_as_its_provider_did(dialect: Dialect, recording: Recording) -> None:
    """What a provider accepted has no problems; what it refused for its form has one at the place that it named."""
    assert [] == check_form(recording, dialect)


def test_the_sample_holds_refused_requests() -> None:
    """Most of what was refused for its form is in the sample, so that the test above means something."""
    sampled = {case.values[1].name for case in cases(lambda recording: recording.asked is not None)}

    assert len(sampled & {*REFUSED}) >= len(REFUSED) - 1


@pytest.mark.parametrize("name", names())
def test_a_good_request_has_no_problems(name: str) -> None:
    """A conversation with a tool, of the right form."""
    body, model = GOOD[name]

    assert [] == problems(name, body, model=model)


@pytest.mark.parametrize(
    ("name", "path", "value", "place"),
    [pytest.param(name, *case, id=f"{name}-{i}") for name in names() for i, case in enumerate(CASES[name])],
)
def test_each_rule_finds_what_it_is_for(name: str, path: tuple[str | int, ...], value: Any, place: str) -> None:
    """One thing that is wrong is found, at its place."""
    body, model = GOOD[name]
    found = problems(name, patched(body, path, value), model=model)

    assert place in [problem.path for problem in found], found


@pytest.mark.parametrize("name", names())
@given(
    body=json_values
    | st.dictionaries(
        st.sampled_from(("messages", "input", "contents", "tools", "system", "toolConfig", "generation_config")),
        json_values | st.lists(json_objects | st.builds(dict, role=json_values, content=json_values), max_size=3),
    )
)
def test_any_json_is_judged(name: str, body: Any) -> None:
    """Whatever JSON comes, a list of problems is given and nothing raised."""
    assert all(isinstance(problem, Problem) for problem in problems(name, body))


def test_rules_exist_for_every_wire() -> None:
    """Every dialect has rules; other names are refused with those that there are."""
    assert set() == {*wires.names()} - {*names()}
    with pytest.raises(ConfigError, match="openai-chat"):
        problems("openai", {})
