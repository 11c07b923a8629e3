"""A batch at a provider whose process is killed at every point: nothing is lost, and nothing is handed in twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman.batch.journal import read_records
from dragoman.testing.batches import BatchServer, Course
from dragoman.testing.batches.mistral import Mistral
from dragoman.testing.batches.openai import Azure, OpenAI
from dragoman.testing.batches.server import Seen
from tests.batch.rows import expected, line, texts, write
from tests.batch.service.work import ROWS
from tests.house.modules import ROOT

COUNT = 5
PARTS = [[f"hello {number}" for number in range(ROWS)], [f"hello {number}" for number in range(ROWS, COUNT)]]
APIS = [pytest.param(OpenAI, "openai", id="openai"), pytest.param(Mistral, "mistral", id="mistral")]


class Nursery:
    """Starts workers quickly, one after another; each has its own folder."""

    def __init__(self) -> None:
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
        command = [sys.executable, "-m", "tests.batch.service.work", "-"]
        pipe = subprocess.PIPE
        self._mother = subprocess.Popen(command, env=environ, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        self._folder = Path()

    def start(self, name: str, server: BatchServer, folder: Path, *more: str) -> int:
        """Start one, and return its id."""
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        self._folder = folder
        asked = [str(folder), name, server.url, "in.jsonl", "out.jsonl", *more]
        self._mother.stdin.write(json.dumps(asked) + "\n")
        self._mother.stdin.flush()
        return int(self._mother.stdout.readline())

    def end(self) -> tuple[int, str]:
        """Wait until it has ended: how, and what it has said."""
        assert self._mother.stdout is not None
        code = int(self._mother.stdout.readline())
        return code, (self._folder / "said").read_text()

    def run(self, name: str, server: BatchServer, folder: Path, *more: str) -> tuple[int, str]:
        """Start one, and wait until it has ended."""
        self.start(name, server, folder, *more)
        return self.end()

    def close(self) -> None:
        """No more."""
        self._mother.communicate(timeout=60)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """Starts workers."""
    made = Nursery()
    yield made
    made.close()


def _input(folder: Path, name: str, count: int = COUNT) -> None:
    folder.mkdir(exist_ok=True)
    write(folder / "in.jsonl", (line(number, model=f"{name}/m") for number in range(count)))


class Killer:
    """Kills a process at one moment of its traffic with a server: moment 2N is before its request N, 2N + 1 after."""

    def __init__(self, moment: int) -> None:
        self.process = 0
        self._left = moment
        self.killed = False

    def __call__(self, moment: str, seen: Seen) -> Any:
        if self.killed or not self.process:
            return None
        self._left -= 1
        if self._left >= 0:
            return None
        self.killed = True
        os.kill(self.process, signal.SIGKILL)
        return "cut"


def killed_around_every_request(nursery: Nursery, tmp_path: Path, api: Any, name: str) -> int:
    """Kill a run before and after each request, and run it again: two batches in all, and every row once; how often."""
    moment = 0
    while True:
        folder, killer = tmp_path / str(moment), Killer(moment)
        _input(folder, name)
        with BatchServer(api, hook=killer) as server:
            killer.process = nursery.start(name, server, folder)
            nursery.end()
            if not killer.killed:
                break
            code, output = nursery.run(name, server, folder)
            assert 0 == code, (moment, output)
            assert expected(COUNT) == texts(folder / "out.jsonl"), moment
            assert PARTS == [[row.text for row in batch.rows] for batch in server.batches], moment
        moment += 1
    return moment


@pytest.mark.parametrize(("api", "name"), APIS)
def test_killed_around_every_request(nursery: Nursery, tmp_path: Path, api: Any, name: str) -> None:
    """Before and after each upload, create, look, download and delete: two batches in all, and every row once."""
    # Two batches, each of upload, create, look, look, content, delete; some are saved.
    assert killed_around_every_request(nursery, tmp_path, api, name) >= 16


def _boundaries(journal: Path) -> Iterator[int]:
    """Where each record begins, and a little into it."""
    for record in read_records(journal):
        yield from (record.at, record.at + 10)


def test_killed_at_every_byte_that_matters_of_the_journal(nursery: Nursery, tmp_path: Path) -> None:
    """The system kills the process when it writes a record, at its first byte or inside of it; all comes right."""
    _input(tmp_path, "openai")
    with BatchServer(OpenAI) as server:
        assert 0 == nursery.run("openai", server, tmp_path)[0]
    limits = list(_boundaries(tmp_path / "out.jsonl.job"))
    for limit in limits[2:]:
        folder = tmp_path / str(limit)
        _input(folder, "openai")
        with BatchServer(OpenAI) as server:
            code, _ = nursery.run("openai", server, folder, "provider", "", str(limit))
            assert -signal.SIGXFSZ == code or not code
            code, output = nursery.run("openai", server, folder)
            assert 0 == code, (limit, output)
            assert expected(COUNT) == texts(folder / "out.jsonl"), limit
            assert PARTS == [[row.text for row in batch.rows] for batch in server.batches], limit


def test_killed_again_and_again_with_rows_that_expire(nursery: Nursery, tmp_path: Path) -> None:
    """Batches that expire in part, and a kill after each of them: rows that were answered are never handed in again."""
    half = Course(end="expired", looks=2, answer=_every_other)
    _input(tmp_path, "openai", 12)
    with BatchServer(OpenAI, half, half) as server:
        for made in (1, 3, 5):
            child = nursery.start("openai", server, tmp_path)
            while len(server.batches) < made:
                time.sleep(0.002)
            os.kill(child, signal.SIGKILL)
            nursery.end()
        code, output = nursery.run("openai", server, tmp_path)
        assert 0 == code, output
        asked = [row.text for batch in server.batches for row in batch.rows]
    assert expected(12) == texts(tmp_path / "out.jsonl")
    again = [text for text in set(asked) if asked.count(text) > 1]
    assert {"hello 1", "hello 3", "hello 5"} == set(again)


def _every_other(asked: Any) -> Any:
    from dragoman.testing.batches.base import echoed

    return echoed(asked) if int(asked.text.split()[1]) % 2 == 0 else None


def test_ctrl_c_leaves_the_batches_where_they_are(nursery: Nursery, tmp_path: Path) -> None:
    """An interrupt ends the wait; the provider goes on, and the next run collects."""
    _input(tmp_path, "azure")
    with BatchServer(Azure, default=Course(looks=50)) as server:
        child = nursery.start("azure", server, tmp_path)
        while server.count("GET") < 8:
            time.sleep(0.005)
        os.kill(child, signal.SIGINT)
        code, output = nursery.end()
        assert 130 == code, output
        assert "goes on at the provider" in output
        assert 0 == server.count("POST", "/cancel")
        for batch in server.batches:
            batch.hurry()
        code, output = nursery.run("azure", server, tmp_path)
        assert 0 == code, output
        assert 2 == len(server.batches)
    assert expected(COUNT) == texts(tmp_path / "out.jsonl")
