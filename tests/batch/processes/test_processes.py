"""
Batches whose requests are made by worker processes.

Each runs in a process of its own, with real workers and a real server; whatever is killed, no process is left.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman.testing import Server, echo, embeds, says, status
from tests.batch.processes.running import WINDOW, Run, gone, outcomes, write_rows
from tests.batch.rows import expected, read, texts, write

KEY = "sk-test-7d31f0a4c8be52e6"


def test_a_worker_that_is_killed_costs_no_row(tmp_path: Path) -> None:
    """300 rows on two workers, one killed in the middle: each row has one answer, and few were asked twice."""
    write_rows(tmp_path, 300)
    with Server(default=echo(latency=0.03)) as server:
        run = Run(server, tmp_path, workers=2).after(server, 100)
        workers = run.workers()
        os.kill(workers[0], signal.SIGKILL)
        told = run.end()
        asked = Counter(request.chat.messages[-1].text for request in server.requests if request.chat)

    assert (2, 300, 0) == (len(workers), told["done"], told["failed"]), (told, run.stderr)
    assert expected(300) == texts(tmp_path / "out.jsonl")
    assert {f"hello {number}" for number in range(300)} == set(asked)
    again = sum(asked.values()) - 300
    assert again <= WINDOW
    assert 300 == len(outcomes(tmp_path)) == sum(outcomes(tmp_path).values())
    assert any("asked by 2 worker processes, of which 1 was lost" in note for note in told["notes"]), told
    lost = [row for row in read(tmp_path / "out.jsonl") if row["attempts"][0]["outcome"] == "WorkerLost"]
    assert again <= len(lost) <= WINDOW
    assert all(row["attempts"][0]["maybe_billed"] and row["attempts"][-1]["outcome"] == "ok" for row in lost)
    gone(workers)


def test_workers_that_are_lost_again_and_again_end_the_run(tmp_path: Path) -> None:
    """A row whose workers die each time is not asked for ever; what was kept is kept, and the run may go on later."""
    write_rows(tmp_path, 4)
    with Server(default=echo(latency=20)) as server:
        run = Run(server, tmp_path, workers=1)
        for _ in range(5):
            calls = server.calls
            run.after(server, calls + 4)
            for pid in run.workers():
                os.kill(pid, signal.SIGKILL)
        told = run.end()

    assert ("BatchError", "workers", 0, 0) == tuple(told[name] for name in ("error", "field", "done", "failed")), told
    assert "worker processes" in told["message"]
    assert "nothing that was kept is lost" in told["message"] or "in turn were lost" in told["message"]


def test_a_driver_that_is_killed_goes_on(tmp_path: Path) -> None:
    """kill -9 ends its workers at once, too, also one that stands still; the same command goes on."""
    write_rows(tmp_path, 300)
    with Server(default=echo(latency=0.03)) as server:
        run = Run(server, tmp_path, workers=2).after(server, 100)
        workers = run.workers()
        os.kill(workers[0], signal.SIGSTOP)
        run.process.kill()
        assert {} == run.end()
        gone(workers)
        kept = len(outcomes(tmp_path))
        told = Run(server, tmp_path, workers=2).end()
        paid = server.calls

    assert (2, 300) == (len(workers), told["done"])
    assert expected(300) == texts(tmp_path / "out.jsonl")
    assert 0 < kept < 300
    assert 300 <= paid <= 300 + WINDOW
    assert 300 == len(outcomes(tmp_path)) == sum(outcomes(tmp_path).values())


def test_an_interrupt_stops_cleanly(tmp_path: Path) -> None:
    """Ctrl-C goes to the driver; rows under way end, no worker is left, and none of them says a word."""
    write_rows(tmp_path, 300)
    with Server(default=echo(latency=0.05)) as server:
        run = Run(server, tmp_path, workers=2).after(server, 100)
        workers = run.workers()
        run.process.send_signal(signal.SIGINT)
        for pid in workers:
            os.kill(pid, signal.SIGINT)  # as a terminal that knows no groups would
        told = run.end()
        settled, paid = len(outcomes(tmp_path)), server.calls
        more = Run(server, tmp_path, workers=2).end()
        calls = server.calls

    assert "stopped cleanly" in told["message"], run.stderr
    assert "" == run.stderr
    gone(workers)
    assert settled == paid < 300
    assert (300, 300) == (more["done"], calls)


def test_requests_and_answers_are_those_of_one_process(tmp_path: Path) -> None:
    """Typed rows, words and vectors: what the provider sees, and what is written, does not depend on who asks."""
    write_rows(tmp_path, 5, temperature=1, stop=["x"], metadata={"a": "b"})
    seen: list[list[bytes]] = []
    outputs: list[list[dict[str, Any]]] = []
    told: list[dict[str, Any]] = []
    for engine in ("local", "processes"):
        folder = tmp_path / engine
        folder.mkdir()
        shutil.copy(tmp_path / "in.jsonl", folder)
        typed = write(folder / "typed.jsonl", [{"id": n, "prompt": f"count {n}"} for n in range(3)])
        texts_in = write(folder / "texts.jsonl", [{"id": n, "input": [f"text {n}", "b"]} for n in range(3)])
        common = {"engine": engine, "model": "fake/m", "workers": 2 if engine == "processes" else None}
        with Server(default=says('{"n": 3}')) as server:
            server.on("/v1/embeddings", embeds(3))
            told.append(Run(server, folder, **common).end())
            more = {"verb": "parse", "output": "Count", "source": str(typed), "sink": "typed.out.jsonl"}
            told.append(Run(server, folder, face="async", **{**common, **more}).end())
            more = {"verb": "embed", "source": str(texts_in), "sink": "texts.out.jsonl"}
            told.append(Run(server, folder, **{**common, **more}).end())
            seen.append(sorted(request.body for request in server.requests))
        outputs.append([])
        for name in ("out.jsonl", "typed.out.jsonl", "texts.out.jsonl"):
            for row in read(folder / name):
                row["attempts"] = [
                    {k: v for k, v in one.items() if k not in ("seconds", "request_id")} for one in row["attempts"]
                ]
                body = {k: v for k, v in row["response"]["body"].items() if k not in ("id", "created")}
                outputs[-1].append({k: v for k, v in row.items() if k not in ("latency_ms", "response")} | {"b": body})

    assert [5, 3, 3] * 2 == [run["done"] for run in told], told
    assert seen[0] == seen[1]
    assert outputs[0] == outputs[1]
    assert ["Count"] == told[4]["kinds"]
    assert {"n": 3} == outputs[1][5]["output"]


def test_a_budget_is_one_for_all_workers(tmp_path: Path) -> None:
    """`max_cost` is never crossed, and the run goes on with more."""
    write_rows(tmp_path, 100, max_tokens=10)
    prices = {"fake/m": {"prices": [{"input": "1", "output": "1"}]}}
    with Server(default=echo()) as server:
        told = Run(server, tmp_path, max_cost="0.0003", workers=2, client={"models": prices}).end()
        assert ("BudgetError", 0) == (told["error"], told["failed"]), told
        assert 0 < Decimal(told["cost"]) <= Decimal("0.0003")
        assert told["done"] == server.calls
        more = Run(server, tmp_path, max_cost="1", workers=2, client={"models": prices}).end()

    assert (100, 100) == (more["done"], server.calls)


def test_refusals_are_waited_for_in_the_driver(tmp_path: Path) -> None:
    """A 429 is asked again at the time that it named, and ledger and outcome are those of one process."""
    write_rows(tmp_path, 4)
    with Server(default=echo()) as server:
        server.script(status(429, retry_after=0.2), status(500))
        told = Run(server, tmp_path, workers=2).end()
    ledgers = [tuple(one["outcome"] for one in row["attempts"]) for row in read(tmp_path / "out.jsonl")]

    assert (4, 0) == (told["done"], told["failed"])
    assert Counter({("ok",): 2, ("RateLimitError", "ok"): 1, ("ServerError", "ok"): 1}) == Counter(ledgers)


def test_poison_rows_end_in_the_errors_file(tmp_path: Path) -> None:
    """The error is the provider's, whoever met it."""
    write_rows(tmp_path, 6)
    with Server(default=echo()) as server:
        server.script(status(400, code="bad_thing"))
        told = Run(server, tmp_path, workers=2).end()
    wrong = read(tmp_path / "out.errors.jsonl")

    assert (5, 1) == (told["done"], told["failed"])
    assert ["BadRequestError"] == [row["error"]["kind"] for row in wrong]
    assert [400] == [row["error"]["status"] for row in wrong]


@pytest.mark.parametrize("place", ["cmdline", "environ"])
def test_a_key_is_nowhere_to_be_seen(tmp_path: Path, place: str) -> None:
    """It goes through the socket: no command line and no environment has it that had it not before."""
    write_rows(tmp_path, 60)
    with Server(default=echo(latency=0.1)) as server:
        # The driver of this test is told it on its own command line, and its workers must not be.
        run = Run(server, tmp_path, workers=2, key=KEY).after(server, 10)
        workers = run.workers()
        seen = [Path(f"/proc/{pid}/{place}").read_bytes() for pid in workers]
        told = run.end()
        sent = {request.headers["authorization"] for request in server.requests}

    assert (2, 60) == (len(seen), told["done"])
    assert {f"Bearer {KEY}"} == sent
    assert [] == [text for text in seen if KEY.encode() in text]
    assert KEY not in run.stderr
    assert KEY.encode() not in (tmp_path / "out.jsonl.job").read_bytes()
