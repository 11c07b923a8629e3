"""What is imported when it is first used is imported before clocks run."""

from __future__ import annotations

import pytest

from dragoman.testing import echo
from tests.faults.asking import PATIENT, ask


@pytest.fixture(scope="session", autouse=True)
def ready() -> None:
    """Each face has made a call in this process."""
    for face in ("blocking", "async"):
        for wire in ("openai-chat", "anthropic-messages"):
            assert ask(echo(), wire, streamed=True, timeouts=PATIENT, face=face).error is None
