"""HTTP/1.1 as the test server reads it, by bytes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.testing.http1 import MAX_BODY, MAX_HEAD, BadHttp, RequestParser, chunk, reply_head

PLAIN = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /a%20b?q=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3;ext=1\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"
)
GET = b"GET /v1/models HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@given(cuts=st.lists(st.integers(1, 40), max_size=30))
def test_requests_do_not_depend_on_where_the_bytes_are_cut(cuts):
    """Three requests on one connection come out whole and in order, however the bytes are cut."""
    data = PLAIN + CHUNKED + GET
    parser = RequestParser()
    seen = []
    for size in cuts:
        seen += parser.feed(data[:size])
        data = data[size:]
    seen += parser.feed(data)

    assert [b"hello", b"hello", b""] == [body for _, body in seen]
    assert ["/v1/chat/completions", "/a b", "/v1/models"] == [head.path for head, _ in seen]
    assert ["", "q=1", ""] == [head.query for head, _ in seen]
    assert [True, True, False] == [head.keep_alive for head, _ in seen]


def test_header_names_are_lower_case_and_repeated_ones_joined():
    """Names in lower case, values without outer space, repeated ones joined by a comma."""
    [(head, _)] = RequestParser().feed(b"GET / HTTP/1.1\r\nX-One:  a \r\nx-one: b\r\n\r\n")

    assert {"x-one": "a, b"} == head.headers


@pytest.mark.parametrize(
    ("version", "connection", "expected"),
    [("1.1", "", True), ("1.1", "close", False), ("1.0", "", False), ("1.0", "keep-alive", True)],
)
def test_keep_alive_is_the_default_of_1_1_only(version, connection, expected):
    """HTTP/1.1 keeps the connection unless told otherwise, HTTP/1.0 closes it."""
    line = f"Connection: {connection}\r\n" if connection else ""
    [(head, _)] = RequestParser().feed(f"GET / HTTP/{version}\r\n{line}\r\n".encode())

    assert expected is head.keep_alive


def test_a_client_that_expects_100_continue_is_told_so():
    """The wish for `100 Continue` shows until the body comes."""
    parser = RequestParser()
    parser.feed(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert parser.wants_continue

    assert b"ab" == parser.feed(b"ab")[0][1]
    assert not parser.wants_continue


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01", 400, id="tls"),
        pytest.param(b"GET /\r\n\r\n", 400, id="no-version"),
        pytest.param(b"GET / HTTP/2.0\r\n\r\n", 400, id="other-version"),
        pytest.param(b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, id="no-colon"),
        pytest.param(b"GET / HTTP/1.1\r\nName : x\r\n\r\n", 400, id="space-before-colon"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, id="negative-length"),
        pytest.param(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413, id="body-too-large"),
        pytest.param(b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501, id="coding"),
        pytest.param(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, id="chunk-size"),
        pytest.param(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400, id="chunk-too-long"),
        pytest.param(b"G" * (MAX_HEAD + 1), 431, id="headers-too-large"),
    ],
)
def test_what_is_not_http_is_refused_with_a_status(data, status):
    """Each kind of nonsense is refused with the status that fits it."""
    with pytest.raises(BadHttp) as caught:
        RequestParser().feed(data)

    assert status == caught.value.status


def test_time_is_linear_in_the_bytes():
    """Headers and a body that arrive byte by byte are read in far less than quadratic time."""
    head = b"POST / HTTP/1.1\r\nX: " + b"y" * 100_000 + b"\r\nContent-Length: 100000\r\n\r\n"
    parser = RequestParser()
    began = time.perf_counter()
    seen = [request for byte in head + b"z" * 100_000 for request in parser.feed(bytes((byte,)))]

    assert 100_000 == len(seen[0][1])
    assert time.perf_counter() - began < 5


def test_what_goes_back_is_http():
    """A status without a name of its own is written too; an empty chunk ends a body."""
    assert b"HTTP/1.1 529 Unknown\r\na: b\r\n\r\n" == reply_head(529, {"a": "b"})
    assert b"a\r\n0123456789\r\n0\r\n\r\n" == chunk(b"0123456789") + chunk(b"")
