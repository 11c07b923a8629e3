"""One conversation, several processes, some of which die."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client
from dragoman.testing import Server, says
from tests.conversation.conftest import STORES, URLS, rows_of

WORKER = Path(__file__).with_name("worker.py")


@pytest.fixture(params=[kind for kind in STORES if kind != "memory"])
def talk_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each store that several processes can share."""
    return URLS[request.param](request, tmp_path)


@pytest.fixture
def work(provider: Server, talk_url: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process that says the turns `first` to `last`."""
    started: list[subprocess.Popen[str]] = []

    def start(first: int, last: int, *, lease: float = 30.0, how: str = "say") -> subprocess.Popen[str]:
        told = [talk_url, provider.base_url(), "ticket", first, last, lease, how]
        command = [sys.executable, str(WORKER), *map(str, told)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def talk(provider: Server, talk_url: str) -> Iterator[Any]:
    """The same conversation in this process."""
    with Client(providers=rows_of(provider)) as client:
        yield client.conversation("ticket", model="openai/any", store=talk_url)


def said(talk: Any) -> list[str]:
    """The turns of the history, in order; each must be a question with its answer on all that came before."""
    texts = [message.text for message in talk.history]
    for at in range(0, len(texts), 2):
        assert f"{at + 1}: {texts[at]}" == texts[at + 1]
    return texts[::2]


def test_four_processes_lose_nothing_and_waste_nothing(work, talk, provider):
    """100 turns of 4 processes: all kept, none twice, each answered on its whole history, one model call for each."""
    processes = [work(25 * number, 25 * (number + 1)) for number in range(4)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (0, 26) == (process.returncode, len(out.split())), err

    assert {f"turn {number}" for number in range(100)} == set(said(talk))
    assert 100 == len(said(talk))
    assert 100 == provider.calls


@pytest.mark.parametrize("how", ["say", "stream"])
def test_turn_whose_process_was_killed_is_answered_once(work, talk, provider, how):
    """After kill -9 in the middle of a turn, the same turn id answers once and keeps what was acknowledged."""
    talk.say("turn 0", "t0")
    provider.script(says("word " * 100, pace=0.02, latency=0.0 if how == "stream" else 5.0))
    process = work(1, 2, lease=0.5, how=how)
    _until(lambda: 2 == provider.calls)
    if how == "stream":
        _until(lambda: talk.turn("t1").text)
    process.kill()
    process.wait()

    answer = talk.say("turn 1", "t1")

    assert "3: turn 1" == answer.text == talk.say("turn 1", "t1").text
    assert ["turn 0", "turn 1"] == said(talk)
    assert 3 == provider.calls


def test_killed_stream_loses_a_quarter_of_a_second_of_text(work, talk, provider):
    """What a stream had told 250 ms before its process was killed is in the store."""
    provider.script(says("".join(f"{n} " for n in range(400)), pace=0.01))
    process = work(0, 1, lease=5, how="stream")
    _until(lambda: provider.calls)
    time.sleep(1.0)
    before = talk.turn("t0").text
    time.sleep(0.6)  # 250 ms, and what a busy machine takes
    process.kill()
    process.wait()

    after = talk.turn("t0").text
    assert len(after) > len(before) > 0
    assert re.fullmatch(r"(\d+ )+\d*", after)
    assert [] == talk.history


def test_paused_process_cannot_commit_beyond_its_lease(work, talk, provider):
    """A process that is stopped past its lease and goes on writes nothing, and says so."""
    provider.script(says("late", latency=0.5))
    process = work(0, 1, lease=0.3)
    _until(lambda: provider.calls)
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(0.4)
    answer = talk.say("another", "t1")
    os.kill(process.pid, signal.SIGCONT)
    _, err = process.communicate(timeout=20)

    assert "1: another" == answer.text
    assert 1 == process.returncode
    assert "LeaseLostError" in err
    assert ["another"] == said(talk)


def test_random_kills_lose_no_acknowledged_turn(work, talk, provider):
    """Whoever was told that a turn is done finds it, once, whatever was killed when."""
    acknowledged: set[str] = set()
    for number in range(6):
        process = work(0, 40, lease=0.2)
        assert process.stdout is not None
        assert "ready" == process.stdout.readline().strip()
        time.sleep(0.02 + 0.013 * number)
        process.kill()
        acknowledged |= set(process.stdout.read().split())
        process.wait()

    turns = said(talk)
    assert len(set(turns)) == len(turns)
    assert {f"turn {key[1:]}" for key in acknowledged} <= set(turns)


@pytest.mark.parametrize("talk_url", ["sqlite"], indirect=True)
def test_disk_holds_little_more_than_the_text(provider, talk, tmp_path):
    """100 turns of 3 KB cost at most one and a half times their text."""
    chance = random.Random(7)
    words = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(3000)]
    for _ in range(100):
        talk.say(" ".join(chance.choices(words, k=230)))
    kept = sum(len(json.dumps(message.text)) for message in talk.history)
    size = sum((tmp_path / name).stat().st_size for name in os.listdir(tmp_path) if not name.endswith("-wal"))

    assert size <= 1.5 * kept


def _until(condition: Callable[[], Any], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
