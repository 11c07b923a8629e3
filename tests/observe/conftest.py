"""Both faces, and an observer that writes down what it sees."""

from __future__ import annotations

import pytest

from tests.client.conftest import make_face as make_face
from tests.observe.seen import Seen


@pytest.fixture
def seen() -> Seen:
    """An observer that keeps what it is told."""
    return Seen()
