"""What is said through `logging`: nothing unless somebody listens, and then ids and numbers, no content."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from typing import Any

import pytest

from dragoman import AuthenticationError, Retry
from dragoman.testing import Server, says, status

MODEL = "openai/gpt-5.6-luna"

_SCRIPT = """
import sys
from dragoman import Client, DragomanError

try:
    print(Client().chat(sys.argv[1], "a secret question").text)
except DragomanError as error:
    print(f"{type(error).__name__}: {error}")
"""


def run(model: str = "sim/echo", **environ: str) -> subprocess.CompletedProcess[str]:
    """A program that makes one call."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", _SCRIPT, model],
        env=kept | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_call_says_when_it_begins_each_request_and_its_end(
    make_face: Any, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """One record each at DEBUG, all with the key of the call, none with a word of what was asked or answered."""
    server.script(status(500, "no words please"), says("a secret answer"))
    face = make_face(retry=Retry(base=0.001))
    with caplog.at_level(logging.DEBUG, "dragoman.call"):
        face.chat(MODEL, "a secret question")
    said = [record.getMessage() for record in caplog.records if record.name == "dragoman.call"]
    keys = {re.search(r"call=(\S+)", line)[1] for line in said}  # type: ignore[index]

    assert ["begins", "request", "request", "ends"] == [line.split()[1] for line in said]
    assert {request.headers["idempotency-key"] for request in server.requests} == keys
    assert "outcome=ServerError status=500" in said[1]
    assert "outcome=ok status=200" in said[2]
    assert "status=ok" in said[3]
    assert "input=3 output=3" in said[3]
    assert not re.search("secret|words", "".join(said))


def test_a_failed_call_says_what_its_error_is(make_face: Any, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Class, status, code and request id, not the provider's words."""
    server.script(status(401, "that was a secret", code="invalid_api_key"))
    with caplog.at_level(logging.DEBUG, "dragoman.call"), pytest.raises(AuthenticationError):
        make_face().chat(MODEL, "Hi")
    last = caplog.records[-1].getMessage()

    assert "status=authentication" in last
    assert "error=AuthenticationError http=401 code=invalid_api_key request_id=req-0" in last
    assert "secret" not in caplog.text


def test_nothing_is_printed() -> None:
    """A program that says nothing about logging sees nothing, not even of a warning."""
    done = run()

    assert ("a secret question\n", "") == (done.stdout, done.stderr)


@pytest.mark.parametrize("level", ["debug", "DEBUG", " Debug "])
def test_the_variable_switches_it_on(level: str) -> None:
    """DRAGOMAN_LOG=debug writes to standard error, with time and level."""
    done = run(DRAGOMAN_LOG=level)
    lines = done.stderr.splitlines()

    assert "a secret question\n" == done.stdout
    assert ["begins", "request", "ends"] == [line.split()[5] for line in lines]
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} DEBUG dragoman\.call: ", line) for line in lines)
    assert "secret" not in done.stderr


def test_a_higher_level_says_less() -> None:
    """At `warning` an ordinary call says nothing."""
    assert "" == run(DRAGOMAN_LOG="warning").stderr


def test_a_level_that_is_none_is_an_error() -> None:
    """It is said at the first call, with the levels there are."""
    done = run(DRAGOMAN_LOG="verbose")

    assert "ConfigError: DRAGOMAN_LOG is 'verbose': set it to debug, info, warning, error" in done.stdout


def test_a_key_in_the_wrong_place_is_masked() -> None:
    """Whoever pastes a key where a model belongs does not find it in the log."""
    done = run("openai/sk-proj-abcdefghijklmnop1234", DRAGOMAN_LOG="debug")

    assert "abcdefghijklmnop" not in done.stderr + done.stdout
    assert "[redacted]" in done.stderr
