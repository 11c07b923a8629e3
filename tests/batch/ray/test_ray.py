"""
Batches on a Ray cluster.

Each runs in a process of its own, against one cluster of real processes.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import dragoman
from dragoman.batch.journal import Kind, read_records
from dragoman.policy.limit.bucket import SMALLEST_BURST
from dragoman.testing import Server, echo, embeds, says
from tests.batch.ray.cluster import KEY, SECRET, Ray, processes, short_folder, variables
from tests.batch.rows import expected, line, read, texts, write
from tests.house.modules import ROOT
from tests.limits.ledger import Ledger
from tests.services import RedisServer, wait_for

WINDOW = 32


class Run:
    """A process that runs a batch on a cluster, from `in.jsonl` to `out.jsonl`."""

    def __init__(self, cluster: Ray | None, server: Server, folder: Path, **told: Any) -> None:
        url = server.base_url()
        told = {"url": url, "source": "in.jsonl", "sink": "out.jsonl", "engine": "ray", **told}
        if told["engine"] == "ray":
            told["ray"] = {**({"address": cluster.address} if cluster else {}), **told.get("ray", {})}
        environ = {**os.environ, **variables(cluster.folder if cluster else folder), KEY: SECRET}
        environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        command = [sys.executable, "-m", "tests.batch.ray.work", json.dumps({"window": WINDOW, **told})]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.stderr = ""

    def end(self) -> dict[str, Any]:
        """Wait for its end, and return how it was; empty if it was killed."""
        output, self.stderr = self.process.communicate(timeout=60)
        told: dict[str, Any] = json.loads(output.splitlines()[-1]) if output else {}
        return told

    def after(self, server: Server, calls: int) -> Run:
        """Wait until the provider has had so many calls."""
        wait_for(lambda: server.calls >= calls or self.process.poll() is not None, 60)
        return self


def workers_of(cluster: Ray) -> list[int]:
    """The processes of its actors: of all that are children of a raylet of the cluster, those that are named so."""
    raylets = [pid for pid in processes(str(cluster.folder)) if "raylet" in _name(pid)]
    return [pid for pid in processes("ray::Worker") if _parent(pid) in raylets]


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


def write_rows(folder: Path, count: int, **body: Any) -> None:
    """Write so many rows as the input."""
    write(folder / "in.jsonl", (line(number, **body) for number in range(count)))


def outcomes(folder: Path) -> Counter[bytes]:
    """How many outcomes each row has in the journal."""
    return Counter(r.key for r in read_records(folder / "out.jsonl.job") if r.kind in (Kind.DONE, Kind.FAILED))


def test_a_worker_that_dies_costs_no_row(cluster: Ray, tmp_path: Path) -> None:
    """300 rows on two workers, one killed in the middle: each row has one answer, and few were asked twice."""
    write_rows(tmp_path, 300)
    with Server(default=echo(latency=0.05)) as server:
        run = Run(cluster, server, tmp_path, workers=2).after(server, 100)
        workers = workers_of(cluster)
        os.kill(workers[0], signal.SIGKILL)
        told = run.end()
        asked = Counter(request.chat.messages[-1].text for request in server.requests if request.chat)

    assert (2, 300, 0) == (len(workers), told["done"], told["failed"]), (told, run.stderr)
    assert expected(300) == texts(tmp_path / "out.jsonl")
    assert {f"hello {number}" for number in range(300)} == set(asked)
    again = sum(asked.values()) - 300
    assert again <= WINDOW
    assert 300 == len(outcomes(tmp_path)) == sum(outcomes(tmp_path).values())
    assert any("1 of Ray's workers were lost" in note for note in told["notes"]), told
    lost = [row for row in read(tmp_path / "out.jsonl") if row["attempts"][0]["outcome"] == "WorkerLost"]
    assert again <= len(lost) <= WINDOW
    assert all(row["attempts"][0]["maybe_billed"] and row["attempts"][-1]["outcome"] == "ok" for row in lost)


def test_a_worker_that_hangs_is_replaced_after_its_lease(cluster: Ray, tmp_path: Path) -> None:
    """One that stands still and says nothing is ended, and its rows are asked by others."""
    write_rows(tmp_path, 200)
    with Server(default=echo(latency=0.05)) as server:
        run = Run(cluster, server, tmp_path, workers=1, ray={"lease": 3}).after(server, 60)
        os.kill(workers_of(cluster)[0], signal.SIGSTOP)
        told = run.end()

    assert 200 == told["done"], (told, run.stderr, read(tmp_path / "out.errors.jsonl")[:2])
    assert expected(200) == texts(tmp_path / "out.jsonl")
    assert any("1 of Ray's workers were lost" in note for note in told["notes"]), told


def test_a_driver_that_is_killed_goes_on(cluster: Ray, tmp_path: Path) -> None:
    """kill -9 ends its workers, too; the same command goes on, and so does a batch without Ray."""
    write_rows(tmp_path, 300)
    with Server(default=echo(latency=0.05)) as server:
        run = Run(cluster, server, tmp_path).after(server, 100)
        run.process.kill()
        assert {} == run.end()
        wait_for(lambda: not workers_of(cluster), 30)
        kept = len(outcomes(tmp_path))
        run = Run(cluster, server, tmp_path).after(server, server.calls + 50)
        run.process.send_signal(signal.SIGINT)
        told = run.end()
        assert "stopped cleanly" in told["message"], run.stderr
        settled = len(outcomes(tmp_path))
        told = Run(None, server, tmp_path, engine="local").end()
        paid = server.calls

    assert 300 == told["done"]
    assert expected(300) == texts(tmp_path / "out.jsonl")
    assert kept < settled < 300
    assert 300 <= paid <= 300 + WINDOW
    assert 300 == len(outcomes(tmp_path)) == sum(outcomes(tmp_path).values())


def test_requests_and_answers_are_those_of_one_process(cluster: Ray, tmp_path: Path) -> None:
    """Typed rows, words and vectors: what the provider sees, and what is written, does not depend on who asks."""
    shape = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "title": "Count"}
    write_rows(tmp_path, 5)
    seen: list[list[bytes]] = []
    outputs: list[list[dict[str, Any]]] = []
    told: list[dict[str, Any]] = []
    for engine in ("local", "ray"):
        folder = tmp_path / engine
        folder.mkdir()
        shutil.copy(tmp_path / "in.jsonl", folder)
        typed = write(folder / "typed.jsonl", [{"id": n, "prompt": f"count {n}"} for n in range(3)])
        texts_in = write(folder / "texts.jsonl", [{"id": n, "input": f"text {n}"} for n in range(3)])
        with Server(default=says('{"n": 3}')) as server:
            server.on("/v1/embeddings", embeds(3))
            told.append(Run(cluster, server, folder, engine=engine).end())
            common = {
                "verb": "parse",
                "output": shape,
                "model": "fake/m",
                "source": str(typed),
                "sink": "typed.out.jsonl",
            }
            told.append(Run(cluster, server, folder, engine=engine, **common).end())
            common = {"verb": "embed", "model": "fake/e", "source": str(texts_in), "sink": "texts.out.jsonl"}
            told.append(Run(cluster, server, folder, engine=engine, **common).end())
            seen.append(sorted(request.body for request in server.requests))
        outputs.append([])
        for name in ("out.jsonl", "typed.out.jsonl", "texts.out.jsonl"):
            for row in read(folder / name):
                outputs[-1].append({k: v for k, v in row.items() if k not in ("latency_ms", "attempts", "response")})
                outputs[-1][-1]["body"] = {
                    k: v for k, v in row["response"]["body"].items() if k not in ("id", "created")
                }

    assert [5, 3, 3] * 2 == [run["done"] for run in told], told
    assert seen[0] == seen[1]
    assert outputs[0] == outputs[1]
    assert {"n": 3} == outputs[1][5]["output"]


def test_a_budget_is_one_for_all_workers(cluster: Ray, tmp_path: Path) -> None:
    """`max_cost` is never crossed, and the run goes on with more."""
    write_rows(tmp_path, 100, max_tokens=10)
    prices = {"fake/m": {"prices": [{"input": "1", "output": "1"}]}}
    with Server(default=echo()) as server:
        told = Run(cluster, server, tmp_path, max_cost="0.0003", client={"models": prices}).end()
        assert ("BudgetError", 0) == (told["error"], told["failed"])
        assert 0 < Decimal(told["cost"]) <= Decimal("0.0003")
        assert told["done"] == server.calls
        more = Run(cluster, server, tmp_path, max_cost="1", client={"models": prices}).end()

    assert (100, 100) == (more["done"], server.calls)


def test_a_limit_in_redis_is_one_for_all_workers(cluster: Ray, redis_server: RedisServer, tmp_path: Path) -> None:
    """Three workers together are let go as one would be: eight at once, and then twenty a second."""
    rate, rows = 20, 80
    write_rows(tmp_path, rows)
    source = (
        "import json, sys; from dragoman import Limit; from tests.batch.ray import work; "
        "told = json.loads(sys.argv[1]); "
        "told['client'] = {'limit': told.pop('limit'), "
        f"'limits': {{'fake': [Limit(dimension='requests', amount={rate}, period=1, burst=0.1)]}}}}; "
        "print(json.dumps(work.main(told)))"
    )
    with Server(default=echo()) as server, Ledger(redis_server.port) as ledger:
        row = {"base_url": server.base_url(), "api_key": f"env:{KEY}", "wire": "openai-chat"}
        source = source.replace("told['client'] = {", f"told['client'] = {{'providers': {{'fake': {row!r}}}, ")
        told = {"source": "in.jsonl", "sink": "out.jsonl", "engine": "ray", "workers": 3, "limit": redis_server.url}
        # The worker that is there first is handed all that is under way; few are, so that the others have their part.
        told |= {"window": 9, "ray": {"address": cluster.address}}
        environ = {**os.environ, **variables(cluster.folder), KEY: SECRET}
        environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        command = [sys.executable, "-c", source, json.dumps(told)]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
        calls = server.calls
    found = json.loads(done.stdout)

    assert (rows, [], rows) == (found["done"], found["notes"], calls)
    assert max(len(entry.state.holders) for entry in ledger.entries) >= 2
    # Decisions and not arrivals: the first calls of a worker arrive together when it has connected, so that 34 are seen
    # in a second in which 27 were let go.
    assert ledger.worst("requests", rate) <= SMALLEST_BURST  # more than the 0.1 s of the rate
    # Half of a trip to the store: what a process may err by about the store's time.  A trip has a second at most.
    assert ledger.ahead <= 0.5
    # All; but a worker that has no answer from the store for a second, on a busy machine, goes on with its part.
    assert rows / 2 <= ledger.sum("requests") <= rows


def test_a_key_stays_where_it_is(cluster: Ray, tmp_path: Path) -> None:
    """It is in no file that Ray writes, and one that is only in the driver is refused before anything is sent."""
    write_rows(tmp_path, 20)
    with Server(default=echo()) as server:
        told = Run(cluster, server, tmp_path).end()
        assert 20 == told["done"]
        assert {f"Bearer {SECRET}"} == {request.headers["authorization"] for request in server.requests}
        row = {"base_url": server.base_url(), "api_key": "sk-only-here-4711", "wire": "openai-chat"}
        (tmp_path / "out.jsonl.job").unlink()
        refused = Run(cluster, server, tmp_path, client={"providers": {"fake": row}}).end()
        calls = server.calls

    assert ("BatchError", "api_key", 0, 0) == tuple(refused[name] for name in ("error", "field", "done", "failed"))
    assert 20 == calls
    written = [path for path in cluster.folder.rglob("*") if path.is_file()]
    assert written
    for key in (SECRET, "sk-only-here-4711"):
        assert [] == [path for path in written if key.encode() in path.read_bytes()]


def test_workers_with_other_code_are_refused(cluster: Ray, tmp_path: Path) -> None:
    """Nothing is sent by a mixture of versions, and the error says which are where."""
    write_rows(tmp_path, 5)
    other = tmp_path / "other"
    shutil.copytree(Path(dragoman.__file__).parent, other / "dragoman", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "dragoman" / "runtime.py").open("a") as file:
        file.write("# another version\n")
    with Server(default=echo()) as server:
        env = {"env_vars": {"PYTHONPATH": str(other)}}
        told = Run(cluster, server, tmp_path, ray={"runtime_env": env}).end()
        calls = server.calls

    assert ("ConfigError", "ray['runtime_env']", 0) == (told["error"], told["field"], calls), told
    assert 2 == told["message"].count(f"dragoman {dragoman.__version__} (code ")


def test_a_cluster_without_room(cluster: Ray, tmp_path: Path) -> None:
    """Workers that Ray cannot place are waited for, but not for ever."""
    write_rows(tmp_path, 5)
    with Server(default=echo()) as server:
        told = Run(cluster, server, tmp_path, ray={"num_cpus": 100, "wait": 1}).end()

    assert ("BatchError", "workers") == (told["error"], told["field"])
    assert "free are CPU 4" in told["message"]


def test_ray_on_this_machine_ends_with_the_batch(tmp_path: Path) -> None:
    """Without an address Ray is started here, and goes when the batch has ended, or its process is killed."""
    with short_folder() as short:
        folder = Path(short)
        write_rows(folder, 60)
        with Server(default=echo(latency=0.02)) as server:
            run = Run(None, server, folder).after(server, 30)
            assert processes(short)
            run.process.kill()
            run.end()
            wait_for(lambda: not processes(short), 30)
            told = Run(None, server, folder, workers=1).end()

        assert 60 == told["done"]
        assert expected(60) == texts(folder / "out.jsonl")
        wait_for(lambda: not processes(short), 30)
