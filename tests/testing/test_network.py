"""The fence around a test: what it stops, what it lets through, and that it is gone afterwards."""

from __future__ import annotations

import asyncio
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client, Retry
from dragoman.testing import Server, says
from dragoman.testing.cassette import cassette
from dragoman.testing.network import Fence, NetworkBlockedError, SocketBlockedError, is_this_machine

FAR = "203.0.113.7"  # an address for documentation: RFC 5737
ROWS = {"fake": {"base_url": f"https://{FAR}/v1", "api_key": "any-key-1"}}


@pytest.fixture
def fence() -> Iterator[Fence]:
    made = Fence("tests/test_x.py::test_y", allow=["Allowed.example"])
    made.close()
    yield made
    made.open()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "x.localhost", "", "0.0.0.0", "::"])
def test_this_machine_is_free(host: str) -> None:
    """Loopback in all its forms."""
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ["127.0.0.1.example", "10.0.0.1", "fe80::1%eth0", "localhost.example", "1"])
def test_others_are_not_this_machine(host: str) -> None:
    """Not even one's neighbours, nor names that look like it."""
    assert not is_this_machine(host)


def test_a_client_is_stopped_before_it_sends(face: Any, fence: Fence) -> None:
    """At once and once: no retry takes it for a failure of the network, and the error names test and host."""
    outcome = face.plain(face.client(providers=ROWS, retry=Retry(base=20, cap=20)), "fake/m", "Hi")

    assert outcome.error is not None
    assert "NetworkBlockedError" == outcome.error[0]
    assert "tests/test_x.py::test_y may not reach the network, and wanted to send POST" in outcome.error[1]
    assert f"to {FAR}" in outcome.error[1]


@pytest.mark.parametrize(
    "reach",
    [
        pytest.param(lambda: socket.create_connection((FAR, 443), timeout=5), id="connect"),
        pytest.param(lambda: urllib.request.urlopen(f"http://{FAR}/", timeout=5), id="urllib"),
        pytest.param(lambda: socket.getaddrinfo("far.example", 443), id="look up"),
        pytest.param(lambda: socket.getaddrinfo(b"far.example", 443), id="look up bytes"),
        pytest.param(lambda: socket.gethostbyname("far.example"), id="look up the old way"),
        pytest.param(lambda: _datagram().sendto(b"x", (FAR, 53)), id="datagram"),
        pytest.param(lambda: _datagram().sendmsg([b"x"], [], 0, (FAR, 53)), id="message"),
        pytest.param(lambda: asyncio.run(asyncio.open_connection(FAR, 443)), id="asyncio"),
    ],
)
def test_every_other_way_out_is_closed(fence: Fence, reach: Any) -> None:
    """Sockets of any library, by the system's word for "not allowed"."""
    with pytest.raises(OSError, match="may not reach the network"):
        reach()


_sockets: list[socket.socket] = []


def _datagram() -> socket.socket:
    _sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    return _sockets[-1]


@pytest.fixture(autouse=True)
def closed_sockets() -> Iterator[None]:
    yield
    while _sockets:
        _sockets.pop().close()


def test_threads_are_inside(fence: Fence) -> None:
    """A thread is stopped as its test is."""
    found: list[BaseException] = []

    def reach() -> None:
        try:
            socket.create_connection((FAR, 443), timeout=5)
        except SocketBlockedError as error:
            found.append(error)

    thread = threading.Thread(target=reach)
    thread.start()
    thread.join()
    assert 1 == len(found)


def test_this_machine_can_be_reached(fence: Fence, server: Server, tmp_path: Path) -> None:
    """A local server, a unix socket, a pair of sockets, a name that was allowed."""
    server.script(says("here"))
    with Client(providers={"fake": {"base_url": server.base_url(), "api_key": "any-key-1"}}) as client:
        assert "here" == client.chat("fake/m", "Hi").text
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as caller:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        caller.connect(str(tmp_path / "s"))
    assert fence.admits("allowed.example.")
    assert not fence.admits("other.example")


def test_the_simulator_and_tapes_need_no_network(fence: Fence, tmp_path: Path) -> None:
    """What sends nothing is not stopped."""
    with cassette(tmp_path / "sim.json", mode="once"), Client() as client:
        assert "Hi" == client.chat("sim/echo", "Hi").text
    with Client() as client:
        assert "Hi" == client.chat("sim/echo", "Hi").text


def test_a_fence_inside_a_fence() -> None:
    """The inner one's words are said; the outer one holds when it is gone."""
    outer, inner = Fence("outer"), Fence("inner")
    outer.close()
    inner.close()
    with pytest.raises(SocketBlockedError, match="inner may not"):
        socket.getaddrinfo("far.example", 443)
    inner.open()
    inner.open()
    with pytest.raises(SocketBlockedError, match="outer may not"):
        socket.getaddrinfo("far.example", 443)
    with Client(providers=ROWS) as client, pytest.raises(NetworkBlockedError, match="outer may not"):
        client.chat("fake/m", "Hi")
    outer.open()
    assert socket.getaddrinfo("127.0.0.1", 443)
