"""Both transports in turn, and scripted servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.transport.scripted import AioFace, BlockingFace, Face, Server, Step


@pytest.fixture(params=[BlockingFace, AioFace], ids=["blocking", "aio"])
def face(request: pytest.FixtureRequest) -> Iterator[Face]:
    """Each of the two transports in turn."""
    face: Face = request.param()
    yield face
    face.stop()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start scripted servers."""
    servers: list[Server] = []

    def start(*scripts: list[Step], **options: Any) -> Server:
        servers.append(Server(*scripts, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
