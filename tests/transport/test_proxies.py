"""Going through proxies, on both faces."""

from __future__ import annotations

import base64
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from dragoman.errors import ConfigError, ConnectError
from dragoman.transport.base import Clockout
from dragoman.transport.tls_value import TLS
from tests.transport.proxies import TestProxy, http_proxy, socks4_proxy, socks5_proxy
from tests.transport.scripted import HOLD, chunked, plain

PASSWORD = "pass:word-that-nobody-sees"
CREDENTIALS = base64.b64encode(f"user:{PASSWORD}".encode())


@pytest.fixture
def proxy() -> Iterator[Callable[..., TestProxy]]:
    """Start proxies."""
    started: list[TestProxy] = []

    def start(protocol: Any) -> TestProxy:
        started.append(TestProxy(protocol))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> ssl.SSLContext:
    """What a server of 127.0.0.1 shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture
def trusting(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def test_http_goes_in_absolute_form(face, serve, proxy):
    """The proxy gets the whole URL and its credentials; the server the path."""
    server, between = serve([plain()]), proxy(http_proxy)
    between.credentials = CREDENTIALS
    url = f"http://user:{PASSWORD.replace(':', '%3A')}@127.0.0.1:{between.port}"
    transport = face.transport(proxy=url)

    assert b"hello" == face.open(server.url, transport=transport).finish()
    assert between.asked[0].startswith(f"POST {server.url} HTTP/1.1\r\n")
    assert f"\r\nhost: 127.0.0.1:{server.port}\r\n" in between.asked[0].lower()
    assert b"POST /v1 HTTP/1.1" == server.requests[0].split(b"\r\n")[0]


def test_https_goes_through_connect(face, serve, proxy, secure, trusting):
    """The proxy sees where it goes and its own credentials, and nothing of the request."""
    server, between = serve([plain()], context=secure), proxy(http_proxy)
    between.credentials = CREDENTIALS
    url = f"http://user:{PASSWORD.replace(':', '%3A')}@127.0.0.1:{between.port}"
    transport = face.transport(proxy=url, tls=TLS(ca=trusting))
    for _ in range(2):
        opened = face.open(server.url, transport=transport, headers={"authorization": "Bearer key"})
        assert b"hello" == opened.finish()

    assert 1 == len(between.asked)
    assert between.asked[0].startswith(f"CONNECT 127.0.0.1:{server.port} HTTP/1.")
    assert "Bearer" not in between.asked[0]
    assert b"proxy-authorization" not in server.requests[0].lower()
    assert server.requests[0].startswith(b"POST /v1 HTTP/1.1\r\n")


def test_a_proxy_that_refuses_is_a_connect_error(face, serve, proxy, secure, trusting):
    """It names the proxy and what it said, never the credentials."""
    server, between = serve([plain()], context=secure), proxy(http_proxy)
    between.credentials = b"others"
    transport = face.transport(proxy=f"http://user:{PASSWORD}@127.0.0.1:{between.port}", tls=TLS(ca=trusting))
    with pytest.raises(ConnectError, match=rf"through the proxy 127\.0\.0\.1:{between.port}.*407") as caught:
        face.open(server.url, transport=transport)

    assert "nobody-sees" not in str(caught.value)
    assert 0 == server.connections


def test_a_proxy_that_is_not_there_is_a_connect_error(face, serve):
    """It names both."""
    server = serve([plain()])
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        transport = face.transport(proxy=f"http://user:{PASSWORD}@127.0.0.1:{port}")
        with pytest.raises(ConnectError, match=rf"127\.0\.0\.1:{server.port} through the proxy 127\.0\.0\.1:{port}"):
            face.open(server.url, transport=transport)


def test_the_reply_to_connect_has_a_deadline(face, proxy):
    """Dripped bytes do not extend the connect clock; nothing was sent to the server."""

    def drip(_: TestProxy, connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200:
            connection.sendall(bytes([byte]))
            time.sleep(0.02)

    transport = face.transport(proxy=f"http://127.0.0.1:{proxy(drip).port}")
    began = time.monotonic()
    with pytest.raises(Clockout) as caught:
        face.open("https://server.invalid/", transport=transport, connect=0.3)

    assert 0.29 <= time.monotonic() - began <= 2.5
    assert not caught.value.sent


def test_the_environment_names_the_proxy(face, serve, proxy):
    """It is looked at on the first call, not when the transport is made; this machine is reached directly."""
    server, between = serve([plain()]), proxy(http_proxy)
    environ: dict[str, str] = {}
    transport = face.transport(environ=environ)
    environ["all_proxy"] = f"http://127.0.0.1:{between.port}"
    assert b"hello" == face.open(server.url, transport=transport).finish()
    assert [] == between.asked

    with pytest.raises(ConnectError, match="through the proxy"):
        face.open("https://server.invalid/", transport=transport)
    assert between.asked[0].startswith("CONNECT server.invalid:443 ")


@pytest.mark.parametrize(
    ("scheme", "protocol"),
    [("socks5", socks5_proxy), ("socks5h", socks5_proxy), ("socks4", socks4_proxy), ("socks4a", socks4_proxy)],
)
@pytest.mark.parametrize("encrypted", [False, True], ids=["http", "https"])
def test_socks(face, serve, proxy, secure, trusting, scheme, protocol, encrypted):
    """All dialects, with and without TLS; the connection is kept."""
    server = serve([plain()], context=secure if encrypted else None)
    between = proxy(protocol)
    transport = face.transport(proxy=f"{scheme}://127.0.0.1:{between.port}", tls=TLS(ca=trusting))
    url = server.url.replace("127.0.0.1", "localhost")
    for _ in range(2):
        assert b"hello" == face.open(url, transport=transport).finish()

    named = scheme in ("socks5h", "socks4a")
    # Here a name is resolved to what it is first; with IPv6 that is not where the server listens.
    assert [f"localhost:{server.port}" if named else f"127.0.0.1:{server.port}"] == between.asked
    assert 1 == server.connections


def test_socks_with_credentials(face, serve, proxy):
    """User and password reach the proxy, and wrong ones are a connect error that does not show them."""
    server, between = serve([plain()]), proxy(socks5_proxy)
    between.credentials = f"user:{PASSWORD}".encode()
    right = face.transport(proxy=f"socks5://user:{PASSWORD.replace(':', '%3A')}@127.0.0.1:{between.port}")
    wrong = face.transport(proxy=f"socks5://user:wrong-word@127.0.0.1:{between.port}")

    assert b"hello" == face.open(server.url, transport=right).finish()
    with pytest.raises(ConnectError, match="the proxy refused") as caught:
        face.open(server.url, transport=wrong)
    assert "wrong-word" not in str(caught.value)


def test_a_socks_proxy_that_cannot_reach_the_server(face, proxy):
    """The proxy says so."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/"
        transport = face.transport(proxy=f"socks5://127.0.0.1:{proxy(socks5_proxy).port}")
        with pytest.raises(ConnectError, match="the proxy refused"):
            face.open(url, transport=transport)


def test_a_silent_socks_proxy_has_a_deadline(face):
    """The connect clock counts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = face.transport(proxy=f"socks5://127.0.0.1:{listener.getsockname()[1]}")
        began = time.monotonic()
        with pytest.raises(Clockout) as caught:
            face.open("http://10.0.0.1/", transport=transport, connect=0.3)

        assert 0.29 <= time.monotonic() - began <= 2.5
        assert not caught.value.sent


# --- TLS ------------------------------------------------------------------------------------------------------------


def test_tls(face, serve, secure, trusting):
    """A server that a trusted authority vouches for; streams and kept connections as without."""
    server = serve([plain(b"x" * 100_000)], context=secure)
    transport = face.transport(tls=TLS(ca=trusting))
    for _ in range(3):
        assert b"x" * 100_000 == face.open(server.url, transport=transport).finish()

    assert 1 == server.connections


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environment_names_the_authority(face, serve, secure, trusting, variable):
    """Through the mapping that was given, not through the process."""
    server = serve([plain()], context=secure)
    transport = face.transport(environ={variable: trusting})

    assert b"hello" == face.open(server.url, transport=transport).finish()


def test_a_context_of_the_callers_own(face, serve, secure, authority):
    """It is used as it is."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    server = serve([plain()], context=secure)

    assert b"hello" == face.open(server.url, transport=face.transport(tls=TLS(context=context))).finish()


def test_an_unknown_authority_is_a_connect_error(face, serve, secure):
    """It says that the certificate is not accepted, and what to set; trying again does not help."""
    server = serve([plain()], context=secure)
    with pytest.raises(ConnectError, match=r"certificate is not accepted.*SSL_CERT_FILE") as caught:
        face.open(server.url)

    assert not caught.value.retryable
    assert [] == server.requests


def test_another_hosts_certificate_is_a_connect_error(face, serve, authority, trusting):
    """A trusted authority, but for another name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)
    server = serve([plain()], context=context)
    with pytest.raises(ConnectError, match="certificate is not accepted"):
        face.open(server.url, transport=face.transport(tls=TLS(ca=trusting)))

    assert [] == server.requests


def test_plain_http_where_tls_is_expected(face, proxy):
    """The error guesses it."""

    def answer(_: TestProxy, connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")

    with pytest.raises(ConnectError, match=r"TLS handshake failed.*plain http"):
        face.open(f"https://127.0.0.1:{proxy(answer).port}/")


@pytest.mark.parametrize(("option", "field"), [("tls", "tls.ca"), ("environ", "SSL_CERT_FILE")])
def test_a_missing_file_of_authorities_is_a_config_error(face, tmp_path, option, field):
    """It names where the file was named."""
    missing = str(tmp_path / "missing.pem")
    transport = face.transport(**{option: TLS(ca=missing) if option == "tls" else {"SSL_CERT_FILE": missing}})
    with pytest.raises(ConfigError, match=r"missing\.pem") as caught:
        face.open("https://127.0.0.1:1/", transport=transport)

    assert field == caught.value.field


def test_an_abort_under_tls_is_seen_at_once(face, serve, secure, trusting):
    """No farewell is waited for."""
    server = serve([chunked(b"one", end=False), HOLD], context=secure)
    opened = face.open(server.url, transport=face.transport(tls=TLS(ca=trusting)))
    assert b"one" == opened.read()
    began = time.monotonic()
    opened.abort()

    assert server.wait(lambda: len(server.closed) == 1)
    assert server.closed[0] - began <= 0.1
