"""Many processes on one conversation; `./dev soak crowd` is the long form."""

from __future__ import annotations

import pytest

from tests.conversation.crowd import Crowd


@pytest.mark.timeout(120)
def test_crowd_loses_and_doubles_nothing(tmp_path):
    """Six processes, half of the turns said again or by two: all kept, in an order that proves them, one call each."""
    crowd = Crowd(f"sqlite:///{tmp_path}/talk.db", members=6, turns=8).run()

    assert [] == crowd.problems
    assert 48 == crowd.found()["calls"]


@pytest.mark.timeout(120)
def test_crowd_survives_kills_and_pauses(tmp_path):
    """Processes that are killed, or stopped beyond their lease, lose nothing that was acknowledged."""
    crowd = Crowd(f"sqlite:///{tmp_path}/talk.db", members=4, turns=12, lease=0.5, seed=2).run(kills=6, pauses=2)

    assert [] == crowd.problems
    assert crowd.kills
