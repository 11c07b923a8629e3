"""Both transports in turn, real proxies, and certificates of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.network.certificates import Certificates
from tests.network.proxies_real import Microsocks, Squid, Tinyproxy
from tests.transport.conftest import face as face
from tests.transport.conftest import serve as serve


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def certificates(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """What servers show and clients hold, signed by one authority."""
    folder: Path = tmp_path_factory.mktemp("certificates")
    return Certificates(authority, folder)


@pytest.fixture(scope="session")
def tinyproxy() -> Iterator[Tinyproxy]:
    running = Tinyproxy()
    yield running
    running.close()


@pytest.fixture(scope="session")
def tinyproxy_login() -> Iterator[Tinyproxy]:
    running = Tinyproxy(login=True)
    yield running
    running.close()


@pytest.fixture(scope="session")
def squid(authority: trustme.CA) -> Iterator[Squid]:
    running = Squid(authority)
    yield running
    running.close()


@pytest.fixture(scope="session")
def microsocks() -> Iterator[Microsocks]:
    running = Microsocks()
    yield running
    running.close()


@pytest.fixture(scope="session")
def microsocks_login() -> Iterator[Microsocks]:
    running = Microsocks(login=True)
    yield running
    running.close()
