"""Every recorded request of the sample says the same after it was read by a server and written by a client."""

from __future__ import annotations

import pytest

from dragoman import wire as wires
from tests.corpus.dialects import Dialect
from tests.corpus.exceptions import REQUESTS, drop, idle
from tests.corpus.recording import Recording
from tests.corpus.requests import check_request, differences
from tests.corpus.sample_cases import cases
from tests.specs.bundle import SOURCES, Specs

SPECS = Specs()


@pytest.mark.parametrize(("dialect", "recording"), cases(lambda recording: recording.asked is not None))
def test_a_recorded_request_is_written_as_it_was_read(dialect: Dialect, recording: Recording) -> None:
    """Reading and writing a request changes nothing that it says, and keeps it valid by the vendor's specification."""
    lines = check_request(recording, dialect, wires.get(dialect.wire), SPECS.validator(recording.folder))

    assert [] == drop(recording.name, lines, REQUESTS)
    assert not idle(recording.name, lines, REQUESTS), "the row in exceptions.py excuses nothing"


@pytest.mark.parametrize(
    ("wanted", "got", "count"),
    [
        pytest.param({"a": 1}, {"a": 1, "b": None}, 0, id="null is absent"),
        pytest.param({"a": 1}, {"a": 2}, 1, id="another value"),
        pytest.param({"a": 1}, {"a": True}, 1, id="a bool is no number"),
        pytest.param({"a": [1, 2]}, {"a": [2, 1]}, 2, id="order counts"),
        pytest.param({"a": {"b": 1, "c": [{"d": 1}]}}, {"a": {"c": [{"d": 2}]}}, 2, id="deep"),
        pytest.param({"a": ""}, {}, 1, id="an empty text is something"),
    ],
)
def test_the_comparison_is_strict(wanted: object, got: object, count: int) -> None:
    """Only a null field may be missing; every other difference is seen."""
    assert count == len(list(differences(wanted, got)))


_CHATS = [folder for source in SOURCES.values() for folder in source.folders if not folder.endswith("-batches")]


@pytest.mark.parametrize("folder", _CHATS)
def test_a_specification_refuses_what_is_wrong(folder: str) -> None:
    """Each trimmed specification still tells a good request from bad ones."""
    valid = SPECS.validator(folder)
    assert valid is not None
    said = "input" if folder.endswith("responses") else "messages"
    turn = (
        {"type": "message", "role": "user", "content": "hi"} if said == "input" else {"role": "user", "content": "hi"}
    )
    good = {"model": "m", "max_tokens": 9, said: [turn]}

    assert valid(good) is None
    hot: dict[str, object] = {"temperature": "hot"}
    hot = {"options": hot} if folder.startswith("ollama") else hot
    for wrong in ({said: 5}, hot, {said: [{**turn, "content": 5}]}, {said: [{**turn, "role": 7}]}):
        assert valid({**good, **wrong}) is not None, wrong
