"""Many processes on one conversation; `./dev soak crowd kills` are the long forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conversation.conftest import STORES, URLS
from tests.conversation.crowd import Crowd


@pytest.fixture(params=[kind for kind in STORES if kind != "memory"])
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each store that several processes can share."""
    return URLS[request.param](request, tmp_path)


@pytest.mark.timeout(120)
def test_crowd_loses_and_doubles_nothing(shared_url):
    """Four processes, half of the turns said again or by two: all kept, in an order that proves them, one call each."""
    crowd = Crowd(shared_url, members=4, turns=8).run()

    assert [] == crowd.problems
    assert 32 == crowd.found()["calls"]


@pytest.mark.timeout(120)
def test_crowd_survives_kills_and_pauses(shared_url):
    """Processes that are killed, or stopped beyond their lease, lose nothing that was acknowledged."""
    crowd = Crowd(shared_url, members=4, turns=8, lease=0.5, seed=2).run(kills=3, pauses=1)

    assert [] == crowd.problems
    assert crowd.kills
