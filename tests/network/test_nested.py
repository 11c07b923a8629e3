"""TLS inside TLS, to a server through a proxy that is itself reached by TLS: the promises of every connection hold."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from dragoman.transport.base import Clockout, Disconnected
from dragoman.transport.tls_value import TLS
from tests.network.proxies_real import PASSWORD, USER
from tests.transport.scripted import CLOSE, HOLD, chunked, plain


@pytest.fixture
def through(face, squid, certificates):
    """A transport that goes through squid by TLS."""
    proxy = f"https://{USER}:{PASSWORD}@localhost:{squid.tls_port}"
    return face.transport(proxy=proxy, tls=TLS(ca=certificates.ca))


def test_large_bodies_both_ways(face, serve, certificates, through):
    """A megabyte each, over one connection, again and again."""
    body = bytes(range(256)) * 4096
    server = serve([plain(body)], context=certificates.server())
    for _ in range(3):
        assert body == face.open(server.url, transport=through, body=body).finish()

    assert 1 == server.connections
    assert [True] * 3 == [request.endswith(body) for request in server.requests]


def test_a_stream_comes_piece_by_piece(face, serve, certificates, through):
    """A piece is there as soon as it was sent; the connection is kept behind the last."""
    script = [chunked(b"one", end=False), 0.1, b"3\r\ntwo\r\n", 0.1, b"0\r\n\r\n"]
    server = serve(script, context=certificates.server())
    for _ in range(2):
        opened = face.open(server.url, transport=through)
        assert (b"one", b"two", b"") == (opened.read(), opened.read(), opened.read())
        opened.release()

    assert 1 == server.connections


def test_an_abort_is_seen_at_once(face, serve, certificates, through):
    """By the server, through the proxy."""
    server = serve([chunked(b"one", end=False), HOLD], context=certificates.server())
    opened = face.open(server.url, transport=through)
    assert b"one" == opened.read()
    began = time.monotonic()
    opened.abort()

    assert server.wait(lambda: len(server.closed) == 1)
    assert server.closed[0] - began <= 0.5


def test_an_abort_wakes_who_reads(face, serve, certificates, through):
    """From another thread, while the reader waits."""
    server = serve([chunked(b"one", end=False), HOLD], context=certificates.server())
    opened = face.open(server.url, transport=through)
    assert b"one" == opened.read()
    timer = threading.Timer(0.1, opened.abort)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Disconnected):
        opened.read(5.0)

    assert time.monotonic() - began <= 3.0
    timer.join()


def test_a_connection_that_the_server_closed_is_not_used_again(face, serve, certificates, through):
    """It is noticed before the next request."""
    server = serve([plain(), 0.05, CLOSE], [plain(b"again")], context=certificates.server())
    assert b"hello" == face.open(server.url, transport=through).finish()
    time.sleep(0.3)

    assert b"again" == face.open(server.url, transport=through).finish()
    assert (2, 2) == (server.connections, len(server.requests))


def test_the_body_has_a_deadline(face, serve, certificates, through):
    """Silence ends it, and so does a body that never ends."""
    server = serve([chunked(b"one", end=False), HOLD], context=certificates.server())
    opened = face.open(server.url, transport=through)
    assert b"one" == opened.read()
    began = time.monotonic()
    with pytest.raises(Clockout) as caught:
        opened.read(0.3)

    assert caught.value.sent
    assert 0.29 <= time.monotonic() - began <= 3.0


@pytest.fixture
def dripping(certificates) -> Iterator[Callable[[bool], int]]:
    """
    Servers that send their TLS records byte by byte: from the start, or once the head of an answer is out.

    They give their port; a byte comes every 20 ms.
    """
    stop = threading.Event()
    threads: list[threading.Thread] = []
    listeners: list[socket.socket] = []

    def start(at_once: bool) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threads.append(threading.Thread(target=_drip, args=(listener, certificates.server(), at_once, stop)))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield start
    stop.set()
    for each in threads:
        each.join(5)
    for each in listeners:
        each.close()


def _drip(listener: socket.socket, context: ssl.SSLContext, at_once: bool, stop: threading.Event) -> None:
    connection, _ = listener.accept()
    with connection:
        record = b"\x16\x03\x03\x3f\xff" + bytes(0x3FFF) if at_once else _answer(connection, context)
        try:
            for byte in record:
                if stop.wait(0.02):
                    return
                connection.sendall(bytes([byte]))
        except OSError:
            return


def _answer(connection: socket.socket, context: ssl.SSLContext) -> bytes:
    """Do the handshake, read a request, send the head of an answer; the record in which its body would come."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)

    def until_done(operation: Callable[[], object]) -> object:
        while True:
            try:
                return operation()
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65536))

    until_done(tls.do_handshake)
    until_done(lambda: tls.read(65536))
    tls.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n")
    connection.sendall(outgoing.read())
    tls.write(bytes(10000))
    return outgoing.read()


def test_a_dripped_handshake_has_a_deadline(face, through, dripping):
    """The connect clock counts the inner handshake, too; nothing was sent."""
    url = f"https://127.0.0.1:{dripping(True)}/v1"
    began = time.monotonic()
    with pytest.raises(Clockout) as caught:
        face.open(url, transport=through, connect=0.5)

    assert 0.49 <= time.monotonic() - began <= 3.0
    assert not caught.value.sent


def test_a_dripped_record_has_a_deadline(face, through, dripping):
    """Bytes that come do not extend it, as long as they are not whole."""
    opened = face.open(f"https://127.0.0.1:{dripping(False)}/v1", transport=through)
    began = time.monotonic()
    with pytest.raises(Clockout):
        opened.read(0.5)

    assert 0.49 <= time.monotonic() - began <= 3.0
