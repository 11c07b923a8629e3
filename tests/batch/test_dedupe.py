"""Rows that ask the same, paid once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from dragoman import Client
from dragoman.testing import Server, echo, embeds, says, status
from tests.batch.rows import expected, line, read, texts, write
from tests.house.modules import ROOT

ROWS, KINDS, KILLS, WINDOW = 1500, 300, 6, 32


def twins(count: int = ROWS, kinds: int = KINDS) -> list[dict[str, Any]]:
    """Rows with ids of their own that ask so many different things, in any order."""
    rng = random.Random(5)
    return [line(number, f"hello {rng.randrange(kinds)}") for number in range(count)]


def asked(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What must come of them."""
    return [(row["custom_id"], row["body"]["messages"][0]["content"]) for row in rows]


def test_rows_that_ask_the_same_are_paid_once(client: Client, echoing: Server, tmp_path: Path) -> None:
    """Each row has its own line with its own id; one of them was sent, the others say whose answer it is and cost 0."""
    rows = twins(400, 20)

    batch = client.batch(write(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl", dedupe=True)

    assert 20 == echoing.calls == batch.report.requests
    assert (400, 0) == (batch.report.done, batch.report.failed)
    assert asked(rows) == texts(tmp_path / "out.jsonl")
    lines = {row["custom_id"]: row for row in read(tmp_path / "out.jsonl")}
    followers = [row for row in lines.values() if "reused" in row]
    assert 380 == len(followers)
    for row in followers:
        paid = lines[row["reused"]]
        assert (paid["response"], 0, []) == (row["response"], row["cost"], row["attempts"])
        assert "reused" not in paid
    assert 380 == sum(row.reused is not None for row in batch.results())
    assert 400 == len({row["id"] for row in lines.values()})


def test_without_it_each_row_is_sent(client: Client, echoing: Server, tmp_path: Path) -> None:
    """It is off unless it is asked for: who asks for ten samples wants ten."""
    client.batch(["same"] * 10, tmp_path / "out.jsonl", model="fake/m")

    assert 10 == echoing.calls


def test_what_is_asked_decides_and_not_how(client: Client, echoing: Server) -> None:
    """Another model, setting or system prompt is another question; another id, or place to write it down, is not."""
    rows = [
        {"prompt": "a"},
        {"id": "x", "messages": [{"role": "user", "content": "a"}]},
        line(1, "a"),
        {"prompt": "a", "timeout": 5},
        {"prompt": "a", "temperature": 0},
        {"prompt": "a", "system": "s"},
        {"prompt": "b"},
    ]
    batch = client.batch(rows, model="fake/m", dedupe=True)

    assert 4 == echoing.calls
    assert [None, "row-0", "row-0", "row-0", None, None, None] == [row.reused for row in batch.results()]


def test_a_later_run_knows_the_answers(client: Client, echoing: Server, tmp_path: Path) -> None:
    """Renamed and new rows that ask what was asked before cost nothing; `resume_batch` remembers the choice."""
    client.batch(write(tmp_path / "in.jsonl", [line(0), line(1)]), tmp_path / "out.jsonl", dedupe=True)
    rows = [line(7, "hello 0"), line(1), line(8, "hello 1"), line(9, "hello 9")]
    write(tmp_path / "in.jsonl", rows)

    report = client.resume_batch(tmp_path / "out.jsonl").report

    assert (3, 4) == (echoing.calls, report.done)
    assert asked(rows) == texts(tmp_path / "out.jsonl")


def test_only_answers_are_shared(tmp_path: Path) -> None:
    """When the row that asks fails, the next one asks itself."""
    with Server(status(400), status(400), default=says("ok")) as server:
        options = {"fake": {"base_url": server.base_url(), "api_key": "k", "wire": "openai-chat"}}
        with Client(providers=options) as client:
            report = client.batch(["same"] * 8, tmp_path / "out.jsonl", model="fake/m", dedupe=True).report
            assert (6, 2, 3) == (report.done, report.failed, server.calls)
            again = client.batch(
                ["same"] * 8, tmp_path / "out.jsonl", model="fake/m", dedupe=True, retry_failed=True
            ).report

    assert (8, 0, 3) == (again.done, again.failed, server.calls)


def test_vectors_are_shared_too(tmp_path: Path) -> None:
    """Of rows with the same texts, model and length of vectors one is asked."""
    with Server(default=embeds(4)) as server:
        options = {"fake": {"base_url": server.base_url(), "api_key": "k", "wire": "openai-chat"}}
        with Client(providers=options) as client:
            rows = [{"input": "a"}, {"input": ["a"]}, {"input": "b"}, {"input": "a", "dimensions": 4}]
            batch = client.batch(rows, model="fake/m", verb="embed", dedupe=True)

    assert [("a", "b"), ("a",)] == [request.embed.inputs for request in server.requests if request.embed]
    assert [None, "row-0", None, None] == [row.reused for row in batch.results()]


def test_a_hard_budget_is_not_charged_for_what_is_free(options: dict[str, Any], echoing: Server) -> None:
    """What is shared needs no room in `max_cost`, and adds nothing to the bill."""
    priced = {"fake/m": {"prices": [{"input": "1", "output": "1"}], "max_output": 10}}
    with Client(**options, models=priced) as client:
        alone = client.batch(["same"], model="fake/m", max_tokens=10).report
        many = client.batch(["same"] * 200, model="fake/m", max_tokens=10, max_cost="0.0001", dedupe=True).report

    assert (200, alone.cost, alone.input_tokens) == (many.done, many.cost, many.input_tokens)
    assert 2 == echoing.calls


def test_kill_9_costs_no_more_than_what_was_under_way(tmp_path: Path) -> None:
    """Killed at random instants: every row has its one answer, and each question is paid about once."""
    rng = random.Random(11)
    rows = twins()
    write(tmp_path / "in.jsonl", rows)
    distinct = len({text for _, text in asked(rows)})
    with Server(default=echo(latency=0.003)) as server:

        def work() -> subprocess.Popen[str]:
            command = [
                sys.executable,
                "-m",
                "tests.batch.work",
                server.base_url(),
                "in.jsonl",
                "out.jsonl",
                "",
                "dedupe",
            ]
            environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
            return subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True)

        for kill in range(KILLS):
            process, goal = work(), int(distinct * (kill + rng.random()) / (KILLS + 1))
            while server.calls < goal and process.poll() is None:
                time.sleep(0.001)
            process.kill()
            process.communicate()
        process = work()
        output, _ = process.communicate(timeout=60)

    assert 0 == process.returncode, output
    assert asked(rows) == texts(tmp_path / "out.jsonl")
    assert distinct <= server.calls <= distinct + WINDOW * KILLS


def test_answers_keep_their_order(client: Client, tmp_path: Path) -> None:
    """Rows without twins are as ever."""
    client.batch(
        write(tmp_path / "in.jsonl", (line(number) for number in range(100))), tmp_path / "out.jsonl", dedupe=True
    )

    assert expected(100) == texts(tmp_path / "out.jsonl")
