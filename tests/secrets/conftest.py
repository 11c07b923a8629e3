"""AWS, as moto plays it, in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.secrets.backends import places

__all__ = ["places"]


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """Address of a server that speaks KMS, Secrets Manager and Parameter Store."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 60
    while not _answers(url):
        assert process.poll() is None, "moto ended"
        assert time.monotonic() < until, "moto does not answer"
        time.sleep(0.1)
    yield url
    process.terminate()
    process.wait(10)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5).close()
    except urllib.error.URLError:
        return False
    return True
