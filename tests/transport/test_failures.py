"""What a transport does when it goes wrong, on both faces: the right error, never a short answer as a whole one."""

from __future__ import annotations

import gzip
import socket
import threading
import time

import pytest

from dragoman.errors import ConfigError, ConnectError, WireError
from dragoman.transport.base import Clockout, Disconnected
from tests.transport.scripted import CLOSE, HOLD, RESET, Step, chunked, plain


@pytest.fixture
def nobody():
    """A port where nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


def test_a_refused_connection_is_a_connect_error(face, nobody):
    """It names host and port and asks whether the server runs."""
    with pytest.raises(ConnectError, match=rf"127\.0\.0\.1:{nobody}: connection refused") as caught:
        face.open(f"http://127.0.0.1:{nobody}/")

    assert caught.value.retryable


def test_a_name_that_does_not_resolve_is_a_connect_error(face):
    """`.invalid` never resolves (RFC 6761)."""
    with pytest.raises(ConnectError, match=r"nowhere\.invalid:80: the name does not resolve"):
        face.open("http://nowhere.invalid/")


@pytest.mark.parametrize(
    "url", ["ftp://x/", "x/y", "http:///x", "http://a:b@host/", "http://host:99999/", "http://host/a b", "http://[::1/"]
)
def test_a_url_that_cannot_be_used_is_a_config_error(face, url):
    """It names the field, and does not show what may be a credential."""
    with pytest.raises(ConfigError) as caught:
        face.open(url)

    assert "base_url" == caught.value.field
    assert "a:b" not in str(caught.value)


@pytest.mark.parametrize("ending", [CLOSE, RESET], ids=["close", "reset"])
def test_no_answer_at_all(face, serve, ending):
    """The connection ends before the status line: not answered, not a kept connection."""
    server = serve([ending])
    with pytest.raises(Disconnected) as caught:
        face.open(server.url)

    assert (False, False) == (caught.value.answered, caught.value.reused)
    assert 1 == len(server.requests)


@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
@pytest.mark.parametrize("ending", [CLOSE, RESET], ids=["close", "reset"])
def test_a_request_is_sent_once_on_a_kept_connection(face, serve, method, ending):
    """A kept connection that breaks under the request is reported; the library does not send it again by itself."""
    server = serve([plain()], [ending], [plain()])
    face.open(server.url, method=method, body=b"").finish()
    with pytest.raises(Disconnected) as caught:
        face.open(server.url, method=method, body=b"")

    assert (False, True) == (caught.value.answered, caught.value.reused)
    assert (1, 2) == (server.connections, len(server.requests))


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_request_is_sent_once_on_a_new_connection(face, serve, method):
    """The same for a connection that was just opened."""
    server = serve([CLOSE], [plain()])
    with pytest.raises(Disconnected):
        face.open(server.url, method=method, body=b"")

    assert (1, 1) == (server.connections, len(server.requests))


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"<html>\r\n<body>Bad gateway</body>\r\n\r\n", id="html"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="ssh"),
        pytest.param(b"\x16\x03\x01\x00\x05hello\r\n", id="tls"),
        pytest.param(b"\0" * 100, id="zeros"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="status"),
    ],
)
def test_what_is_not_http_is_no_answer(face, serve, garbage):
    """Something else than a status line comes."""
    server = serve([garbage, CLOSE])
    with pytest.raises(Disconnected, match="not HTTP") as caught:
        face.open(server.url)

    assert not caught.value.answered


@pytest.mark.parametrize("ending", [CLOSE, RESET], ids=["close", "reset"])
def test_headers_that_are_cut_are_no_headers(face, serve, ending):
    """The status line came, the end of the headers did not."""
    server = serve([b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-a: 1\r\n", 0.05, ending])
    with pytest.raises(Disconnected) as caught:
        face.open(server.url)

    assert caught.value.answered or ending is RESET  # what a reset destroyed cannot be told


def test_a_line_that_is_no_header_is_an_error(face, serve):
    """Everything behind it would be read in the wrong way."""
    server = serve([b"HTTP/1.1 200 OK\r\nthis is no header\r\ncontent-length: 2\r\n\r\nok", CLOSE])
    with pytest.raises(WireError, match=r"headers|cannot be read"):
        face.open(server.url)


def test_an_unknown_framing_is_an_error(face, serve):
    """A transfer coding that was not asked for cannot be read."""
    server = serve([b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"])
    with pytest.raises(WireError, match="transfer-encoding"):
        face.open(server.url)


_CUT: list[tuple[str, list[Step], bytes]] = [
    ("length", [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello"], b"hello"),
    ("in a chunk", [chunked(b"hello", end=False) + b"ff\r\nmore"], b"hellomore"),
    ("between chunks", [chunked(b"hello", end=False)], b"hello"),
    ("in a size", [chunked(b"hello", end=False) + b"1"], b"hello"),
    ("before the last line end", [chunked(b"hello", end=False) + b"0\r\n"], b"hello"),
    ("no body", [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"], b""),
]


@pytest.mark.parametrize("ending", [CLOSE, RESET], ids=["close", "reset"])
@pytest.mark.parametrize(("steps", "arrived"), [case[1:] for case in _CUT], ids=[case[0] for case in _CUT])
def test_a_body_that_is_cut_is_no_body(face, serve, steps, arrived, ending):
    """What arrived is given out, then the error; never a clean end."""
    server = serve([*steps, 0.05, ending])
    opened = face.open(server.url)
    pieces: list[bytes] = []
    with pytest.raises(Disconnected) as caught:
        opened.gather(pieces)

    assert arrived == b"".join(pieces)
    assert caught.value.answered
    with pytest.raises(Disconnected):
        opened.read()


def test_what_arrived_before_a_cut_is_given_out_though_nobody_was_reading(face, serve):
    """The connection broke while the caller was busy with something else."""
    server = serve([chunked(b"hello", end=False), 0.02, b"5\r\nworld\r\n", CLOSE])
    opened = face.open(server.url)
    time.sleep(0.15)
    pieces: list[bytes] = []
    with pytest.raises(Disconnected):
        opened.gather(pieces)

    assert b"helloworld" == b"".join(pieces)


@pytest.mark.parametrize("size", [b"-5", b"0x5", b"zz", b"1_0", b"", b"ffffffffffffffffff"])
def test_damaged_chunks_are_an_error(face, serve, size):
    """A size that is none, with what is good or after it."""
    start, rest = chunked(b"hello", end=False), size + b"\r\nhello\r\n0\r\n\r\n"
    server = serve([start, 0.05, rest, CLOSE], [start + rest, CLOSE])
    opened = face.open(server.url)
    assert b"hello" == opened.read()
    with pytest.raises(Disconnected):
        opened.read()

    with pytest.raises((Disconnected, WireError)):
        face.open(server.url).all()


@pytest.mark.parametrize("pause", [0.0, 0.0002], ids=["at once", "dripped"])
@pytest.mark.parametrize("line", [200, 3000, 100_000], ids=["many", "some", "long"])
def test_headers_above_the_limit_are_an_error(face, serve, line, pause):
    """300 KiB in many small, some larger or a few long lines, at once or in pieces."""
    field = b"x" * line + b"\r\n"
    steps: list[Step] = [b"HTTP/1.1 200 OK\r\n"]
    for i in range(300 * 1024 // line + 1):
        steps += [b"x-%d: " % i + field, pause]
    server = serve([*steps, b"content-length: 2\r\n\r\nok", HOLD])
    with pytest.raises(WireError, match=r"headers|cannot be read"):
        face.open(server.url)

    assert server.wait(lambda: len(server.closed) == 1)


def test_large_headers_below_the_limit_are_read(face, serve):
    """60 headers of 3,000 bytes each."""
    headers = "".join(f"x-{i}: {'v' * 3000}\r\n" for i in range(60))
    server = serve([plain(headers=headers)])
    opened = face.open(server.url)

    assert "v" * 3000 == opened.headers["x-59"]
    assert b"hello" == opened.finish()


def test_the_limit_of_the_headers_can_be_set(face, serve):
    """A small limit holds, and a body that comes along with small headers does not count."""
    transport = face.transport(max_headers=1000)
    server = serve([plain(headers=f"x-a: {'v' * 1000}\r\n")], [plain(b"b" * 5000)])
    with pytest.raises(WireError, match="1000 bytes"):
        face.open(server.url, transport=transport)

    assert b"b" * 5000 == face.open(server.url, transport=transport).finish()


@pytest.mark.parametrize("framing", ["length", "chunks", "close"])
def test_a_body_above_the_limit_is_an_error(face, serve, framing):
    """Whatever ends it, it is not read on; up to the limit it is."""
    transport = face.transport(max_body=100_000)
    piece = b"x" * 50_000
    answers = {
        "length": plain(piece * 3),
        "chunks": chunked(piece, piece, piece),
        "close": b"HTTP/1.1 200 OK\r\n\r\n" + piece * 3,
    }
    server = serve([answers[framing], *([CLOSE] if framing == "close" else [])], [plain(piece * 2)])
    opened = face.open(server.url, transport=transport)
    with pytest.raises(WireError, match="100000 bytes"):
        opened.all()

    assert piece * 2 == face.open(server.url, transport=transport).finish()


def test_a_decompression_bomb_is_an_error(face, serve):
    """20 MB of zeros in 20 KB: refused at the limit, and never whole in memory."""
    transport = face.transport(max_body=1_000_000)
    bomb = gzip.compress(bytes(20_000_000))
    server = serve([plain(bomb, headers="content-encoding: gzip\r\n")])
    opened = face.open(server.url, transport=transport)
    pieces: list[bytes] = []
    with pytest.raises(WireError, match="1000000 bytes"):
        opened.gather(pieces)

    assert max(map(len, pieces)) <= 256 * 1024


def test_an_early_answer_to_a_large_request_is_read(face, serve):
    """The server says no before it has read everything, and closes."""

    def refuse(connection: socket.socket) -> None:
        connection.sendall(plain(b"too large", status="413 Content Too Large", headers="connection: close\r\n"))
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.1)

    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            refuse(connection)

    thread = threading.Thread(target=accept)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    try:
        opened = face.open(url, body=b"x" * 200)
        assert (413, b"too large") == (opened.status, opened.finish())
    finally:
        thread.join()
        listener.close()


def test_a_deadline_that_has_passed_sends_nothing(face, serve):
    """Neither a new connection is opened nor a kept one used."""
    server = serve([plain()])
    for count in range(2):
        with pytest.raises(Clockout) as caught:
            face.open(server.url, seconds=-1.0)
        assert not caught.value.sent
        assert count == len(server.requests)
        face.open(server.url).finish()
