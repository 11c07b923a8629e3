"""A scripted provider, and desks on both faces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dragoman.testing import Server
from tests.kits.support.desks import Both


@pytest.fixture
def provider() -> Iterator[Server]:
    """A provider that says what it is told to."""
    with Server() as server:
        yield server


@pytest.fixture(params=["blocking", "async"])
def make_desk(request: pytest.FixtureRequest, provider: Server) -> Iterator[Callable[..., Both]]:
    """Make a desk on one of the faces."""
    made: list[Both] = []

    def make(**options: Any) -> Both:
        made.append(Both(request.param, provider, **options))
        return made[-1]

    yield make
    for desk in made:
        desk.close()
