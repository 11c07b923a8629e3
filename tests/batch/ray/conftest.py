"""
One Ray cluster for the tests of a process.

It takes two seconds to start and half a gigabyte, so who needs none does not wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batch.ray.cluster import Ray, short_folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[Ray]:
    """A cluster with four CPUs."""
    with (
        short_folder() as folder,
        Ray(Path(folder)) as running,
    ):
        yield running
