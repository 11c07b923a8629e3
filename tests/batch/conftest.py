"""What the tests of batches share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dragoman import Client
from dragoman.testing import Server, echo


@pytest.fixture
def echoing() -> Iterator[Server]:
    """A provider that repeats what it is asked."""
    with Server(default=echo()) as running:
        yield running


@pytest.fixture
def options(echoing: Server) -> dict[str, Any]:
    """What a client needs to ask it."""
    return {"providers": {"fake": {"base_url": echoing.base_url(), "api_key": "k", "wire": "openai-chat"}}}


@pytest.fixture
def client(options: dict[str, Any]) -> Iterator[Client]:
    """A client that asks it."""
    with Client(**options) as made:
        yield made
