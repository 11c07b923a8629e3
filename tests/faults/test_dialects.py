"""
The faults in the dialects that `test_matrix` leaves out.

Each case runs on one face, the two in turn: what differs between the faces is held there.  Of the faults that a clock
ends there is one of each kind, and of those below the dialect a few.
"""

from __future__ import annotations

import itertools

import pytest

from dragoman.testing.faults import FAULTS, Fault, fault
from dragoman.testing.faults.binary import BINARY
from dragoman.testing.faults.bodies import BODIES
from dragoman.testing.faults.endings import ENDINGS
from dragoman.testing.faults.fault import ALL
from dragoman.testing.faults.reported import REPORTED
from dragoman.testing.faults.statuses import STATUSES
from dragoman.testing.faults.tools import TOOL_FAULTS
from tests.faults.asking import PATIENT, SHORT, ask
from tests.faults.judging import findings
from tests.faults.test_matrix import WIRES

OTHERS = sorted(ALL - set(WIRES))
_CLOCKS = ("stall_before_content", "stall_in_text", "stall_in_tool_arguments", "keep_alive_after_text", "endless")
_BELOW = ("gzip_streamed", "gzip_damaged", "length_too_long", "chunk_size_garbage", "redirect_other_origin")


def _waits(one: Fault, wire: str, streamed: bool) -> bool:
    """Whether a clock ends it; where a dialect has no end mark, also a whole answer that the server does not end."""
    expects = one.expects(streamed=streamed)
    assert expects is not None
    unended = one.name == "stall_after_finish" or (one.name == "stall_after_end" and wire == "gemini-generate")
    return "TimeoutError" in expects.errors or unended


def _chosen(one: Fault, wire: str, streamed: bool) -> bool:
    if one.expects(streamed=streamed) is None or wire not in one.wires:
        return False
    return one.name in _CLOCKS or not _waits(one, wire, streamed)


_faults = (*ENDINGS, *BODIES, *REPORTED, *BINARY, *STATUSES, *TOOL_FAULTS, *(FAULTS[name] for name in _BELOW))
CASES = [
    pytest.param(one, wire, streamed, face, id=f"{one.name}-{wire}-{'stream' if streamed else 'plain'}-{face}")
    for (one, wire, streamed), face in zip(
        (
            (one, wire, streamed)
            for one in _faults
            for wire in OTHERS
            for streamed in (False, True)
            if _chosen(one, wire, streamed)
        ),
        itertools.cycle(("blocking", "async")),
        strict=False,
    )
]


@pytest.mark.parametrize(("one", "wire", "streamed", "face"), CASES)
def test_a_fault_ends_in_the_right_answer_or_the_right_error(one: Fault, wire: str, streamed: bool, face: str) -> None:
    """The right class or the whole answer, the partial kept, no key in sight, and the connection closed."""
    timeouts = SHORT if _waits(one, wire, streamed) else PATIENT
    outcome = ask(fault(one.name, wire), wire, streamed=streamed, timeouts=timeouts, face=face)

    assert [] == findings(one, outcome, streamed=streamed)


@pytest.mark.parametrize("wire", sorted(ALL))
@pytest.mark.parametrize(
    "name",
    [
        "cut_in_text",
        "cut_in_tool_arguments",
        "close_in_text",
        "reset_in_text",
        "stall_in_text",
        "drip_body",
        "html",
        "empty",
        "error_event_first",
        "error_event_after_text",
        "error_event_quota",
        "status_429",
        "quota",
        "retry_after_seconds",
        "gzip_bomb",
        "redirect_other_origin",
    ],
)
def test_every_kind_can_be_had_in_every_dialect(name: str, wire: str) -> None:
    """What goes wrong everywhere can be asked for everywhere."""
    assert wire in FAULTS[name].wires
