"""Raw requests on both faces, against a real server on loopback."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from dragoman import (
    BadRequestError,
    ConfigError,
    MissingKeyError,
    NotFoundError,
    StatusError,
    TimeoutError,
    UnknownProviderError,
    WireError,
)
from dragoman.testing import Reply, Server, raw, status

PATH = "/v1/files"


class Mirror:
    """A step that says what it was asked."""

    async def play(self, reply: Reply) -> None:
        request = reply.request
        body = {
            "method": request.method,
            "query": request.query,
            "body": request.body.decode(),
            "headers": request.headers,
        }
        await reply.send(200, {"content-type": "application/json", "x-request-id": "r-1"}, json.dumps(body).encode())


@pytest.fixture
def mirror(server: Server) -> Server:
    server.on(PATH, Mirror())
    return server


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_each_method_is_sent_with_the_credential(face: Any, mirror: Server, method: str) -> None:
    """The answer comes as it is: status, headers, body, text, JSON; the key is the provider's."""
    answer = face.raw("openai", method, "files")

    said = answer.json()
    assert (200, "r-1", method.upper()) == (answer.status, answer.headers["x-request-id"], said["method"])
    assert "Bearer test-key-0001" == said["headers"]["authorization"]
    assert answer.text == answer.body.decode()
    assert "test-key" not in repr(answer)


@pytest.mark.parametrize("path", ["files", "/files", "/v1/files", "v1/files"])
def test_the_path_lies_below_the_base_url(face: Any, mirror: Server, path: str) -> None:
    """With or without a slash, with or without the part that the base URL has already."""
    assert 200 == face.raw("openai", "get", path).status
    assert PATH == mirror.all_requests[0].path


def test_body_query_and_headers(face: Any, mirror: Server) -> None:
    """JSON and other bodies travel with their type, the query is encoded, further headers are added."""
    posted = face.raw("openai", "post", "files", json={"a": [1, "é"]}, params={"q": "a b", "n": [1, 2]}).json()
    put = face.raw(
        "openai", "put", "files?x=1", content="text", headers={"Content-Type": "text/plain", "X-A": "b"}
    ).json()

    assert ({"a": [1, "é"]}, "q=a+b&n=1&n=2") == (json.loads(posted["body"]), posted["query"])
    assert "application/json" == posted["headers"]["content-type"]
    assert ("text", "x=1", "text/plain", "b") == (
        put["body"],
        put["query"],
        put["headers"]["content-type"],
        put["headers"]["x-a"],
    )


def test_what_the_dialect_always_sends_is_sent(face: Any, server: Server) -> None:
    """Anthropic's version header goes with raw requests as well."""
    server.on("/v1/files", Mirror())

    said = face.raw("anthropic", "get", "v1/files").json()

    assert said["headers"]["anthropic-version"]
    assert "test-key-0002" == said["headers"]["x-api-key"]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("https://elsewhere.example/v1/files", "address of its own"),
        ("//elsewhere.example/files", "address of its own"),
        ("\\\\elsewhere.example\\files", "address of its own"),
        ("../files", "leads out"),
        ("/v1/../../files", "leads out"),
        ("%2e%2e/files", "leads out"),
        ("a/..%2ffiles", "leads out"),
        ("a/./b", "leads out"),
        ("a b", "quote it"),
        ("a\r\nx-evil: 1", "quote it"),
        ("a#b", "quote it"),
        (3, "give a text"),
    ],
)
def test_no_path_leads_elsewhere(face: Any, server: Server, path: Any, why: str) -> None:
    """Another origin, a way out of the base URL, or a broken line is refused before anything is sent."""
    with pytest.raises(ConfigError, match=why) as caught:
        face.raw("openai", "get", path)

    assert "path" == caught.value.field
    assert () == server.all_requests


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "api-key", "X-Goog-Api-Key", "cookie", "Host"])
def test_headers_cannot_replace_the_credential(face: Any, server: Server, name: str) -> None:
    """A credential, or what the library decides, among the headers is an error that does not show its value."""
    with pytest.raises(ConfigError) as caught:
        face.raw("openai", "get", "files", headers={name: "secret-value-123"})

    assert name.lower() in str(caught.value)
    assert "secret-value-123" not in str(caught.value)
    assert () == server.all_requests


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"json": {"a": float("inf")}}, "json.a"),
        ({"json": object()}, "json"),
        ({"json": {}, "content": b"x"}, "content"),
        ({"content": 3}, "content"),
        ({"timeout": 0}, "timeout"),
    ],
)
def test_bad_options_are_named(face: Any, server: Server, options: dict[str, Any], field: str) -> None:
    """What cannot be sent is an error that names the option."""
    with pytest.raises(ConfigError) as caught:
        face.raw("openai", "post", "files", **options)

    assert field == caught.value.field
    assert () == server.all_requests


def test_a_refusal_is_the_error_of_the_dialect(face: Any, server: Server) -> None:
    """Status 400 and above is typed, with the provider's code, request id and ledger."""
    server.on(PATH, status(404, "no such file", code="file_not_found"))

    with pytest.raises(NotFoundError) as caught:
        face.raw("openai", "get", "files")

    error = caught.value
    assert ("openai", "file_not_found", 404, "req-0") == (error.provider, error.code, error.status, error.request_id)
    assert ["NotFoundError"] == [attempt.outcome for attempt in error.attempts]


def test_nothing_is_repeated(face: Any, server: Server) -> None:
    """Nobody here knows what a raw request does when it is done twice, so it is sent once."""
    server.on(PATH, status(503))

    with pytest.raises(StatusError):
        face.raw("openai", "post", "files")

    assert 1 == len(server.all_requests)


def test_redirects_are_errors(face: Any, server: Server) -> None:
    """No redirect is followed: the key would go with it."""
    server.on(PATH, raw(b"", status=302, headers={"location": "https://elsewhere.example/"}))

    with pytest.raises(StatusError, match="redirect"):
        face.raw("openai", "get", "files")


def test_the_clock_ends_the_request(face: Any, server: Server) -> None:
    """`timeout=` bounds the whole request."""
    server.on(PATH, raw(b"{}", latency=5))
    started = time.monotonic()

    with pytest.raises(TimeoutError):
        face.raw("openai", "get", "files", timeout=0.1)

    assert 0.35 > time.monotonic() - started


def test_a_body_that_is_no_json(face: Any, server: Server) -> None:
    """The answer is given, and asking for its JSON is a typed error."""
    server.on(PATH, raw(b"hello"))

    answer = face.raw("openai", "get", "files")

    assert "hello" == answer.text
    with pytest.raises(WireError, match="hello"):
        answer.json()


def test_errors_do_not_show_the_key(face: Any, server: Server) -> None:
    """An error body that repeats the key is redacted."""
    server.on(PATH, raw(b'{"error": {"message": "bad key test-key-0001"}}', status=400))

    with pytest.raises(BadRequestError) as caught:
        face.raw("openai", "get", "files")

    assert "test-key-0001" not in f"{caught.value}{caught.value.body}{caught.value.__dict__}"


def test_who_cannot_be_asked(face: Any, make_face: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown provider is an error at once, a missing key when a request is made."""
    monkeypatch.delenv("GROQ_API_KEY", raising=False)

    with pytest.raises(UnknownProviderError):
        face.client.raw("opnai")
    with pytest.raises(MissingKeyError):
        face.raw("groq", "get", "models")
