"""`dragoman batch` looked at: from another terminal while it runs, and what it has cost, part by part."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dragoman.testing import Server, echo
from tests.batch.rows import line, write
from tests.cli.program import Program


@pytest.fixture
def dragoman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Program:
    """The command line with nothing configured."""
    return Program(tmp_path, monkeypatch, capfd)


def test_status_says_how_fast_a_run_in_another_process_is(dragoman: Program) -> None:
    """Rate, time left and timeline are there while it runs, from the journal alone; a page can be made of them."""
    write(dragoman.directory / "in.jsonl", (line(number, model="openai/m") for number in range(3000)))
    with Server(default=echo(latency=0.05)) as server:
        environ = {**os.environ, "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": server.base_url()}
        command = [sys.executable, "-m", "dragoman", "batch", "run", "in.jsonl", "-o", "out.jsonl", "--window", "8"]
        process = subprocess.Popen(command, cwd=dragoman.directory, env=environ, stderr=subprocess.DEVNULL)
        try:
            told: dict[str, object] = {}
            until = time.monotonic() + 20
            while not told.get("timeline") and time.monotonic() < until:
                time.sleep(0.3)
                if (dragoman.directory / "out.jsonl.job").exists() and server.calls > 10:
                    told = json.loads(dragoman("batch", "status", "out.jsonl", "--json").out)
            text = dragoman("batch", "status", "out.jsonl", "--html", "status.html").out
        finally:
            process.kill()
            process.wait()

    assert process.pid == told["pid"]
    assert 3000 == told["rows"]
    assert 0 < float(str(told["rows_per_second"])) < 1000
    assert float(str(told["eta_seconds"])) > 0
    assert f"running in process {process.pid}" in text
    assert " left" in text
    assert "<h1>out.jsonl</h1>" in (dragoman.directory / "status.html").read_text()


def test_run_writes_a_page_and_cost_has_parts(dragoman: Program) -> None:
    """`--html` on `run`, `cost --json`, and the report's JSON with latencies."""
    write(dragoman.directory / "in.jsonl", (line(number, model="sim/echo") for number in range(20)))

    result = dragoman("batch", "run", "in.jsonl", "-o", "out.jsonl", "--html", "report.html", "--json")

    assert 0 == result.code
    assert {"p50", "p90", "p99"} == set(json.loads(result.out)["latency_ms"])
    assert "latency: p50" in result.err
    assert "<svg" in (dragoman.directory / "report.html").read_text()
    cost = json.loads(dragoman("batch", "cost", "out.jsonl", "--json").out)
    assert (0.0, {}, 0) == (cost["cost"], cost["cost_parts"], cost["unpriced"])
    assert 2 == dragoman("batch", "status", "out.jsonl", "--html", "none/x.html").code
