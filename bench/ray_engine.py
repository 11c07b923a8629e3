"""
Question `ray`: what does a row cost more when Ray's workers ask it than when this process does?

    ./dev bench ray                            # keeps the result
    python bench/ray_engine.py --rows 300 --rounds 1

The same file of rows, the same window of 256, against a server that answers after 10 ms, in a process of its own; a
journal either way.  The time is that of the run itself: Ray is there already, and its workers are, too, from the first
row on.  Processor time is that of the driver alone, since the workers' is what one buys.

Does not show: a network between the machines.  With two cores, the driver, its workers and the server share them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from batch import rows

HERE = Path(__file__).parent
QUESTION = "What does a row cost more when Ray's workers ask it than when this process does?"
ROWS, ROUNDS, WINDOW, SECONDS = 10_000, 3, 256, 0.01
WAYS: Mapping[str, dict[str, Any]] = {
    "local": {},
    "ray, 1 worker": {"engine": "ray", "workers": 1},
    "ray, 2 workers": {"engine": "ray", "workers": 2},
}


def work(source: str, folder: str, url: str, count: int, rounds: int) -> None:
    """All ways in turn, in one process, so that Ray is started once."""
    import ray

    from dragoman import Client

    ray.init(address="local", num_cpus=4, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20)
    row = {"base_url": f"{url}/v1", "api_key": "env:RAY_BENCH_KEY", "wire": "openai-chat"}
    taken: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with Client(providers={"bench": row}) as client:
        for number in range(rounds):
            for way, keywords in WAYS.items():
                sink, cpu = Path(folder, f"{number}-{len(taken[way])}-{way}.jsonl"), time.process_time()
                report = client.batch(source, sink, model="bench/bench-1", window=WINDOW, **keywords)
                cpu = time.process_time() - cpu
                done = report.report
                if done.done != count:
                    raise SystemExit(f"{way}: {done}")
                first = done.timeline[0].seconds if done.timeline else 0.0
                # From the first outcome on: before it are the start of the workers and of their clients.
                begun = next((point.seconds for point in done.timeline if point.rows), first)
                rows_then = next((point.rows for point in done.timeline if point.rows), 0)
                seconds = (done.seconds - begun) / max(1, count - rows_then)
                taken[way].append(
                    {"seconds": done.seconds, "row_us": seconds * 1e6, "driver_cpu_us": cpu / count * 1e6}
                )
                print(f"bench: ray, round {number + 1}, {way} {taken[way][-1]}", file=sys.stderr, flush=True)
    ray.shutdown()
    print(json.dumps(taken))


def measure(count: int, rounds: int) -> dict[str, Any]:
    """Medians of each figure."""
    command = [sys.executable, str(HERE / "servers.py"), str(SECONDS)]
    with (
        tempfile.TemporaryDirectory(prefix="dragoman-bench-") as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        source = rows(Path(folder, "in.jsonl"), count)
        told = [sys.executable, str(HERE / "ray_engine.py"), "--work", str(source), folder, url]
        told += ["--rows", str(count), "--rounds", str(rounds)]
        environ = {**os.environ, "RAY_BENCH_KEY": "k", "RAY_USAGE_STATS_ENABLED": "0"}
        done = subprocess.run(told, env=environ, stdout=subprocess.PIPE, text=True, check=True)
        server.stdin.close()
    taken: dict[str, list[dict[str, float]]] = json.loads(done.stdout.splitlines()[-1])
    figures = {
        way: {key: round(statistics.median(one[key] for one in samples), 1) for key in samples[0]}
        for way, samples in taken.items()
    }
    base = figures["local"]["row_us"]
    return {way: {**found, "row_us_over_local": round(found["row_us"] - base, 1)} for way, found in figures.items()}


def main() -> None:
    """Measure as the arguments say."""
    parser = argparse.ArgumentParser(description=QUESTION)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--work", nargs=3, metavar=("SOURCE", "FOLDER", "URL"), help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.work:
        work(*told.work, told.rows, told.rounds)
        return
    report(told.rows, told.rounds)


def report(count: int, rounds: int) -> None:
    """Measure, print, and keep the result of a full run."""
    figures = measure(count, rounds)
    print(json.dumps(figures, indent=2))
    if (count, rounds) == (ROWS, ROUNDS):
        kept = {"question": QUESTION, "date": datetime.now(UTC).isoformat(timespec="seconds"), "cores": os.cpu_count()}
        path = HERE / "results" / "ray_engine.json"
        path.write_text(json.dumps({**kept, "rows": ROWS, "figures": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
