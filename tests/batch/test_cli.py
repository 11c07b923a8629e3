"""`dragoman batch`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dragoman.testing import Server, echo
from tests.batch.rows import expected, line, read, texts, write
from tests.cli.program import Program


@pytest.fixture
def dragoman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Program:
    """The command line with nothing configured."""
    return Program(tmp_path, monkeypatch, capfd)


def test_run_takes_model_and_messages_from_the_lines(dragoman: Program) -> None:
    """No -m is needed; answers go to OUT, the report to stderr; the same command again sends nothing."""
    write(dragoman.directory / "in.jsonl", (line(number, model="sim/echo") for number in range(20)))

    result = dragoman("batch", "run", "in.jsonl", "-o", "out.jsonl")

    assert (0, "") == (result.code, result.out)
    assert "20 of 20 rows done" in result.err
    assert expected(20) == texts(dragoman.directory / "out.jsonl")
    again = dragoman("batch", "run", "in.jsonl", "-o", "out.jsonl", "--json")
    assert (20, 0) == (json.loads(again.out)["reused"], json.loads(again.out)["requests"])


def test_rows_that_failed_give_exit_7(dragoman: Program) -> None:
    """They are in the errors file; status, results, cost and retry-failed know them."""
    write(dragoman.directory / "in.jsonl", [line(0, model="sim/echo"), line(1, model="sim/echo", temperature="hot")])

    assert 7 == dragoman("batch", "run", "in.jsonl", "-o", "out.jsonl").code
    assert ["c1"] == [row["custom_id"] for row in read(dragoman.directory / "out.errors.jsonl")]
    status = json.loads(dragoman("batch", "status", "out.jsonl", "--json").out)
    assert (2, 1, 1, None) == (status["rows"], status["done"], status["failed"], status["pid"])
    assert "c0" == json.loads(dragoman("batch", "results", "out.jsonl").out)["custom_id"]
    assert "c1" == json.loads(dragoman("batch", "results", "out.jsonl", "--failed").out)["custom_id"]
    assert "0\n" == dragoman("batch", "cost", "out.jsonl").out
    assert 7 == dragoman("batch", "retry-failed", "out.jsonl").code
    assert 7 == dragoman("batch", "resume", "out.jsonl").code
    assert "not running" in dragoman("batch", "cancel", "out.jsonl").err


def test_standard_input_and_a_template(dragoman: Program) -> None:
    """Lines may be piped in, and a template says what to ask."""
    piped = b'{"id": "a", "text": "one"}\n{"id": "b", "text": "two"}\n'

    result = dragoman(
        *("batch", "run", "-", "-o", "out.jsonl", "-m", "sim/echo", "-t", "Say {text}", "--set", "temperature=0"),
        stdin=piped,
    )

    assert 0 == result.code, result.err
    assert [("a", "Say one"), ("b", "Say two")] == texts(dragoman.directory / "out.jsonl")


def test_estimate_sends_nothing(dragoman: Program) -> None:
    """Rows, tokens and cost; bad input is named, with exit code 2."""
    write(dragoman.directory / "in.jsonl", (line(number, model="sim/echo", max_tokens=5) for number in range(3)))

    assert "3 rows" in dragoman("batch", "estimate", "in.jsonl").out
    assert 15 == json.loads(dragoman("batch", "estimate", "in.jsonl", "--json").out)["output_tokens"]
    write(dragoman.directory / "bad.jsonl", [{"text": "x"}])
    result = dragoman("batch", "run", "bad.jsonl", "-o", "out.jsonl", "-m", "sim/echo")
    assert 2 == result.code
    assert "line 1" in result.err
    assert 2 == dragoman("batch", "status", "out.jsonl").code


def test_cancel_stops_a_run_in_another_process(dragoman: Program) -> None:
    """`status` says that it runs, `cancel` stops it as Ctrl-C does, and `resume` finishes it."""
    write(dragoman.directory / "in.jsonl", (line(number, model="openai/m") for number in range(400)))
    with Server(default=echo(latency=0.05)) as server:
        environ = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": server.base_url()}
        command = [sys.executable, "-m", "dragoman", "batch", "run", "in.jsonl", "-o", "out.jsonl", "--window", "4"]
        process = subprocess.Popen(
            command, cwd=dragoman.directory, env={**os.environ, **environ}, stderr=subprocess.PIPE, text=True
        )
        while server.calls < 20 and process.poll() is None:
            time.sleep(0.01)
        assert process.pid == json.loads(dragoman("batch", "status", "out.jsonl", "--json").out)["pid"]
        assert 0 == dragoman("batch", "cancel", "out.jsonl").code
        _, err = process.communicate(timeout=30)
        assert 130 == process.returncode
        assert "dragoman batch resume out.jsonl" in err
        assert 0 == dragoman("batch", "resume", "out.jsonl", "--window", "100", **environ).code

    assert expected(400) == texts(dragoman.directory / "out.jsonl")
    assert 400 == server.calls


def test_results_on_standard_output(dragoman: Program) -> None:
    """`-o -` prints each outcome as a line, failures too; without --job nothing is kept, and that is said."""
    piped = "".join(json.dumps(row) + "\n" for row in (line(0, model="sim/echo"), line(1, model="sim/echo", n="x")))

    result = dragoman("batch", "run", "-", "-o", "-", stdin=piped.encode())

    assert 7 == result.code
    first, second = map(json.loads, result.out.splitlines())
    assert ("c0", "hello 0") == (first["custom_id"], first["response"]["body"]["choices"][0]["message"]["content"])
    assert ("c1", "ConfigError") == (second["custom_id"], second["error"]["kind"])
    assert "no journal is kept" in result.err
    assert [] == [path.name for path in dragoman.directory.iterdir() if "job" in path.name]


def test_a_journal_beside_standard_output(dragoman: Program) -> None:
    """With --job the same command again prints the same and sends nothing; status and cost know the journal."""
    write(dragoman.directory / "in.jsonl", (line(number, model="sim/echo") for number in range(5)))
    command = ("batch", "run", "in.jsonl", "-o", "-", "--job", "kept.job")

    first, again = dragoman(*command), dragoman(*command)

    assert (0, 0) == (first.code, again.code)
    assert 5 == len(first.out.splitlines())
    assert first.out == again.out
    status = json.loads(dragoman("batch", "status", "kept.job", "--json").out)
    assert (5, 5, None) == (status["rows"], status["done"], status["pid"])
    assert 0 == dragoman("batch", "resume", "kept.job").code
    assert not (dragoman.directory / "kept").exists()
    assert 2 == dragoman("batch", "run", "in.jsonl", "-o", "-", "--job", "kept.txt").code
    assert 2 == dragoman("batch", "run", "in.jsonl", "-o", "out.jsonl", "--job", "kept.job").code


def test_forms_dedupe_and_vectors_on_the_command_line(dragoman: Program) -> None:
    """The output's name says its form; --dedupe pays the same once; --embed asks for vectors."""
    write(dragoman.directory / "in.jsonl", [{"id": number, "text": f"t{number % 2}"} for number in range(6)])
    options = ("-m", "sim/echo", "-t", "Say {text}", "--dedupe", "--json")

    result = dragoman("batch", "run", "in.jsonl", "-o", "out.csv", *options)

    assert (0, 2) == (result.code, json.loads(result.out)["requests"])
    table = (dragoman.directory / "out.csv").read_text().splitlines()
    assert ("id,text,error", "0,Say t0,") == (table[0][:13], table[1][:9])
    refused = dragoman("batch", "run", "in.jsonl", "-o", "-", "-m", "sim/echo", "--embed", "--set", "temperature=0")
    assert (2, True) == (refused.code, "no meaning for vectors" in refused.err)


def test_standard_input_that_is_empty_is_called_so(dragoman: Program) -> None:
    """The file that it is kept in is nobody's business."""
    result = dragoman("batch", "run", "-", "-o", "-", stdin=b"")

    assert 2 == result.code
    assert "standard input is empty" in result.err
