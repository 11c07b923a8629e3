"""What went wrong when it was recorded goes wrong in the same way when it is played."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from dragoman import Retry, Timeouts
from dragoman.testing import Server
from dragoman.testing.cassette import cassette
from dragoman.testing.faults import FAULTS, fault
from dragoman.testing.faults.fault import ALL

ADDRESS = {"project": "p", "location": "l"}
# These end by the size of what came, which a cassette does not hold.
TOO_LARGE = {"gzip_bomb", "endless", "error_endless"}


def cases() -> list[Any]:
    """Each fault plain and streamed, the dialects in which it can happen taking turns."""
    found: list[Any] = []
    turns = itertools.cycle(sorted(ALL))
    for name, one in FAULTS.items():
        for verb in ("plain", "stream"):
            if one.expects(streamed=verb == "stream") is not None and name not in TOO_LARGE:
                wire = next(wire for wire in turns if wire in one.wires)
                found.append(pytest.param(name, wire, verb, id=f"{name}-{wire}-{verb}"))
    return found


@pytest.mark.parametrize(("name", "wire", "verb"), cases())
def test_a_fault_is_played_as_it_was(
    face: Any, server: Server, tmp_path: Path, name: str, wire: str, verb: str
) -> None:
    """The same answer or the same error, the same events, on either face, after the same number of requests."""
    expects = FAULTS[name].expects(streamed=verb == "stream")
    assert expects is not None
    waits = "TimeoutError" in expects.errors or name == "stall_after_finish"
    server.default = fault(name, wire)
    options: dict[str, Any] = {
        "providers": {
            "fake": {"base_url": server.base_url(wire), "wire": wire, "api_key": "k-4711", "address": ADDRESS}
        },
        "timeouts": Timeouts(first_event=0.3, idle=0.3, total=0.7) if waits else Timeouts(total=8),
        "retry": Retry(base=0.001, cap=0.001),
        "limit": None,
    }
    with cassette(tmp_path / "fault.json", mode="once") as tape:
        first = getattr(face, verb)(face.client(**options), "fake/m-1", "Hi", max_tokens=50)
        sent = tape.count
    before = server.calls
    with cassette(tmp_path / "fault.json") as tape:
        assert sent == tape.count
        second = getattr(face, verb)(face.client(**options), "fake/m-1", "Hi", max_tokens=50)

    assert before == server.calls
    assert first.events == second.events
    assert first.response == second.response
    assert (first.error and first.error[0]) == (second.error and second.error[0])
    if first.error is not None and first.error[0] != "TimeoutError":  # which names the clock: the total has not passed
        assert first.error == second.error
