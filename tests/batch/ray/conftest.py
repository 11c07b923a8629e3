"""
One Ray cluster for the tests of a process.

It takes two seconds to start and half a gigabyte, so who needs none does not wait for it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batch.ray.cluster import Ray


@pytest.fixture(scope="session")
def cluster() -> Iterator[Ray]:
    """A cluster with four CPUs."""
    # Not pytest's folder: the path of a socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="dragoman-ray-", ignore_cleanup_errors=True) as folder:
        with Ray(Path(folder)) as running:
            yield running
