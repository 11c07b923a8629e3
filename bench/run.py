"""
Measures Dragoman beside its peers.  `./dev bench` asks every question, `./dev bench call` one.

Each sample is a process of its own; the peers take turns within a round, so that what else the machine does hits all
alike.  Rounds are repeated until the spread (interquartile range over median) of every peer is below 3 %, or `ROUNDS`
are done.  The result goes to `results/<question>-<commit>.json` together with the machine's facts; `table.py` puts it
into the README.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import environments
from fault_worker import load as load_fault
from measure import Sample, load

HERE = Path(__file__).parent
PEERS = ("dragoman", "raw_urllib3", "raw_aiohttp", "openai", "anthropic", "litellm")
QUESTIONS = {
    "import": "What does importing it cost, over a bare interpreter?",
    "first_call": "What does a process pay up to its first answer, over a bare interpreter?",
    "call": "What does one plain blocking call cost?",
    "call_async": "What does one plain async call cost, 64 in flight?",
    "stream": "What does one streamed chunk cost, blocking?",
    "stream_async": "What does one streamed chunk cost, async, 16 streams at once?",
}
FAULTS = "What do the libraries make of the same faults?"  # asked only by name: it takes a quarter of an hour
BATCH_PEERS = ("dragoman", "dragoman_processes", "raw_aiohttp", "openai", "litellm", "langchain", "ray")
FAULT_PEERS = ("dragoman", "openai", "anthropic", "litellm", "pydantic_ai")
LEAST_ROUNDS = 5
ROUNDS = 15
SPREAD = 0.03

# Nothing of the caller's surroundings may reach a peer: no proxy, no key, no configuration.
_ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
# Not `ru_maxrss`: a child begins with its parent's.   (getrusage(2), proc(5))
_AT_THE_END = """
import time
cpu = time.process_time() * 1e3
status = open("/proc/self/status").read()
rss = int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
print('{"cpu_ms": %f, "rss_mb": %f}' % (cpu, rss))
"""


@contextmanager
def server() -> Iterator[str]:
    """Run the canned server in a process of its own, and give its address."""
    command = [sys.executable, str(HERE / "servers.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def sample(peer: str, question: str, url: str) -> Sample:
    """Measure one peer once."""
    module = load(peer)
    python = str(environments.python_of(module.ENVIRONMENT))
    if question == "import":
        command = [python, "-c", module.IMPORT + _AT_THE_END]
    else:
        command = [python, str(HERE / "measure.py"), peer, question, url]
    return _json(command)


def bare(python: str) -> Sample:
    """What an interpreter costs that does nothing."""
    return _json([python, "-c", _AT_THE_END])


def _json(command: list[str]) -> Sample:
    done = subprocess.run(command, env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    # litellm may print notes of its own: the result is the last line.
    result: Sample = json.loads(done.stdout.splitlines()[-1])
    return result


def answers(peer: str, question: str) -> bool:
    """Whether a peer has that face."""
    return question in ("import", "first_call") or hasattr(load(peer), question)


def measure(question: str, peers: list[str], url: str, rounds: int) -> dict[str, list[Sample]]:
    """Take turns until the numbers stand still."""
    taken: dict[str, list[Sample]] = {peer: [] for peer in peers if answers(peer, question)}
    over_bare = question in ("import", "first_call")
    for number in range(rounds):
        for peer, samples in taken.items():
            one = sample(peer, question, url)
            if over_bare:
                nothing = bare(str(environments.python_of(load(peer).ENVIRONMENT)))
                one = {key: value - nothing[key] for key, value in one.items()}
            samples.append(one)
        worst = max(spread(samples) for samples in taken.values())
        print(f"bench: {question}, round {number + 1}, spread {worst:.1%}", file=sys.stderr)
        if number + 1 >= LEAST_ROUNDS and worst < SPREAD:
            break
    return taken


def _values(samples: list[Sample], key: str) -> list[float]:
    return sorted(one[key] for one in samples)


def spread(samples: list[Sample]) -> float:
    """Interquartile range over median, of CPU time."""
    values = _values(samples, next(iter(samples[0])))
    if len(values) < 3:
        return 1.0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / middle


def summary(samples: list[Sample]) -> dict[str, Any]:
    """Least, median and 95th percentile of each figure."""
    result: dict[str, Any] = {"rounds": len(samples), "spread": round(spread(samples), 4)}
    for key in samples[0]:
        values = _values(samples, key)
        p95 = values[min(len(values) - 1, round(0.95 * (len(values) - 1)))]
        result[key] = {
            "min": round(values[0], 3),
            "median": round(statistics.median(values), 3),
            "p95": round(p95, 3),
        }
    return result


def commit() -> str:
    """Short id of the commit, with a mark where the checkout differs from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True).stdout.strip()


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    names = (*QUESTIONS, *_BY_NAME)
    parser.add_argument(
        "question", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; all but the last three, if none is given"
    )
    every = sorted({*PEERS, *FAULT_PEERS, *BATCH_PEERS})
    parser.add_argument("--peer", action="append", choices=every, help="only these; writes no result")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"at most ({ROUNDS})")
    chosen = parser.parse_args()
    for question in chosen.question:
        if question not in names:
            parser.error(f"no question is called {question!r}: there are {', '.join(names)}")
    for name, requirement in environments.rows():
        environments.ready(name, requirement)
    for name in _BY_NAME:
        if name in chosen.question:
            _BY_NAME[name](chosen.peer, chosen.rounds)
    with server() as url:
        for question in chosen.question or QUESTIONS:
            if question not in _BY_NAME:
                report(question, chosen.peer, chosen.rounds, url)


def report_batch(only: list[str] | None, rounds: int) -> None:
    """Run a batch with every peer; print the rates, and keep the result if all peers ran."""
    import batch

    begun, facts = datetime.now(UTC), machine()
    peers = batch.measure(only or BATCH_PEERS, min(rounds, batch.ROUNDS), _ENVIRONMENT)
    for peer, row in peers.items():
        print(f"batch         {peer:12} {row['rows_per_second']:10.1f} rows/s {row['rss_mb']:8.1f} MB", flush=True)
    if only is None:
        environs = dict.fromkeys(batch.load(peer).ENVIRONMENT for peer in peers)
        date, installed = begun.isoformat(timespec="seconds"), {name: environments.versions(name) for name in environs}
        result = {"question": batch.QUESTION, "commit": commit(), "date": date, "machine": facts, "peers": peers}
        keep("batch", {**result, "installed": installed})


def report_faults(only: list[str] | None, rounds: int) -> None:
    """Ask every peer every fault; print the shares, and keep the result if all peers were asked."""
    import faults  # it needs dragoman, which the other questions run beside

    begun, facts = datetime.now(UTC), machine()
    peers = faults.measure(only or FAULT_PEERS, _ENVIRONMENT)
    result = {
        "question": FAULTS,
        "commit": commit(),
        "date": begun.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(UTC) - begun).total_seconds()),
        "machine": facts,
        "meanings": faults.MEANINGS,
        "peers": peers,
        "installed": {
            name: environments.versions(name) for name in dict.fromkeys(load_fault(peer).ENVIRONMENT for peer in peers)
        },
    }
    for peer, row in peers.items():
        for wire, found in row["wires"].items():
            print(f"faults        {peer:12} {wire:18} {found['right']:4} of {found['cases']} right", flush=True)
    if only is None:
        keep("faults", result)


def keep(question: str, result: dict[str, Any]) -> None:
    """Write a result."""
    target = HERE / "results" / f"{question}-{result['commit']}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")


def report(question: str, only: list[str] | None, rounds: int, url: str) -> None:
    """Measure one question; print it, and keep it if all peers were asked."""
    facts = machine()
    peers = only or list(PEERS)
    taken = measure(question, peers, url, rounds)
    result: dict[str, Any] = {
        "question": QUESTIONS[question],
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": facts,
        "peers": {peer: {"label": load(peer).LABEL, **summary(samples)} for peer, samples in taken.items()},
        "installed": {
            name: {
                "versions": environments.versions(name),
                "megabytes": round(environments.megabytes(name), 1),
            }
            for name in dict.fromkeys(load(peer).ENVIRONMENT for peer in peers)
        },
    }
    for peer, row in result["peers"].items():
        key = "cpu_ms" if "cpu_ms" in row else "cpu_us"
        median, least = row[key]["median"], row[key]["min"]
        print(f"{question:13} {peer:12} {key} median {median:10.1f} min {least:10.1f}", flush=True)
    if only is None:
        keep(question, result)


def report_conversation(only: list[str] | None, rounds: int) -> None:
    """Grow a conversation and race for one with every peer; keeps the result if all were asked."""
    import conversation

    rows = [name for name, row in conversation.ROWS.items() if only is None or row.peer in only]
    conversation.report(rows)


def report_knowledge(only: list[str] | None, rounds: int) -> None:
    """Search 10,000 pieces in every way; keeps the result if all were asked."""
    import knowledge

    knowledge.main(only)


def report_ray(only: list[str] | None, rounds: int) -> None:
    """Ask the same rows from this process and from Ray's workers; keeps the result."""
    import ray_engine

    ray_engine.report(ray_engine.ROWS, ray_engine.ROUNDS)


# Asked only when they are named.
_BY_NAME = {
    "faults": report_faults,
    "batch": report_batch,
    "conversation": report_conversation,
    "knowledge": report_knowledge,
    "ray": report_ray,
}


if __name__ == "__main__":
    main()
