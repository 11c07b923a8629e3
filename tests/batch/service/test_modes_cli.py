"""`dragoman batch` with rows at a provider's batch API."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.testing.batches import BatchServer, Course
from dragoman.testing.batches.openai import OpenAI
from tests.batch.rows import expected, line, texts, write
from tests.cli.program import Program

RUN = ("batch", "run", "in.jsonl", "-o", "out.jsonl", "--poll", "0.02")


@pytest.fixture
def server() -> Iterator[BatchServer]:
    """OpenAI."""
    with BatchServer(OpenAI) as running:
        yield running


@pytest.fixture
def dragoman(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], server: BatchServer
) -> Program:
    """The command line, with a key for the server."""
    made = Program(tmp_path, monkeypatch, capfd)
    made.environ |= {"OPENAI_BASE_URL": server.url + "/v1", "OPENAI_API_KEY": "k"}
    write(made.directory / "in.jsonl", (line(number, model="openai/m") for number in range(3)))
    return made


def _slow(server: BatchServer) -> None:
    server.house.default = Course(looks=10**6, answer=lambda asked: None)


def test_run_at_the_provider(dragoman: Program, server: BatchServer) -> None:
    """`--mode provider` hands all rows in; the report says where they went."""
    result = dragoman(*RUN, "--mode", "provider")
    assert (0, 1) == (result.code, len(server.batches)), result.err
    assert "3 rows to openai's batches" in result.err
    assert expected(3) == texts(dragoman.directory / "out.jsonl")


def test_run_auto_with_a_deadline(dragoman: Program, server: BatchServer) -> None:
    """`--deadline 1s`: what the provider has not done by then is asked live."""
    _slow(server)
    result = dragoman(*RUN, "--mode", "auto", "--deadline", "1s")
    assert (0, 3) == (result.code, len(server.house.lived))
    assert expected(3) == texts(dragoman.directory / "out.jsonl")


def test_a_deadline_without_a_mode(dragoman: Program) -> None:
    """It is a usage error that says so."""
    result = dragoman(*RUN, "--deadline", "1h")
    assert 2 == result.code
    assert "mode" in result.err


def test_estimate_has_both_prices(dragoman: Program) -> None:
    """Live and at the batch API."""
    write(dragoman.directory / "in.jsonl", [line(0, model="openai/gpt-5.6-luna", max_completion_tokens=10)])
    told = dragoman("batch", "estimate", "in.jsonl").out
    assert "live: $" in told
    assert "provider: $" in told
    assert {"live", "provider"} == set(json.loads(dragoman("batch", "estimate", "in.jsonl", "--json").out)["modes"])


def test_status_and_cancel_from_elsewhere(dragoman: Program, server: BatchServer) -> None:
    """While it waits `status` says for whom; Ctrl-C leaves it there, and `cancel` ends it there."""
    _slow(server)
    process = dragoman.start(*RUN, "--mode", "provider")
    while server.count("GET") < 3 and process.poll() is None:
        time.sleep(0.005)
    assert "openai: 1 batches, 3 rows, 0 done there" in dragoman("batch", "status", "out.jsonl").out
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert 130 == process.returncode
    assert "it goes on at the provider: run it again to collect" in said.decode()
    assert not server.batches[0].over

    result = dragoman("batch", "cancel", "out.jsonl")
    assert 0 == result.code, result.err
    assert "cancelled" == server.batches[0].state
    server.house.default = Course()
    assert 0 == dragoman("batch", "resume", "out.jsonl").code
    assert expected(3) == texts(dragoman.directory / "out.jsonl")
