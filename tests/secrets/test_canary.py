"""
A marked key goes through calls that fail in every way, and is looked for wherever anything could be seen.

The sinks: text, repr and format of errors, their tracebacks with variables, their attributes to depth 10, their pickles
and all loggers at DEBUG.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from dragoman import AsyncClient, Client
from dragoman.errors import DragomanError
from dragoman.testing import Server, raw, status
from dragoman.testing.steps import Step
from dragoman.types.timeouts import Timeouts
from tests.secrets.backends import SCHEMES, Places
from tests.secrets.rest import Rest, Said
from tests.secrets.sinks import all_logs, found, shown

KEY = "canary-51ab-Key+of/No=one"


def fails(face: str, base_url: str, api_key: object, wire: str, auth: str) -> DragomanError:
    """Ask, and return how it failed; the frames of this file, which know the key, are not looked at."""
    fields: Mapping[str, Any] = {"base_url": base_url, "api_key": api_key, "wire": wire, "auth": auth}
    options: Any = {"providers": {"acme": fields}, "timeouts": Timeouts(total=30.0), "retry": None}
    with pytest.raises(DragomanError) as caught:
        _ASK[face](options)
    return caught.value


def _ask_blocking(options: Any) -> None:
    with Client(**options) as client:
        client.chat("acme/m", "hi")


def _ask_async(options: Any) -> None:
    async def main() -> None:
        async with AsyncClient(**options) as client:
            await client.chat("acme/m", "hi")

    asyncio.run(main())


_ASK = {"blocking": _ask_blocking, "async": _ask_async}


def hangs_up() -> Step:
    return raw(b'{"choices": [', headers={"content-length": "4096"})


FAULTS: dict[str, Callable[[], Step]] = {
    "echo in the body": lambda: raw(
        f'{{"error": {{"message": "bad key {KEY}", "code": "{KEY}"}}}}'.encode(), status=401
    ),
    "echo in headers": lambda: status(401, headers={"x-request-id": KEY, "www-authenticate": f'Bearer realm="{KEY}"'}),
    "echo as a page": lambda: raw(f"<html>{KEY}</html>".encode(), headers={"content-type": "text/html"}),
    "echo in an answer that is none": lambda: raw(f'{{"choices": "{KEY}"}}'.encode()),
    "echo in a redirect": lambda: raw(b"", status=307, headers={"location": f"http://127.0.0.1:9/?key={KEY}"}),
    "bad gateway": lambda: status(502, f"upstream said {KEY}"),
    "cut": hangs_up,
}


@pytest.fixture(params=["blocking", "async"])
def face(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_answer_brings_a_key_to_light(fault: str, face: str, server: Server) -> None:
    """A server that echoes the key, or breaks off, is told about without it."""
    server.default = FAULTS[fault]()

    with all_logs() as logs:
        error = fails(face, server.base_url(), KEY, "openai-chat", "bearer")

    assert server.all_requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert [] == found(KEY, shown(error))
    assert [] == found(KEY, logs())


@pytest.mark.parametrize(
    ("wire", "auth"),
    [
        ("openai-chat", "bearer"),
        ("anthropic-messages", "x-api-key"),
        ("gemini-generate", "x-goog-api-key"),
        ("openai-responses", "api-key"),
    ],
)
@pytest.mark.parametrize("base_url", ["http://127.0.0.1:9", "https://127.0.0.1:9", "http://name.invalid"])
def test_no_failed_connection_brings_a_key_to_light(base_url: str, wire: str, auth: str, face: str) -> None:
    """Not even the variables of the frames that were about to send it."""
    with all_logs() as logs:
        error = fails(face, base_url, KEY, wire, auth)

    assert [] == found(KEY, shown(error))
    assert [] == found(KEY, logs())


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_key_from_everywhere_stays_unseen_where_a_server_echoes_it(
    scheme: str, face: str, places: Places, server: Server
) -> None:
    """From each backend to the server and back in its refusal."""
    reference = getattr(places, scheme)(KEY)
    server.default = FAULTS["echo in the body"]()

    with all_logs() as logs:
        error = fails(face, server.base_url(), reference, "openai-chat", "bearer")

    assert {f"Bearer {KEY}"} == {request.headers["authorization"] for request in server.all_requests}
    assert [] == found(KEY, shown(error))
    assert [] == found(KEY, logs())


@pytest.fixture
def silent() -> Iterator[Rest]:
    with Rest(lambda asked: Said({}, status=204)) as server:
        yield server


def test_a_damaged_key_is_never_sent(silent: Rest, face: str) -> None:
    """With a line break or a letter that no header takes, the call ends before there is a connection."""
    for damaged in (f"{KEY}\nx-evil: 1", f"{KEY}é", f" {KEY}"):
        with all_logs() as logs:
            error = fails(face, silent.url, damaged, "openai-chat", "bearer")
        assert [] == found(KEY, shown(error) + logs())
    assert [] == silent.asked
