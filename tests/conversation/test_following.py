"""A process that follows a turn of another, which dies; each has nothing in common with the other but the store."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client
from dragoman.testing import Server, says
from tests.conversation.conftest import STORES, URLS, rows_of

HERE = Path(__file__).parent
TEXT = "".join(f"{number} " for number in range(300))
PACE = 0.01  # seconds between two words
SOON = 0.25  # seconds of text that may be missed


@pytest.fixture(params=[kind for kind in STORES if kind != "memory"])
def talk_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each store that several processes can share."""
    return URLS[request.param](request, tmp_path)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    """Start a program of this folder, elsewhere, with an empty environment."""
    processes: list[subprocess.Popen[str]] = []

    def start(name: str, *args: object) -> subprocess.Popen[str]:
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        command = [sys.executable, str(HERE / name), *map(str, args)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        processes.append(subprocess.Popen(command, text=True, cwd=tmp_path / "elsewhere", env={}, **pipes))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def _lines(process: subprocess.Popen[str]) -> Iterator[Any]:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("["):
            yield json.loads(line)


@pytest.mark.timeout(60)
def test_follower_goes_on_when_the_producer_is_killed(
    talk_url: str, provider: Server, started: Any, record_property: Any
) -> None:
    """It has all but the last quarter of a second, is told that the turn broke off, and follows whoever resumes it."""
    provider.script(says(TEXT, pace=PACE))
    follower = started("follower.py", talk_url, "ticket", "t0")
    producer = started("worker.py", talk_url, provider.base_url(), "ticket", 0, 1, 1.0, "aloud")
    heard: list[tuple[float, str]] = []
    for moment, text in _lines(producer):
        heard.append((moment, text))
        if len(heard) == 120:
            break
    producer.kill()
    heard += [(moment, text) for moment, text in _lines(producer)]

    told, broken = "", None
    lines = _lines(follower)
    for what, text in lines:
        if what == "broken":
            broken = text
            break
        told += text

    said = "".join(text for _, text in heard)
    assert broken == told
    assert said.startswith(told)
    assert len(told) > 0
    missed = heard[-1][0] - _moment(heard, len(told))
    record_property("seconds_missed", round(missed, 3))
    assert missed <= 2 * SOON, f"{missed:.3f} s of text were missed"  # twice: the machine may be busy

    provider.script(says(TEXT[len(told) :]))
    with Client(providers=rows_of(provider)) as client:
        answer = client.conversation("ticket", model="openai/any", store=talk_url).resume("t0", how="continue")
    rest = list(lines)
    _, err = follower.communicate(timeout=20)

    assert (0, "") == (follower.returncode, err)
    assert TEXT == answer.text
    assert ["whole", TEXT] == rest[-1]
    assert TEXT == "".join(text for what, text in rest if what == "text")


def _moment(heard: list[tuple[float, str]], length: int) -> float:
    """When the producer had heard so much."""
    for moment, text in heard:
        length -= len(text)
        if length <= 0:
            return moment
    raise AssertionError("more was told than was heard")


@pytest.mark.timeout(60)
def test_two_followers_elsewhere_hear_the_same(talk_url: str, provider: Server, started: Any) -> None:
    """Processes that have only the store's address read along while the answer comes, and get the whole of it."""
    provider.script(says(TEXT[:300], pace=PACE))
    followers = [started("follower.py", talk_url, "ticket", "t0") for _ in range(2)]
    producer = started("worker.py", talk_url, provider.base_url(), "ticket", 0, 1, 30.0, "aloud")
    first = next(_lines(followers[0]))
    since = time.monotonic()
    producer.wait(20)
    assert time.monotonic() - since > 0.1  # it was told before the end

    for number, follower in enumerate(followers):
        lines = [*([first] if number == 0 else []), *_lines(follower)]
        assert ["whole", TEXT[:300]] == lines[-1]
        assert TEXT[:300] == "".join(text for what, text in lines if what == "text")
