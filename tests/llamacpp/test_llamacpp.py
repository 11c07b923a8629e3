"""A real model behind a real server that others wrote: llama.cpp, through both dialects that it speaks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman import AsyncClient, ChatResponse, Client
from tests.llamacpp.model import ANSWER, TEXT, write_model

SERVE = Path(__file__).with_name("serve.py")


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Root address of a llama.cpp server that runs for the whole session."""
    folder = tmp_path_factory.mktemp("llamacpp")
    write_model(folder / "tiny.gguf")
    command = [sys.executable, str(SERVE), str(folder / "tiny.gguf")]
    with (
        (folder / "server.log").open("w") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        found = process.stdout.readline().strip()
        if not found.startswith("http://127.0.0.1:"):
            process.kill()
            pytest.fail(f"llama.cpp did not start: {found!r} {(folder / 'server.log').read_text()[-2000:]}")
        yield found
        process.kill()


@pytest.fixture
def rows(address: str) -> dict[str, Any]:
    """The same server as two providers, one for each dialect."""
    return {
        "llamacpp": {"base_url": f"{address}/v1", "auth": "none"},
        "llamacpp-messages": {"base_url": address, "auth": "none", "wire": "anthropic-messages"},
    }


@pytest.fixture
def client(rows: dict[str, Any]) -> Iterator[Client]:
    with Client(providers=rows) as made:
        yield made


MODELS = pytest.mark.parametrize("model", ["llamacpp/tiny", "llamacpp-messages/tiny"])


def check(answer: ChatResponse, text: str, reason: str, generated: int) -> None:
    assert text == answer.text
    assert reason == answer.finish_reason
    assert generated == answer.usage.output_tokens
    assert answer.usage.input_tokens is not None
    assert answer.usage.input_tokens >= 7


@MODELS
def test_a_plain_answer(client: Client, model: str) -> None:
    """The known text, ended by the model itself, with usage: eleven tokens and the end."""
    check(client.chat(model, "why?", temperature=0, max_tokens=50), TEXT, "stop", len(ANSWER) + 1)


@MODELS
def test_a_streamed_answer(client: Client, model: str) -> None:
    """The same in pieces, none of which cuts a character."""
    with client.stream(model, "why?", temperature=0, max_tokens=50) as stream:
        pieces = list(stream.text)

    assert [" The", " sky", " is", " blue", ",", " 世界", "🙂", "."] == pieces
    check(stream.response, TEXT, "stop", len(ANSWER) + 1)


@MODELS
@pytest.mark.parametrize("streamed", [False, True])
def test_an_answer_that_hits_the_limit(client: Client, model: str, streamed: bool) -> None:
    """Three tokens and `length`."""
    if streamed:
        with client.stream(model, "why?", temperature=0, max_tokens=3) as stream:
            for _ in stream:
                pass
        answer = stream.response
    else:
        answer = client.chat(model, "why?", temperature=0, max_tokens=3)

    check(answer, " The sky is", "length", 3)


@MODELS
def test_a_stop_text(client: Client, model: str) -> None:
    """A stop text ends the answer before it, as `stop`."""
    answer = client.chat(model, "why?", temperature=0, max_tokens=50, stop=[" blue"])

    assert (" The sky is", "stop") == (answer.text, answer.finish_reason)


@MODELS
def test_the_async_face(rows: dict[str, Any], model: str) -> None:
    """Both faces get the same, streamed."""

    async def main() -> ChatResponse:
        async with AsyncClient(providers=rows) as client:
            async with client.stream(model, "why?", temperature=0, max_tokens=50) as stream:
                async for _ in stream:
                    pass
            return stream.response

    check(asyncio.run(main()), TEXT, "stop", len(ANSWER) + 1)
