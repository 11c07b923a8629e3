"""The rules by which every library is judged in `bench/`, and the adapter through which ours is asked."""

from __future__ import annotations

import runpy
from typing import Any

import pytest

from dragoman.testing import Server
from dragoman.testing.faults import FAULTS, fault
from tests.house.modules import ROOT

RULES = runpy.run_path(str(ROOT / "bench" / "fault_rules.py"))
WORKER = runpy.run_path(str(ROOT / "bench" / "fault_worker.py"))
WORDS = RULES["WORDS"]
RIGHT = {"text": WORDS.text, "calls": [], "finish": "stop"}
TYPED = {"classes": ["acme.Cut", "builtins.Exception"], "words": "cut", "key": False}


def judged(name: str, outcome: dict[str, Any], *, streamed: bool = True) -> list[str]:
    """What the rules say of an outcome of a library called acme, which took no time and one request."""
    with Server() as server:
        found: list[str] = RULES["wrong"](
            FAULTS[name], {"seconds": 0.0, **outcome}, server, ("acme",), streamed=streamed
        )
    return found


@pytest.mark.parametrize(
    ("name", "outcome", "expected"),
    [
        pytest.param("one_packet", {"answer": RIGHT}, [], id="right"),
        pytest.param("one_packet", {"answer": {**RIGHT, "finish": None}}, ["silent loss"], id="no finish reason"),
        pytest.param("one_packet", {"error": TYPED}, ["right answer refused"], id="refused"),
        pytest.param("no_content_type", {"error": TYPED}, [], id="odd, and refused"),
        pytest.param("cut_in_text", {"error": TYPED}, [], id="cut"),
        pytest.param("cut_in_text", {"answer": {**RIGHT, "text": "Good"}}, ["silent loss"], id="cut and handed over"),
        pytest.param("length_huge", {"answer": RIGHT}, [], id="whole against all odds"),
        pytest.param("error_event_after_text", {"answer": RIGHT}, ["silent loss"], id="error not told"),
        pytest.param("html", {"error": {**TYPED, "classes": ["builtins.KeyError"]}}, ["untyped error"], id="untyped"),
        pytest.param("html", {"error": {**TYPED, "classes": ["httpx.ReadError"]}}, [], id="of the HTTP library"),
        pytest.param("html", {"error": {**TYPED, "classes": ["builtins.TimeoutError"]}}, [], id="built-in"),
        pytest.param("key_echoed", {"error": {**TYPED, "key": True}}, ["key shown"], id="key"),
        pytest.param("stall_in_text", {"error": TYPED, "seconds": 3.5}, ["late"], id="late"),
        pytest.param("stall_in_text", {"hang": True}, ["hang"], id="hang"),
        pytest.param("retry_after_16_days", {"hang": True}, ["late"], id="obedient"),
    ],
)
def test_an_outcome_is_judged(name: str, outcome: dict[str, Any], expected: list[str]) -> None:
    """Each way to be wrong is told from the others, and what is right is right for anybody."""
    assert expected == judged(name, outcome)


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("face", ["blocking", "async"])
@pytest.mark.parametrize("name", ["one_packet", "cut_in_text", "html", "quota", "status_500"])
@pytest.mark.parametrize("wire", ["openai-chat", "anthropic-messages"])
def test_the_adapter_of_ours_asks_and_is_right(name: str, wire: str, face: str, streamed: bool) -> None:
    """A process of the bench, run here: what comes of a fault is judged as right."""
    peer = WORKER["load"]("dragoman")
    with Server(default=fault(name, answer=WORDS)) as server:
        case = {"url": server.base_url(wire), "wire": wire, "face": face, "streamed": streamed, "key": "a-key-4711"}
        outcome = WORKER["run"](peer, {**case, "timeout": 5, "retries": False})
        if FAULTS[name].expects(streamed=streamed) is not None:
            assert [] == RULES["wrong"](FAULTS[name], outcome, server, peer.OWN, streamed=streamed)
        else:
            assert WORDS.text == outcome["answer"]["text"]
