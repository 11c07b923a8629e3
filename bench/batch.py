"""
Question `batch`: how many rows a second, at which memory, from a file to a file?

    ./dev bench batch                          # all peers; keeps the result
    ./dev bench batch --peer dragoman --rounds 1

The server answers each request after 10 ms with the same bytes, in a process of its own; 256 rows are under way.  The
peers take turns, each run in a fresh process; a slow peer gets fewer rows, so that each run takes some seconds.  Only
Dragoman keeps a journal, and its time includes looking through the input before the start and writing the output after
the end.  Every run must give as many lines as it was given.  All peers are one process, the raw loop included, but Ray
and `dragoman_processes`, which have two workers; processor time is that of all that have ended with the run, memory
that of the first.

Does not show: prompts of many kilobytes, TLS, a provider's limits.  Beside a server that is slower than the client all
peers are as fast as it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import environments
from batch_worker import load

HERE = Path(__file__).parent
QUESTION = "How many rows a second are asked, from a file to a file, 256 at once, against a 10 ms server?"
SECONDS, WINDOW, ROUNDS = 0.01, 256, 3
# Peer to rows of a run.
PEERS = {
    "dragoman": 50_000,
    "dragoman_processes": 50_000,
    "raw_aiohttp": 50_000,
    "openai": 3_000,
    "litellm": 2_000,
    "langchain": 2_000,
    "ray": 20_000,
}


def rows(path: Path, count: int) -> Path:
    """Write the input: OpenAI's batch lines."""
    with path.open("w") as file:
        for number in range(count):
            body = {"model": "bench-1", "messages": [{"role": "user", "content": f"hello {number}"}]}
            line = {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            file.write(json.dumps(line) + "\n")
    return path


def once(peer: str, url: str, environ: Mapping[str, str]) -> dict[str, float]:
    """One run of one peer."""
    count = PEERS[peer]
    python = str(environments.python_of(load(peer).ENVIRONMENT))
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as folder:
        source, sink = rows(Path(folder, "in.jsonl"), count), Path(folder, "out.jsonl")
        command = [python, str(HERE / "batch_worker.py"), peer, str(source), str(sink), url, str(WINDOW)]
        done = subprocess.run(command, env=dict(environ), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
        with sink.open("rb") as written:
            lines = sum(1 for _ in written)
    if lines != count:
        raise SystemExit(f"{peer}: {lines} lines for {count} rows")
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {
        "rows_per_second": count / told["seconds"],
        "cpu_us": told["cpu_seconds"] / count * 1e6,
        "rss_mb": told["rss_mb"],
    }


def measure(peers: Sequence[str], rounds: int, environ: Mapping[str, str]) -> dict[str, Any]:
    """Take turns; medians of each figure, and the best rate."""
    taken: dict[str, list[dict[str, float]]] = {peer: [] for peer in peers}
    command = [sys.executable, str(HERE / "servers.py"), str(SECONDS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        for number in range(rounds):
            for peer, samples in taken.items():
                samples.append(once(peer, url, environ))
                print(f"bench: batch, round {number + 1}, {peer} {samples[-1]}", file=sys.stderr, flush=True)
        server.stdin.close()
    return {
        peer: {
            "label": load(peer).LABEL,
            "rows": PEERS[peer],
            "best_rows_per_second": round(max(one["rows_per_second"] for one in samples)),
            **{key: round(statistics.median(one[key] for one in samples), 1) for key in samples[0]},
        }
        for peer, samples in taken.items()
    }
