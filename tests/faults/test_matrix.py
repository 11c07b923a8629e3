"""
Every fault, in both dialects, on both faces, plain and streamed.

What is expected stands in the fault itself.  Every request of a call meets the same fault, so the expectations hold
whether the client tries again or not.
"""

from __future__ import annotations

import pytest

from dragoman.testing.faults import FAULTS, fault
from tests.faults.asking import PATIENT, SHORT, ask
from tests.faults.judging import findings

WIRES = ("openai-chat", "anthropic-messages")
FACES = ("blocking", "async")

CASES = [
    pytest.param(name, wire, streamed, face, id=f"{name}-{wire}-{'stream' if streamed else 'plain'}-{face}")
    for name, one in FAULTS.items()
    for wire in WIRES
    if wire in one.wires
    for streamed in (False, True)
    if one.expects(streamed=streamed) is not None
    for face in FACES
]


@pytest.mark.parametrize(("name", "wire", "streamed", "face"), CASES)
def test_a_fault_ends_in_the_right_answer_or_the_right_error(name: str, wire: str, streamed: bool, face: str) -> None:
    """The right class or the whole answer, the partial kept, no hang, no key in sight, and the connection closed."""
    expected = FAULTS[name].expects(streamed=streamed)
    waits = expected is not None and ("TimeoutError" in expected.errors or name == "stall_after_finish")

    outcome = ask(fault(name, wire), wire, streamed=streamed, timeouts=SHORT if waits else PATIENT, face=face)

    assert [] == findings(FAULTS[name], outcome, streamed=streamed)
