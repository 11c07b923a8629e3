"""AWS, as moto plays it: a real server in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager

START = 60.0  # seconds in which it has to answer


@contextmanager
def running(**environ: str) -> Generator[str]:
    """
    Start it, and end it afterwards.

    Args:
        **environ: What its environment has besides ours.

    Yields:
        Its address.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environ},
    )
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + START
    try:
        while not _answers(url):
            assert process.poll() is None, "moto ended"
            assert time.monotonic() < until, "moto does not answer"
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5).close()
    except urllib.error.URLError:
        return False
    return True
