"""`dragoman mock`: a provider that fails as it is told."""

from __future__ import annotations

import json
import signal
import socket

import pytest

from dragoman import Client, Retry, ServerError
from tests.cli.program import Program


def test_faults_are_listed(dragoman: Program) -> None:
    """`--list` shows every fault and what it does; nothing is served."""
    shown = dragoman("mock", "--list")

    assert 0 == shown.code
    assert "cut_in_text" in shown.out


def test_faults_are_listed_as_data(dragoman: Program) -> None:
    """`--list --json --wire` gives those of one dialect with what they expect."""
    shown = dragoman("mock", "--list", "--json", "--wire", "anthropic-messages")

    names = {row["name"]: row for row in json.loads(shown.out)}
    assert ["StreamInterrupted"] == names["cut_in_text"]["stream"]["errors"]
    assert "tool_index_null" not in names


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--fault", "cut_in_txt"], "did you mean cut_in_text", id="unknown fault"),
        pytest.param(["--wire", "smoke"], "no wire called", id="unknown wire"),
        pytest.param(["--fault", "pings_only", "--wire", "openai-chat"], "cannot happen", id="other wire"),
        pytest.param(["--times", "2"], "--fault", id="times of nothing"),
        pytest.param(["--port", "99999"], "99999", id="port"),
    ],
)
def test_what_cannot_be_is_a_usage_error(dragoman: Program, arguments: list[str], words: str) -> None:
    """A wrong option ends with 2 and says what helps."""
    shown = dragoman("mock", *arguments)

    assert 2 == shown.code
    assert words in shown.err


def test_a_port_that_is_taken_is_said(dragoman: Program) -> None:
    """The command ends with 2 and names the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shown = dragoman("mock", "--port", str(taken.getsockname()[1]))

    assert 2 == shown.code
    assert "cannot listen on 127.0.0.1" in shown.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(dragoman: Program, number: signal.Signals) -> None:
    """Addresses on standard output, the requests on standard error, the fault as often as asked, and exit code 0."""
    process = dragoman.start("mock", "--fault", "status_500", "--times", "1", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    base_urls = json.loads(process.stdout.readline())["base_urls"]

    with Client(providers={"fake": {"base_url": base_urls["openai-chat"], "api_key": "any"}}, retry=None) as client:
        with pytest.raises(ServerError):
            client.chat("fake/m", "Hello")
        answer = client.chat("fake/m", "Hello")
    process.send_signal(number)
    _, told = process.communicate(timeout=10)

    assert "Hello" == answer.text
    assert 0 == process.returncode, told
    assert b"0: POST /v1/chat/completions  m  plain" in told
    assert b"2 requests, 0 connections open" in told


def test_with_retries_the_fault_is_not_seen(dragoman: Program) -> None:
    """The client's own retry gets over a fault that ends."""
    process = dragoman.start("mock", "--fault", "status_503", "--times", "1", "--json", "--wire", "anthropic-messages")
    assert process.stdout is not None
    base_urls = json.loads(process.stdout.readline())["base_urls"]
    row = {"base_url": base_urls["anthropic-messages"], "api_key": "any", "wire": "anthropic-messages"}

    with Client(providers={"fake": row}, retry=Retry(base=0.01)) as client:
        answer = client.chat("fake/m", "Hello", max_tokens=9)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)

    assert "Hello" == answer.text
    assert ["OverloadedError", "ok"] == [attempt.outcome for attempt in answer.attempts]
