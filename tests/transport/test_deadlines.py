"""Deadlines hold whatever the server drips, on both faces: `timeout=2` must end within 2.25 s."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dragoman.errors import ConnectError
from dragoman.transport.base import Clockout
from tests.transport.scripted import HOLD, Step, chunked, plain

LIMIT = 0.4
MARGIN = 0.25


@contextmanager
def ends_in_time(limit: float = LIMIT) -> Iterator[None]:
    """What stands inside ends at the limit: not before, and not more than the margin after."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert limit - 0.01 <= took <= limit + MARGIN


def drip(data: bytes, pause: float = 0.02) -> list[Step]:
    return [step for byte in data for step in (bytes([byte]), pause)]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([HOLD], id="silence"),
        pytest.param(drip(b"HTTP/1.1 200 " + b"O" * 200), id="dripped status line"),
        pytest.param([b"HTTP/1.1 200 OK\r\n", *drip(b"x-a: " + b"b" * 200)], id="dripped header"),
        pytest.param([b"HTTP/1.1 200 OK\r\n", *drip(b"a: b\r\n" * 50)], id="dripped headers"),
        pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n", 0.01] * 200, id="interim for ever"),
    ],
)
def test_headers_have_a_deadline(face, serve, steps):
    """Bytes that come do not extend it; something may have been sent."""
    server = serve(steps)
    with ends_in_time(), pytest.raises(Clockout) as caught:
        face.open(server.url, seconds=LIMIT)

    assert caught.value.sent


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([chunked(b"x", end=False), HOLD], id="silence"),
        pytest.param([chunked(b"x", end=False), *drip(b"5;" + b"e" * 200)], id="dripped size"),
        pytest.param([chunked(b"x", end=False), *drip(b"0\r\n" + b"t: x\r\n" * 50)], id="dripped trailers"),
        pytest.param([chunked(b"x", end=False), *[b"1\r\n:\r\n", 0.02] * 100], id="comments for ever"),
        pytest.param([b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\nx", *drip(b"y" * 200)], id="dripped body"),
    ],
)
def test_the_body_has_a_deadline(face, serve, steps):
    """It is absolute: however many reads it takes."""
    server = serve(steps)
    opened = face.open(server.url)
    until = time.monotonic() + LIMIT
    with ends_in_time(), pytest.raises(Clockout) as caught:
        opened.all_until(until)

    assert caught.value.sent


def test_a_deadline_may_move(face, serve):
    """Each read has its own: later, earlier and none in turn."""
    server = serve([chunked(end=False), *[step for _ in range(6) for step in (b"1\r\nx\r\n", 0.1)], HOLD])
    opened = face.open(server.url)
    assert [b"x"] * 6 == [opened.read(seconds) for seconds in (5.0, 0.3, None, 9.0, 0.4, 0.5)]

    with ends_in_time(0.2), pytest.raises(Clockout):
        opened.read(0.2)


def test_a_flood_has_a_deadline(face, serve):
    """Data that is always there does not outrun the clock."""

    def flood(connection: socket.socket) -> None:
        data = b"4\r\n:ok\n\r\n" * 1000
        while True:
            connection.sendall(data)

    server = serve([chunked(end=False), flood])
    opened = face.open(server.url)
    until = time.monotonic() + LIMIT
    with ends_in_time(), pytest.raises(Clockout):
        opened.all_until(until)
    opened.abort()


def test_sending_has_a_deadline(face):
    """The server accepts and reads nothing of a large request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with ends_in_time(), pytest.raises(Clockout) as caught:
            face.open(url, body=b"x" * 50_000_000, seconds=LIMIT)

        assert caught.value.sent


def test_connecting_has_a_deadline(face):
    """A full backlog: the connection is neither accepted nor refused.  Nothing was sent."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        time.sleep(0.05)
        try:
            with ends_in_time(), pytest.raises(Clockout) as caught:
                face.open(f"http://127.0.0.1:{address[1]}/", connect=LIMIT, seconds=5.0)
            assert not caught.value.sent
        finally:
            for filler in fillers:
                filler.close()


def test_tls_has_a_deadline(face):
    """The server accepts and never answers the handshake, which counts as connecting."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with ends_in_time(), pytest.raises(Clockout) as caught:
            face.open(f"https://127.0.0.1:{listener.getsockname()[1]}/", connect=LIMIT, seconds=5.0)

        assert not caught.value.sent


def test_a_dripped_handshake_has_a_deadline(face):
    """A record of TLS that comes byte by byte."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve_drops() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                for byte in b"\x16\x03\x03\x40\x00" + bytes(200):
                    connection.sendall(bytes([byte]))
                    time.sleep(0.02)
            except OSError:
                pass

    thread = threading.Thread(target=serve_drops)
    thread.start()
    try:
        with ends_in_time(), pytest.raises((Clockout, ConnectError)):
            face.open(f"https://127.0.0.1:{listener.getsockname()[1]}/", connect=LIMIT, seconds=5.0)
    finally:
        listener.close()
        thread.join()


def test_the_connect_clock_ends_with_the_connection(face, serve):
    """An answer may take longer than connecting may."""
    server = serve([0.4, plain()])

    assert b"hello" == face.open(server.url, connect=0.2, seconds=5.0).finish()


def test_a_call_that_ran_out_leaves_nothing_behind(face, serve):
    """Its connection is closed, its answer is not the next one's."""
    server = serve([0.3, plain(b"late"), HOLD], [plain(b"second")])
    with pytest.raises(Clockout):
        face.open(server.url, seconds=0.1)

    assert b"second" == face.open(server.url).finish()
    assert 2 == server.connections
