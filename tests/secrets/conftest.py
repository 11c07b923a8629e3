"""AWS, as moto plays it, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.moto import running
from tests.secrets.backends import places

__all__ = ["places"]


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """Address of a server that speaks KMS, Secrets Manager and Parameter Store."""
    with running() as url:
        yield url
