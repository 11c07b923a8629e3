"""Both faces and each driver in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman.runtime import BlockingRuntime, drive
from tests.drivers.subjects import Face, Subject, subject


@pytest.fixture(params=["blocking", "asyncio"])
def face(request: pytest.FixtureRequest) -> Face:
    """Each of the two faces in turn."""
    return Face(request.param)


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of each store in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/count.db"
    server: Any = request.getfixturevalue(f"{request.param}_server")
    return str(server.url)


@pytest.fixture
def counting(url: str) -> Iterator[Subject]:
    """Each driver in turn, at 0."""
    made = subject(url)
    drive(made.prepare(BlockingRuntime()))
    yield made
    made.driver.close()
