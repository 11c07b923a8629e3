"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from dragoman.testing import Server
from tests.services import PgvectorServer, PostgresServer, RedisServer


@pytest.fixture(scope="session", autouse=True)
def own_configuration(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests neither see nor touch what is stored on the machine they run on."""
    os.environ["XDG_DATA_HOME"] = str(tmp_path_factory.mktemp("data"))
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))


@pytest.fixture
def server() -> Iterator[Server]:
    """A provider on 127.0.0.1 with an empty script."""
    with Server() as running:
        yield running


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis of this test process.  A test that stops it starts it again, and none may rely on its being empty."""
    running = RedisServer()
    yield running
    running.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A Postgres of this test process, under the same rules."""
    running = PostgresServer()
    yield running
    running.close()


@pytest.fixture(scope="session")
def pgvector_server() -> Iterator[PgvectorServer]:
    """A Postgres with pgvector, under the same rules."""
    running = PgvectorServer()
    yield running
    running.close()
