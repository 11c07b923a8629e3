"""The transports on systems that lack what Linux has."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dragoman.testing import Server, says

_PROGRAM = """
import asyncio, concurrent.futures.thread, logging, multiprocessing, os, random, select, sys

del os.register_at_fork, os.fork, select.poll

from dragoman import AsyncClient, Client

row = {"base_url": sys.argv[2], "api_key": "k"}
if sys.argv[1] == "blocking":
    with Client(providers={"there": row}) as client:
        print(client.chat("there/any", "1").text, client.chat("there/any", "2").text)
else:
    async def ask():
        async with AsyncClient(providers={"there": row}) as client:
            print((await client.chat("there/any", "1")).text, (await client.chat("there/any", "2")).text)

    asyncio.run(ask())
"""


@pytest.mark.parametrize("face", ["blocking", "aio"])
def test_without_fork_and_poll(face):
    """As on Windows: everything is imported, calls are answered, and a kept connection is looked at by `select`."""
    with Server(says("one"), says("two")) as server:
        command = [sys.executable, "-W", "error", "-c", _PROGRAM, face, server.base_url("openai-chat")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

        assert ("one two\n", "") == (done.stdout, done.stderr), done.stderr
        assert 1 == len({request.connection for request in server.requests})
