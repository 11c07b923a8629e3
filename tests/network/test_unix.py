"""Servers on unix sockets, on both faces."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from dragoman import AsyncClient, Client
from dragoman.errors import ConfigError, ConnectError
from dragoman.testing import Server, says
from dragoman.transport.base import Clockout
from tests.transport.scripted import HOLD, chunked, plain


@pytest.fixture
def path() -> Iterator[str]:
    """Where a socket may be; pytest's own folders have longer names than a socket may have."""
    with tempfile.TemporaryDirectory(prefix="dragoman-unix-") as folder:
        yield str(Path(folder) / "Model Runner:é@.sock")


def url_of(path: str) -> str:
    return f"http+unix://{quote(path, safe='')}/v1"


def test_two_calls_over_one_connection(face, serve, path):
    """The request is as over TCP, its host is localhost, and the path of the socket keeps its letters."""
    server = serve([plain()], path=path)
    for _ in range(2):
        assert b"hello" == face.open(server.url + "/chat?x=1", body=b"{}").finish()

    assert (1, 2) == (server.connections, len(server.requests))
    head = server.requests[0].split(b"\r\n")
    assert b"POST /v1/chat?x=1 HTTP/1.1" == head[0]
    assert b"host: localhost" in [line.lower() for line in head]


@pytest.mark.parametrize("passed", ["explicit", "by scheme", "environment"])
def test_no_proxy_is_asked(face, serve, path, passed):
    """The proxies named here do not exist."""
    gone = "http://127.0.0.1:1"
    options = {
        "explicit": {"proxy": gone},
        "by scheme": {"proxy": {"all": gone, "http": gone}},
        "environment": {"environ": {"all_proxy": gone, "http_proxy": gone}},
    }
    server = serve([plain()], path=path)
    transport = face.transport(**options[passed])

    assert b"hello" == face.open(server.url, transport=transport).finish()


def test_a_stream_and_its_abort(face, serve, path):
    """Pieces come as they are sent; the server sees at once that nobody reads any more."""
    server = serve([chunked(b"one", end=False), HOLD], path=path)
    opened = face.open(server.url)
    assert b"one" == opened.read()
    with pytest.raises(Clockout):
        opened.read(0.1)
    began = time.monotonic()
    opened.abort()

    assert server.wait(lambda: len(server.closed) == 1)
    assert server.closed[0] - began <= 0.5


def test_nobody_listens(face, path):
    """No file, and one that is no socket of a server, are connect errors that name it."""
    with pytest.raises(ConnectError, match=r"unix:/.*\.sock: there is no such socket; is the server running") as caught:
        face.open(url_of(path))
    assert caught.value.retryable

    Path(path).write_text("", "utf-8")
    with pytest.raises(ConnectError, match="connection refused; is the server running"):
        face.open(url_of(path))


def test_a_full_queue_has_a_deadline(face, path):
    """A server that does not accept is waited for until the connect clock runs out; nothing was sent."""
    waiting: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(0)
        try:
            while True:
                waiting.append(socket.socket(socket.AF_UNIX))
                waiting[-1].setblocking(False)
                waiting[-1].connect(path)
        except BlockingIOError:
            pass
        began = time.monotonic()
        with pytest.raises(Clockout) as caught:
            face.open(url_of(path), connect=0.3)

        assert 0.29 <= time.monotonic() - began <= 3.0
        assert not caught.value.sent
        for each in waiting:
            each.close()


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http+unix://run.sock/v1", id="relative"),
        pytest.param("http+unix:///v1", id="none"),
        pytest.param("http+unix://%2Frun%2Fx.sock:80/v1", id="port"),
        pytest.param("http+unix://%2Frun%00x/v1", id="null"),
        pytest.param(f"http+unix://%2F{'x' * 200}/v1", id="long"),
        pytest.param("http+unix://user:pass@%2Frun%2Fx.sock/v1", id="credentials"),
        pytest.param("unix:///run/x.sock", id="another form"),
    ],
)
def test_an_address_that_cannot_be_used(face, url):
    """It is a config error before anything is opened."""
    with pytest.raises(ConfigError) as caught:
        face.open(url)

    assert "base_url" == caught.value.field


def test_both_clients(path):
    """A base URL is all it takes, and the raw verbs follow it, too."""
    with Server(says("one"), says("two"), unix=path) as server:
        row = {"base_url": server.base_url("openai-chat"), "api_key": "k"}

        async def ask() -> str:
            async with AsyncClient(providers={"runner": row}) as client:
                return (await client.chat("runner/any", "Hello")).text

        with Client(providers={"runner": row}) as client:
            assert "one" == client.chat("runner/any", "Hello").text
            assert ["any"] == [one["id"] for one in client.raw("runner").get("/models").json()["data"]]
        assert "two" == asyncio.run(ask())
    assert not Path(path).exists()


def test_a_variable_names_the_socket(path, monkeypatch):
    """As any base URL, it may come from the environment."""
    with Server(says("hello"), unix=path) as server, Client() as client:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url("openai-chat"))
        monkeypatch.setenv("OPENAI_API_KEY", "any")

        assert "hello" == client.chat("openai/any", "Hello").text


def test_a_socket_that_is_taken(path):
    """The test server says so."""
    with (
        Server(unix=path),
        pytest.raises(ConfigError, match="cannot listen on") as caught,
        Server(unix=path),
    ):
        pass
    assert "unix" == caught.value.field
