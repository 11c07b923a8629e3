"""
Question: what does a call of the openai library cost over the bridge, and what does the drop-in cost?

The same canned answers as for `call` and `stream` (`servers.py`), in a process of their own; `client` is a Dragoman
client without either.  Each sample is a process of its own, and the cases take turns.

    python bench/bridge.py [--rounds N]          writes results/bridge-<commit>.json

Does not show: network, TLS, asynchronous calls.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PLAIN, STREAMED = 400, 6  # calls of a sample
KEY = "k-of-the-bench"
ASK: list[Any] = [{"role": "user", "content": "hello"}]

Call = Callable[[bool], int]


# --- the cases: each gives what makes one call and returns how many pieces came ---------------------------------------


def alone(url: str) -> Call:
    import openai

    return _sdk(openai.OpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0))


def bridge(url: str) -> Call:
    import openai

    from dragoman import Client
    from dragoman.bridge import httpx2_client

    http = httpx2_client(Client(providers={"openai": {"base_url": f"{url}/v1", "api_key": KEY}}))
    return _sdk(openai.OpenAI(api_key="dragoman", base_url=f"{url}/v1", http_client=http, max_retries=0))


def compat(url: str) -> Call:
    from dragoman.compat.openai import OpenAI

    return _sdk(OpenAI(api_key=KEY, base_url=f"{url}/v1"))


def client(url: str) -> Call:
    from dragoman import Client

    own = Client(providers={"openai": {"base_url": f"{url}/v1", "api_key": KEY}})

    def call(stream: bool) -> int:
        if not stream:
            return len(own.chat("openai/m", "hello").text) and 1
        with own.stream("openai/m", "hello") as events:
            return sum(1 for _ in events.text)

    return call


def _sdk(sdk: Any) -> Call:
    def call(stream: bool) -> int:
        answer = sdk.chat.completions.create(model="m", messages=ASK, stream=stream)
        if not stream:
            return len(answer.choices[0].message.content) and 1
        return sum(1 for chunk in answer if chunk.choices and chunk.choices[0].delta.content)

    return call


CASES = {"alone": alone, "bridge": bridge, "compat": compat, "client": client}


# --- one sample -------------------------------------------------------------------------------------------------------


def measure(case: str, url: str) -> dict[str, float]:
    """Microseconds of CPU for one plain call, and for one piece of a stream."""
    call = CASES[case](url)
    return {"call_us": _timed(call, PLAIN, stream=False), "piece_us": _timed(call, STREAMED, stream=True)}


def _timed(call: Call, count: int, *, stream: bool) -> float:
    for _ in range(max(1, count // 10)):
        call(stream)
    start, pieces = time.process_time(), 0
    for _ in range(count):
        pieces += call(stream)
    if pieces != count * (1_000 if stream else 1):
        raise SystemExit(f"{pieces} pieces came")
    return (time.process_time() - start) / pieces * 1e6


# --- all of them ------------------------------------------------------------------------------------------------------


def _sample(case: str, url: str) -> dict[str, float]:
    environ = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, str(HERE / "bridge.py"), "--case", case, "--url", url]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case}: {done.stderr}")
    sample: dict[str, float] = json.loads(done.stdout)
    return sample


def main(rounds: int) -> None:
    """Let the cases take turns, and keep what came out."""
    from run import commit, machine  # bench/run.py: the same facts as of every other question

    facts, taken = machine(), {case: [] for case in CASES}
    serving = [sys.executable, str(HERE / "servers.py")]
    with subprocess.Popen(serving, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        for number in range(rounds):
            for case, samples in taken.items():
                samples.append(_sample(case, url))
            print(f"bench: bridge, round {number + 1} of {rounds}", file=sys.stderr)
        server.stdin.close()
    cases = {
        case: {
            key: {
                "min": round(min(sample[key] for sample in samples), 2),
                "median": round(statistics.median(sample[key] for sample in samples), 2),
            }
            for key in samples[0]
        }
        for case, samples in taken.items()
    }
    report = {
        "question": "What does a call of the openai library cost over the bridge?",
        "unit": "microseconds of CPU for a plain call, and for a piece of a stream of 1,000",
        "rounds": rounds,
        "cases": cases,
        "machine": facts,
    }
    path = HERE / "results" / f"bridge-{commit()}.json"
    path.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps(cases, indent=1))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--case", choices=CASES)
    arguments.add_argument("--url", default="")
    given = arguments.parse_args()
    if given.case:
        print(json.dumps(measure(given.case, given.url)))
    else:
        main(given.rounds)
