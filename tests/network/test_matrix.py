"""
Every way to a server, to every kind of server, on both faces; the proxies' own logs say what went through them.

One table of ways, one of servers: a way or a server that is added is crossed with all others.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import pytest

from dragoman.errors import ConnectError
from dragoman.transport.tls_value import TLS
from tests.network.certificates import Certificates
from tests.network.proxies_real import PASSWORD, USER
from tests.services import wait_for
from tests.transport.scripted import plain

PROXIES = ("tinyproxy", "tinyproxy_login", "squid", "microsocks", "microsocks_login")
LOGIN = f"{USER}:{PASSWORD}@"


class Way(NamedTuple):
    """
    How a server is reached.

    Attributes:
        fixture: The proxy that must see it; None for none.
        proxy: What is passed as `proxy`, made of that proxy and the server's port.
        port: Name of the proxy's port, for errors.
        six: Whether the server listens on ::1.
        forwards: Whether the proxy reads plain requests and sends them on, each on a connection of its own.
    """

    fixture: str | None
    proxy: Callable[[Any, int], Any]
    port: str = "port"
    six: bool = False
    forwards: bool = False


class Kind(NamedTuple):
    """
    A kind of server.

    Attributes:
        context: What it shows; None for plain http.
        tls: What is passed as `tls`.
        why: Why no connection is made, as a pattern; None if one is.
    """

    context: Callable[[Certificates], ssl.SSLContext | None]
    tls: Callable[[Certificates], TLS]
    why: str | None = None


def at_most_1_2(context: ssl.SSLContext) -> ssl.SSLContext:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def at_least_1_3(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


WAYS = {
    "direct": Way(None, lambda proxy, port: ""),
    "ipv6": Way(None, lambda proxy, port: "", six=True),
    "no_proxy": Way(None, lambda proxy, port: {"all": "http://127.0.0.1:1", "no": f"10.0.0.0/8,127.0.0.0/8:{port}"}),
    "tinyproxy": Way("tinyproxy", lambda proxy, port: f"http://127.0.0.1:{proxy.port}", forwards=True),
    "tinyproxy-login": Way(
        "tinyproxy_login", lambda proxy, port: f"http://{LOGIN}127.0.0.1:{proxy.port}", forwards=True
    ),
    "squid": Way("squid", lambda proxy, port: {"all": f"127.0.0.1:{proxy.port}"}, forwards=True),
    "squid-login": Way(
        "squid", lambda proxy, port: f"http://{LOGIN}localhost:{proxy.login_port}", "login_port", forwards=True
    ),
    "squid-tls": Way("squid", lambda proxy, port: f"https://127.0.0.1:{proxy.tls_port}", "tls_port", forwards=True),
    "squid-ipv6": Way(
        "squid", lambda proxy, port: f"http://[::1]:{proxy.six_port}", "six_port", six=True, forwards=True
    ),
    "socks5": Way("microsocks", lambda proxy, port: f"socks5://127.0.0.1:{proxy.port}"),
    "socks5h": Way("microsocks", lambda proxy, port: f"socks5h://localhost:{proxy.port}"),
    "socks5-login": Way("microsocks_login", lambda proxy, port: f"socks5://{LOGIN}127.0.0.1:{proxy.port}"),
    "socks5-ipv6": Way("microsocks", lambda proxy, port: f"socks5://127.0.0.1:{proxy.port}", six=True),
}
KINDS = {
    "http": Kind(lambda made: None, lambda made: TLS(ca=made.ca)),
    "https": Kind(lambda made: made.server(), lambda made: TLS(ca=made.ca)),
    "mutual": Kind(lambda made: made.mutual(), lambda made: TLS(ca=made.ca, cert=made.client, key=made.client_key)),
    "tls13": Kind(lambda made: at_least_1_3(made.server()), lambda made: TLS(ca=made.ca, minimum="1.3")),
    "too-old": Kind(
        lambda made: at_most_1_2(made.server()),
        lambda made: TLS(ca=made.ca, minimum="1.3"),
        r"the TLS handshake failed \(.*\); it speaks no version that is accepted here: see TLS\(minimum=\.\.\.\)",
    ),
    "wrong-ca": Kind(
        lambda made: made.server(),
        lambda made: TLS(context=_trusting_the_proxy_only(made)),
        r"its TLS certificate is not accepted \(.*\); to trust another authority pass tls=TLS\(ca=.*",
    ),
    "expired": Kind(
        lambda made: made.server(expired=True),
        lambda made: TLS(ca=made.ca),
        r"its TLS certificate is not accepted \(certificate has expired\); have it renewed.*",
    ),
    "wrong-host": Kind(
        lambda made: made.server("other.example"),
        lambda made: TLS(ca=made.ca),
        r"its TLS certificate is not accepted \(.*(?:127\.0\.0\.1|::1).*\); call it by a name .*",
    ),
    "no-identity": Kind(
        lambda made: at_most_1_2(made.mutual()),
        lambda made: TLS(ca=made.ca),
        r"the TLS handshake failed \(.*\); does it want a certificate of this client, TLS\(cert=.*",
    ),
}
"""The matrix crosses both tables; `wrong-ca` is crossed by `test_another_authority` where the proxy has TLS, too."""


def _trusting_the_proxy_only(made: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=made.other_ca)


CASES = [
    pytest.param(way, kind, id=f"{name}-{of}")
    for name, way in WAYS.items()
    for of, kind in KINDS.items()
    if (name, of) != ("squid-tls", "wrong-ca")  # there it is the proxy that is not trusted, see below
]


@pytest.mark.parametrize(("way", "kind"), CASES)
def test_every_way_to_every_server(face, serve, certificates, request, way, kind):
    """Two calls succeed over one connection, or the first fails with the reason; the proxy, and no other, saw it."""
    family = socket.AF_INET6 if way.six else socket.AF_INET
    server = serve([plain()], context=kind.context(certificates), family=family)
    proxy = request.getfixturevalue(way.fixture) if way.fixture else None
    transport = face.transport(proxy=way.proxy(proxy, server.port), tls=kind.tls(certificates))
    target = f"{server.host}:{server.port}"
    before = seen(request, target)

    if kind.why is None:
        for _ in range(2):
            opened = face.open(server.url, transport=transport, headers={"authorization": "Bearer key"})
            assert b"hello" == opened.finish()
        assert b"\r\nauthorization: bearer key\r\n" in server.requests[-1].lower()
        assert b"proxy-authorization" not in server.requests[-1].lower()
    else:
        with pytest.raises(ConnectError) as caught:
            face.open(server.url, transport=transport)
        through = rf" through the proxy \S+:{getattr(proxy, way.port)}" if proxy else ""
        told = rf"cannot connect to {re.escape(server.host)}:{server.port}{through}: {kind.why}"
        assert re.fullmatch(told, caught.value.message), caught.value.message
        assert not caught.value.retryable
    face.run(transport.aclose())

    kept = kind is not KINDS["http"] or not way.forwards
    assert (0 if kind.why else 2) == len(server.requests)
    assert kind.why or (1 if kept else 2) == server.connections
    hops = 0 if proxy is None else 1 if kept else 2
    expected = {name: count + (hops if name == way.fixture else 0) for name, count in before.items()}
    with suppress(TimeoutError):  # squid notes a connection when it has ended
        wait_for(lambda: seen(request, target) == expected, 5.0)
    assert expected == seen(request, target)


def seen(request: pytest.FixtureRequest, target: str) -> dict[str, int]:
    """How many connections to a server each proxy has noted; ports come again, so only a difference says something."""
    return {name: request.getfixturevalue(name).targets.count(target) for name in PROXIES}


def test_another_authority(face, serve, certificates, squid):
    """Where the proxy itself is not trusted, the error says so, and neither proxy nor server gets a request."""
    server = serve([plain()], context=certificates.server())
    proxy = f"https://{LOGIN}127.0.0.1:{squid.tls_port}"
    transport = face.transport(proxy=proxy, tls=TLS(ca=certificates.other_ca))
    for url in (server.url, server.url.replace("https:", "http:")):
        with pytest.raises(ConnectError, match=r"the proxy's TLS certificate is not accepted .*TLS\(ca="):
            face.open(url, transport=transport)

    assert 0 == server.connections
    assert f"127.0.0.1:{server.port}" not in squid.targets


@pytest.mark.parametrize("encrypted", [True, False], ids=["https", "http"])
@pytest.mark.parametrize("login", ["", f"{USER}:wrong-word@"], ids=["none", "wrong"])
@pytest.mark.parametrize("name", ["squid", "tinyproxy_login"])
def test_a_proxy_that_wants_a_login(face, serve, certificates, request, name, login, encrypted):
    """Whether it is asked for a tunnel or to forward, it is the same error, which shows no password."""
    server = serve([plain()], context=certificates.server() if encrypted else None)
    proxy = request.getfixturevalue(name)
    port = getattr(proxy, "login_port", proxy.port)
    transport = face.transport(proxy=f"http://{login}127.0.0.1:{port}", tls=TLS(ca=certificates.ca))
    if (name, bool(login), encrypted) == ("tinyproxy_login", True, False):
        # It answers a wrong password with 401 and not 407, which nobody can tell from the server's own.
        opened = face.open(server.url, transport=transport)
        assert (401, 0) == (opened.status, server.connections)
        return
    with pytest.raises(ConnectError, match=r"the proxy refused: 40[17] .*http://user:password@host:port") as caught:
        face.open(server.url, transport=transport)

    assert f" through the proxy 127.0.0.1:{port}: " in caught.value.message
    assert not caught.value.retryable
    assert "wrong-word" not in repr(caught.value)
    assert 0 == server.connections


@pytest.mark.parametrize("login", ["", f"{USER}:wrong-word@"], ids=["none", "wrong"])
def test_a_socks_proxy_that_wants_a_login(face, serve, microsocks_login, login):
    """The same for SOCKS."""
    server = serve([plain()])
    transport = face.transport(proxy=f"socks5://{login}127.0.0.1:{microsocks_login.port}")
    with pytest.raises(ConnectError, match=r"the proxy refused: .*socks5://user:password@host:port") as caught:
        face.open(server.url, transport=transport)

    assert not caught.value.retryable
    assert "wrong-word" not in repr(caught.value)
    assert 0 == server.connections


@pytest.mark.parametrize("way", ["squid", "squid-tls", "tinyproxy", "socks5"])
def test_a_server_that_is_not_there(face, certificates, request, way):
    """The proxy says so, and the error may be tried again."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{reserved.getsockname()[1]}/v1"
        proxy = request.getfixturevalue(WAYS[way].fixture)
        transport = face.transport(proxy=WAYS[way].proxy(proxy, 0), tls=TLS(ca=certificates.ca))
        with pytest.raises(ConnectError, match="the proxy refused: ") as caught:
            face.open(url, transport=transport)

    assert caught.value.retryable
