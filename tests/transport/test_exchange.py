"""What a transport does when all goes well, on both faces."""

from __future__ import annotations

import gzip
import socket
import time
import zlib

import pytest

from dragoman.errors import ConfigError, WireError
from tests.transport.scripted import CLOSE, HOLD, chunked, plain


def test_a_plain_answer_arrives_whole(face, serve):
    """Status, headers in lower case and the body come as they were sent."""
    server = serve([plain(b"hello", status="201 Created", headers="X-Thing: One\r\n")])

    opened = face.open(server.url)

    assert (201, "One") == (opened.status, opened.headers["x-thing"])
    assert b"hello" == opened.finish()


def test_what_is_sent(face, serve):
    """Method, target, host, length, body, our user agent and the given headers leave; nothing else does."""
    server = serve([plain()])
    face.open(server.url + "/a%2Fb?x=1", headers={"x-one": "1", "authorization": "Bearer k"}, body=b"body").finish()

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    names = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
    assert "POST /v1/a%2Fb?x=1 HTTP/1.1" == line
    assert b"body" == body
    agent = names.pop("user-agent")
    assert agent.startswith("dragoman/")
    assert {
        "host": f"127.0.0.1:{server.port}",
        "content-length": "4",
        "accept-encoding": "gzip, deflate",
        "x-one": "1",
        "authorization": "Bearer k",
    } == names


def test_a_stream_is_asked_for_uncompressed(face, serve):
    """Compression would hold events back."""
    server = serve([plain()])
    face.open(server.url, headers={"accept": "text/event-stream"}).finish()

    assert b"accept-encoding: identity" in server.requests[0].lower()


def test_a_get_has_no_body(face, serve):
    """A request without a body announces none."""
    server = serve([plain()])
    face.open(server.url, method="GET", body=b"").finish()

    assert server.requests[0].startswith(b"GET /v1 HTTP/1.1\r\n")
    assert b"content-length" not in server.requests[0].lower()


def test_a_large_body_is_sent_whole(face, serve):
    """Eight megabytes arrive as they are."""
    server = serve([plain()])
    body = bytes(range(256)) * 32768
    face.open(server.url, body=body).finish()

    assert server.requests[0].endswith(b"\r\n\r\n" + body)


def test_text_beyond_ascii_in_a_header_is_utf8(face, serve):
    """Both faces send the same bytes."""
    server = serve([plain()])
    face.open(server.url, headers={"x-title": "Café"}).finish()

    assert "x-title: Café\r\n".encode() in server.requests[0]


@pytest.mark.parametrize("value", ["sk-secret\n", "a\r\nx-evil: 1", "a\x00b"])
def test_a_header_that_would_break_its_line_is_refused(face, serve, value):
    """The error names the header and not the value; nothing is sent."""
    server = serve([plain()])
    with pytest.raises(ConfigError) as caught:
        face.open(server.url, headers={"authorization": value})

    assert "headers.authorization" == caught.value.field
    assert "secret" not in str(caught.value)
    assert 0 == server.connections


def test_chunks_come_as_they_are_sent(face, serve):
    """Each piece is given out when it is there, not when a buffer is full."""
    pieces = [b"data: %d\n\n" % i for i in range(4)]
    frames = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
    server = serve([chunked(end=False), *[step for frame in frames for step in (frame, 0.03)], b"0\r\n\r\n"])

    opened = face.open(server.url)

    assert [*pieces, b""] == [opened.read() for _ in range(5)]


def test_a_chunk_cut_anywhere_is_put_together(face, serve):
    """The frames of the coding may be split at every byte."""
    data = chunked(b"hello ", b"world", headers="trailer: x\r\n", end=False) + b"0;a=b\r\nx: 1\r\n\r\n"
    server = serve([step for byte in data for step in (bytes([byte]), 0.0005)], [plain(b"next")])

    assert b"hello world" == face.open(server.url).finish()
    assert b"next" == face.open(server.url).finish()
    assert 1 == server.connections


def test_a_connection_is_used_again(face, serve):
    """Ten calls in a row need one connection."""
    server = serve([plain()])
    for _ in range(10):
        face.open(server.url).finish()

    assert (1, 10) == (server.connections, len(server.requests))


def test_a_whole_answer_keeps_its_connection_though_its_end_was_not_read(face, serve):
    """After the last event the caller releases; the last chunk, right behind it, is found without waiting."""
    server = serve([chunked(b"data: [DONE]\n\n", end=False), 0.05, b"0\r\n\r\n"])
    for _ in range(3):
        opened = face.open(server.url)
        assert b"data: [DONE]\n\n" == opened.read()
        opened.release()
        time.sleep(0.1)

    assert 1 == server.connections


def test_a_released_connection_whose_body_goes_on_is_not_used_again(face, serve):
    """What belongs to one answer never begins the next."""
    server = serve([chunked(b"one", end=False), 0.3, b"5\r\nrest!\r\n0\r\n\r\n"], [plain(b"two")])
    opened = face.open(server.url)
    assert b"one" == opened.read()
    opened.release()

    assert b"two" == face.open(server.url).finish()
    assert 2 == server.connections


def test_bytes_after_the_end_are_not_the_next_answer(face, serve):
    """A connection that says more than it should is not used again."""
    evil = plain(b"evil")
    server = serve([plain(b"one") + evil, 0.05], [plain(b"two")])

    assert b"one" == face.open(server.url).finish()
    assert b"two" == face.open(server.url).finish()


def test_a_connection_that_was_closed_while_idle_is_not_used(face, serve):
    """The next call gets a new connection instead of failing."""
    server = serve([plain(), CLOSE])
    for _ in range(3):
        assert b"hello" == face.open(server.url).finish()
        time.sleep(0.1)

    assert (3, 3) == (server.connections, len(server.requests))


def test_connection_close_is_obeyed(face, serve):
    """The body is read although the server announces to close."""
    server = serve([plain(headers="connection: close\r\n"), HOLD])

    assert b"hello" == face.open(server.url).finish()
    assert b"hello" == face.open(server.url).finish()
    assert 2 == server.connections
    assert server.wait(lambda: len(server.closed) == 2)


def test_a_body_without_length_ends_with_its_connection(face, serve):
    """As HTTP/1.0 has it."""
    server = serve([b"HTTP/1.1 200 OK\r\n\r\nhello", 0.02, b" world", CLOSE])

    assert b"hello world" == face.open(server.url).finish()


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_without_body_ends_at_its_headers(face, serve, status):
    """Nothing is waited for, and the connection is kept."""
    server = serve([f"HTTP/1.1 {status}\r\n\r\n".encode()])

    assert [b"", b""] == [face.open(server.url).finish() for _ in range(2)]
    assert 1 == server.connections


def test_interim_answers_are_passed_over(face, serve):
    """Early hints and 100 Continue are not the answer."""
    hints = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    server = serve([hints + hints + plain(b"final")])
    opened = face.open(server.url)

    assert (200, b"final") == (opened.status, opened.finish())
    assert "link" not in opened.headers


def test_a_redirect_is_an_answer(face, serve):
    """It is not followed: the key would travel to where it points."""
    server = serve([plain(status="302 Found", headers="location: /elsewhere\r\n")])
    opened = face.open(server.url, method="GET", body=b"")

    assert (302, "/elsewhere") == (opened.status, opened.headers["location"])
    opened.finish()
    assert 1 == len(server.requests)


def test_cookies_are_not_kept(face, serve):
    """A transport has no memory of what servers set."""
    server = serve([plain(headers="set-cookie: a=b; Path=/\r\n")])
    for _ in range(2):
        face.open(server.url).finish()

    assert b"cookie" not in server.requests[1].lower()


def test_odd_bytes_in_the_head_do_not_matter(face, serve):
    """Reason and values are bytes of any kind; repeated headers are joined, folded ones are one line."""
    head = b"HTTP/1.1 200 \xe9\xff\r\nX-A: caf\xe9\r\nX-B: \xff\xfe\r\nx-c: 1\r\nX-C: 2\r\ncontent-length: 2\r\n\r\n"
    server = serve([head + b"ok"])
    opened = face.open(server.url)

    assert ("café", "\xff\xfe", "1, 2") == tuple(opened.headers[name] for name in ("x-a", "x-b", "x-c"))
    assert b"ok" == opened.finish()


def test_ipv6(face, serve):
    """A literal IPv6 address stands in brackets."""
    server = serve([plain()], family=socket.AF_INET6)

    assert b"hello" == face.open(f"http://[::1]:{server.port}/").finish()
    assert f"host: [::1]:{server.port}\r\n".encode() in server.requests[0].lower()


def test_a_name_is_resolved(face, serve):
    """`localhost` may mean an address where nobody listens, and then another."""
    server = serve([plain()])

    assert b"hello" == face.open(f"http://localhost:{server.port}/").finish()


_BARE = zlib.compressobj(wbits=-15)
_COMPRESSED = {
    "gzip": gzip.compress(b"hello" * 1000),
    "x-gzip": gzip.compress(b"hello" * 500) + gzip.compress(b"hello" * 500) + b"\0" * 8,
    "deflate": zlib.compress(b"hello" * 1000),
    "Deflate": _BARE.compress(b"hello" * 1000) + _BARE.flush(),
}


@pytest.mark.parametrize("coding", _COMPRESSED)
def test_a_compressed_body_is_inflated(face, serve, coding):
    """gzip of one or several members, deflate with and without its header."""
    data = _COMPRESSED[coding]
    pieces = [data[i : i + 7] for i in range(0, len(data), 7)]
    server = serve([chunked(*pieces, headers=f"content-encoding: {coding}\r\n")])

    assert b"hello" * 1000 == face.open(server.url).finish()


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        pytest.param("gzip", _COMPRESSED["gzip"][:-9], id="short"),
        pytest.param("gzip", b"\x1f\x8b" + b"\xff" * 40, id="garbage"),
        pytest.param("gzip", _COMPRESSED["gzip"][:-6] + b"\0\0\0\0\0\0", id="checksum"),
        pytest.param("gzip", _COMPRESSED["gzip"] + b"trailing", id="trailing"),
        pytest.param("deflate", b"\xff" * 40, id="deflate"),
        pytest.param("br", b"\x8b\x02\x80hello\x03", id="unknown"),
        pytest.param("gzip, gzip", b"x", id="twice"),
    ],
)
def test_damaged_compression_is_an_error(face, serve, coding, data):
    """It names the coding, and no part is handed over as the whole."""
    server = serve([plain(data, headers=f"content-encoding: {coding}\r\n")])
    with pytest.raises(WireError, match=coding):
        face.open(server.url).all()
