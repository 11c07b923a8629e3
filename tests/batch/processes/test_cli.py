"""`dragoman batch run --engine processes`."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.testing import Server, echo
from tests.batch.rows import expected, line, texts, write
from tests.cli.program import Program


@pytest.fixture
def dragoman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Program:
    """The command line with nothing configured."""
    return Program(tmp_path, monkeypatch, capfd)


def test_several_processes_ask(dragoman: Program) -> None:
    """The report says how many, and keys and addresses are those of the variables."""
    write(dragoman.directory / "in.jsonl", (line(number, model="openai/m") for number in range(30)))
    with Server(default=echo()) as server:
        command = ["batch", "run", "in.jsonl", "-o", "out.jsonl", "--engine", "processes", "--workers", "2"]
        result = dragoman(*command, OPENAI_API_KEY="sk-test-of-a-variable", OPENAI_BASE_URL=server.base_url())
        sent = {request.headers["authorization"] for request in server.requests}

    assert 0 == result.code, result.err
    assert "30 of 30 rows done" in result.err
    assert "asked by 2 worker processes" in result.err
    assert expected(30) == texts(dragoman.directory / "out.jsonl")
    assert {"Bearer sk-test-of-a-variable"} == sent


def test_workers_belong_to_an_engine(dragoman: Program) -> None:
    """Without one the option has no meaning, and nothing is sent."""
    write(dragoman.directory / "in.jsonl", [line(0, model="sim/echo")])

    result = dragoman("batch", "run", "in.jsonl", "-o", "out.jsonl", "--workers", "2")

    assert 2 == result.code
    assert "--engine processes" in result.err
