"""
No key and no byte of a prompt reaches another place than the base URL names: redirects, proxies that answer themselves,
addresses that two readers read in two ways.

The servers note all that they get; a place that must get nothing must not even see a connection.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dragoman import AsyncClient, Client, Provider
from dragoman.errors import ConfigError, ConnectError, DragomanError, StatusError
from tests.network.certificates import Certificates
from tests.transport.proxies import TestProxy, http_proxy
from tests.transport.scripted import Server, plain

KEY = "canary-key-3f9c27"
PROMPT = "canary-prompt-81d2"
WIRES = (
    "openai-chat",
    "openai-responses",
    "anthropic-messages",
    "gemini-generate",
    "gemini-interactions",
    "bedrock-converse",
    "ollama-chat",
    "cohere-chat",
)

Ask = Callable[..., DragomanError]


@pytest.fixture(params=["blocking", "aio"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Ask one question, which fails, on each face; the error."""

    def blocking(base_url: str, model: str, stream: bool, options: dict[str, Any], row: dict[str, Any]) -> None:
        with Client(providers={"there": {"base_url": base_url, "api_key": KEY, **row}}, **options) as client:
            client.stream(model, PROMPT).drain() if stream else client.chat(model, PROMPT)

    async def aio(base_url: str, model: str, stream: bool, options: dict[str, Any], row: dict[str, Any]) -> None:
        async with AsyncClient(providers={"there": {"base_url": base_url, "api_key": KEY, **row}}, **options) as client:
            if stream:
                async with client.stream(model, PROMPT) as answer:
                    await answer.drain()
            else:
                await client.chat(model, PROMPT)

    def ask(base_url: str, *, model: str = "there/any", stream: bool = False, proxy: Any = None, **row: Any) -> Any:
        options = {"proxy": proxy, "limit": None}
        face = blocking if request.param == "blocking" else lambda *given: asyncio.run(aio(*given))
        with pytest.raises(DragomanError) as caught:
            face(base_url, model, stream, options, row)
        held = (str(caught.value), repr(vars(caught.value)), repr(pickle.loads(pickle.dumps(caught.value))))
        assert KEY not in "".join(held)
        return caught.value

    return ask


@pytest.fixture
def trusted(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """The environment names the authority."""
    monkeypatch.setenv("SSL_CERT_FILE", certificates.ca)
    return certificates


@pytest.fixture
def proxy() -> Iterator[Callable[..., TestProxy]]:
    """Start proxies of our own, which do what real ones should not."""
    started: list[TestProxy] = []

    def start(protocol: Any) -> TestProxy:
        started.append(TestProxy(protocol))
        return started[-1]

    yield start
    for each in started:
        each.stop()


# --- redirects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["other origin", "downgrade", "same origin", "relative", "no scheme", "credentials"])
def test_redirects_are_not_followed(ask, serve, trusted, where, status, stream):
    """Wherever they lead: one request was sent, the other place saw no connection, and the error says what happened."""
    other: Server = serve([plain(b"{}")])
    encrypted = where == "downgrade"
    target = {
        "other origin": f"{other.url}/chat/completions",
        "downgrade": f"{other.url}/chat/completions",
        "same origin": "/v2/chat/completions",
        "relative": "completions2",
        "no scheme": f"//127.0.0.1:{other.port}/v1",
        "credentials": f"http://127.0.0.1@127.0.0.1:{other.port}/",
    }[where]
    answer = plain(b"{}", status=f"{status} Moved", headers=f"location: {target}\r\n")
    server: Server = serve([answer], context=trusted.server() if encrypted else None)

    error = ask(server.url, stream=stream)

    assert isinstance(error, StatusError)
    assert (status, False) == (error.status, error.retryable)
    assert "redirects are not followed" in error.message
    assert (1, 0) == (len(server.requests), other.connections)


# --- proxies ----------------------------------------------------------------------------------------------------------


def answering(answer: bytes) -> Callable[[TestProxy, socket.socket], None]:
    """A proxy that answers each request itself."""

    def protocol(proxy: TestProxy, connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        proxy.asked.append(data.decode("latin-1"))
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        while more := connection.recv(65536):
            proxy.asked.append(more.decode("latin-1"))

    return protocol


_LIES = {
    "portal": b"HTTP/1.1 302 Found\r\nlocation: http://portal.example/\r\ncontent-length: 0\r\n\r\n",
    "page": b"HTTP/1.1 403 Forbidden\r\ncontent-length: 5\r\n\r\nsorry",
    "answer": b"HTTP/1.1 200 OK\r\n\r\n" + plain(b'{"choices":[{"message":{"content":"lie"},"finish_reason":"stop"}]}'),
    "answer with a length": plain(b'{"choices":[{"message":{"content":"lie"},"finish_reason":"stop"}]}'),
    "nothing": b"",
    "noise": b"\x15\x03\x01\x00\x02\x02\x28",
}


@pytest.mark.parametrize("lie", _LIES)
def test_a_proxy_that_answers_for_an_https_server(ask, serve, trusted, proxy, lie):
    """It gets the name of the server and nothing else, and what it says is not taken for the server's answer."""
    server: Server = serve([plain()], context=trusted.server())
    between = proxy(answering(_LIES[lie]))

    error = ask(server.url, proxy=f"http://127.0.0.1:{between.port}")

    assert isinstance(error, ConnectError), repr(error)
    assert all(asked.startswith(f"CONNECT 127.0.0.1:{server.port} ") or "\x16\x03" in asked for asked in between.asked)
    assert KEY not in "".join(between.asked)
    assert PROMPT not in "".join(between.asked)
    assert 0 == server.connections


def test_a_proxy_that_leads_elsewhere(ask, serve, trusted, proxy):
    """A tunnel to a server with another certificate ends in the handshake."""
    server: Server = serve([plain()], context=trusted.server())
    elsewhere: Server = serve([plain()], context=trusted.server("elsewhere.example"))

    def lead(between: TestProxy, connection: socket.socket) -> socket.socket | None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        upstream = socket.create_connection(("127.0.0.1", elsewhere.port))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        return upstream

    error = ask(server.url, proxy=f"http://127.0.0.1:{proxy(lead).port}")

    assert isinstance(error, ConnectError)
    assert "certificate is not accepted" in error.message
    assert (0, []) == (server.connections, elsewhere.requests)


def test_what_a_proxy_sends_before_the_handshake_is_not_the_servers(ask, serve, trusted, proxy):
    """An answer put behind the reply to CONNECT, in the same packet, is never read as if it were encrypted."""
    server: Server = serve([plain()], context=trusted.server())

    def inject(between: TestProxy, connection: socket.socket) -> socket.socket | None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        upstream = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + plain(b'{"choices": []}', status="401 Unauthorized"))
        return upstream

    error = ask(server.url, proxy=f"http://127.0.0.1:{proxy(inject).port}")

    # The server itself says "hello", which is no JSON; a 401 can only be the injected one.
    assert getattr(error, "status", None) != 401
    assert isinstance(error, ConnectError) or 1 == len(server.requests)


@pytest.mark.parametrize("status", ["307 Temporary Redirect", "401 Unauthorized", "407 Proxy Authentication Required"])
def test_a_forwarding_proxy_that_answers(ask, serve, proxy, status):
    """What it says of plain http is an answer like any other; nothing is sent anywhere else."""
    server, other = serve([plain()]), serve([plain()])
    lie = plain(b"{}", status=status, headers=f"location: {other.url}\r\n")
    between = proxy(answering(lie))

    error = ask(server.url, proxy=f"http://proxy-user:proxy-word-77@127.0.0.1:{between.port}")

    assert error.status == int(status[:3]) or "the proxy refused: 407" in error.message
    assert (0, 0) == (server.connections, other.connections)
    assert 1 == len([one for one in between.asked if one.startswith("POST ")])
    assert "proxy-word-77" not in str(error)


def test_the_proxys_credentials_are_for_the_proxy(ask, serve, proxy):
    """In plain http it gets its own beside the server's, each under its own name."""
    server, between = serve([plain(b"{}")]), proxy(http_proxy)
    between.credentials = b"cHJveHktdXNlcjpwcm94eS13b3JkLTc3"

    ask(server.url, proxy=f"http://proxy-user:proxy-word-77@127.0.0.1:{between.port}")

    lines = between.asked[0].lower().split("\r\n")
    assert f"authorization: bearer {KEY}" in lines
    assert "proxy-authorization: basic chjvehktdxnlcjpwcm94es13b3jkltc3" in lines


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("through", [False, True], ids=["direct", "proxy"])
@pytest.mark.parametrize(
    "path",
    ["//evil.example/v1", "/http://evil.example/v1", "/@evil.example/", "/%2F%2Fevil.example/", "/a:b@c/", "/\\evil/"],
)
def test_a_path_is_never_an_address(ask, serve, proxy, path, through):
    """However it looks, the request goes to the host of the base URL, and says so."""
    server, between = serve([plain(b"{}")]), proxy(http_proxy)
    origin = f"127.0.0.1:{server.port}"

    ask(f"http://{origin}{path}", proxy=f"http://127.0.0.1:{between.port}" if through else "")

    head = server.requests[0].decode().split("\r\n")
    assert f"host: {origin}" in [line.lower() for line in head]
    target = head[0].split(" ")[1]
    assert target.startswith(path.replace("\\", "%5C").rstrip("/"))
    if through:
        assert between.asked[0].startswith(f"POST http://{origin}{target} HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "base_url",
    [
        pytest.param("http://127.0.0.1:{port}/v1\r\nx-evil: 1", id="line break"),
        pytest.param("http://127.0.0.1:{port}\r\n/v1", id="line break in the host"),
        pytest.param("http://127.0.0.1:{port}/v1\t", id="tab"),
        pytest.param("http://127.0.0.1:{port}/v1 HTTP/1.1", id="space"),
        pytest.param("http://user:word-of-the-url@127.0.0.1:{port}/v1", id="credentials"),
        pytest.param("http://word-of-the-url@127.0.0.1:{port}/v1", id="user"),
        pytest.param("http://good.example\\@127.0.0.1:{port}/v1", id="backslash"),
        pytest.param("http://127.0.0.1\\.good.example:{port}/v1", id="backslash in the host"),
        pytest.param("http://127.0.0.1%2f.good.example:{port}/v1", id="quoted slash in the host"),
        pytest.param("http://127.0.0.1%00.good.example:{port}/v1", id="quoted null in the host"),
        pytest.param("http://[::1%25lo]evil:{port}/v1", id="more behind the brackets"),
        pytest.param("http://a..b:{port}/v1", id="empty label"),
        pytest.param("http://127.0.0.1:{port}x/v1", id="port"),
        pytest.param("ftp://127.0.0.1:{port}/v1", id="scheme"),
    ],
)
def test_an_address_with_two_meanings_is_refused(ask, serve, base_url):
    """Nothing is sent, and what may be a password is not shown."""
    server = serve([plain()])

    error = ask(base_url.format(port=server.port))

    assert isinstance(error, ConfigError)
    assert "word-of-the-url" not in repr(vars(error))
    assert 0 == server.connections


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"headers": {"x-team": "a\r\nx-evil: 1"}}, "headers.x-team"),
        ({"headers": {"x-team": "a\nx-evil: 1"}}, "headers.x-team"),
        ({"headers": {"x-team": "a\0"}}, "headers.x-team"),
        ({"headers": {"x-team: 1\r\nx-evil": "1"}}, "headers"),
        ({"headers": {"x team": "1"}}, "headers"),
        ({"headers": {"host": "evil.example"}}, "headers.host"),
        ({"headers": {"Host": "evil.example"}}, "headers.host"),
        ({"api_key": "canary-key-3f9c27\r\nx-evil: 1"}, "api_key"),
    ],
)
def test_headers_that_say_more_than_they_should(ask, serve, row, field):
    """Nothing is sent."""
    server = serve([plain()])

    error = ask(server.url, **row)

    assert isinstance(error, ConfigError)
    assert field == error.field
    assert 0 == server.connections


def test_framing_is_not_the_callers(ask, serve):
    """Whatever a row says of it, and in which letters, the body that is sent decides."""
    server = serve([plain(b"{}")])

    ask(server.url, headers={"Content-Length": "3", "Transfer-Encoding": "chunked", "Connection": "upgrade"})

    fields = [line.split(b":")[0].lower() for line in server.requests[0].split(b"\r\n\r\n")[0].split(b"\r\n")]
    assert 1 == fields.count(b"content-length")
    assert b"transfer-encoding" not in fields


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", ["m\r\nx-evil: 1", "m\nHost: evil.example", "m\0", "m\x7f"])
def test_a_model_name_with_a_line_break_is_refused(ask, serve, wire, name):
    """In every dialect, also in those that write it into the address."""
    server = serve([plain()])

    error = ask(server.url, model=f"there/{name}", wire=wire)

    assert isinstance(error, ConfigError)
    assert "model" == error.field
    assert 0 == server.connections


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("name", ["../../admin", "m?key=1", "m#x", "//evil.example/m", "m HTTP/1.1"])
def test_a_model_name_stays_in_its_place(ask, serve, wire, name):
    """It cannot lead out of the path that the dialect has for it."""
    server = serve([plain(b"{}")])

    error = ask(server.url, model=f"there/{name}", wire=wire, name="there")

    if isinstance(error, ConfigError):
        assert 0 == server.connections
        return
    line = server.requests[0].split(b"\r\n")[0].decode()
    assert 3 == len(line.split(" "))
    assert line.startswith("POST /v1/")
    assert "/../" not in line
    assert "key=1" not in line.partition("?")[2]


def test_a_row_is_not_a_place_for_credentials_either():
    """A provider whose address has a password in it does not show it."""
    row = Provider(name="there", base_url="http://user:word-of-the-url@127.0.0.1:1/v1")
    with Client(providers={"there": row}) as client, pytest.raises(ConfigError) as caught:
        client.chat("there/any", "Hello")

    assert "word-of-the-url" not in repr(vars(caught.value))


def test_threads_of_proxies_end(proxy):
    """The proxies above leave no thread behind when they are stopped."""
    before = threading.active_count()
    proxy(answering(b"")).stop()

    assert before >= threading.active_count()
