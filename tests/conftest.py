"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dragoman.testing import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """A provider on 127.0.0.1 with an empty script."""
    with Server() as running:
        yield running
