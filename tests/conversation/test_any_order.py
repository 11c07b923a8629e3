"""Whatever happens in whatever order, the history is what it must be; `./dev soak anyorder` is the long form."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conversation.anyorder import lived
from tests.histories import Drawn, Seeded


@pytest.mark.timeout(120)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_history_is_what_was_said(store_url: str, data: Any) -> None:
    """Turns, tools, crashes, cuts, pins, edits, forks, imports, erasures, other providers: all is as a model of it."""
    assert [] == list(lived(store_url, Drawn(data.draw), 20, f"x-{token_hex(6)}"))


@pytest.mark.timeout(120)
def test_long_life_of_a_conversation(store_url: str) -> None:
    """The same with a hundred and fifty steps of a seed."""
    assert [] == list(lived(store_url, Seeded(7), 150))
