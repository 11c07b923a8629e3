"""
A batch of 10,000 rows at a flaky provider, killed at 100 random instants; and a small one, killed and failed at every
call by which it reaches the disk.

Of the rows most are answered; some are at first refused with 429 or 500 or met by a connection that is reset, some
always by a 400 or a 500, a cut or a stall.  Rule: whatever happened, each row has one answer or one error, the right
one of the two, none torn or doubled, and what was paid beyond one pass is at most what was under way at the kills.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dragoman.batch.journal import Kind, read_records
from tests.soaks.batch_work import WAYS, WINDOW
from tests.soaks.provider import Provider

# What a row meets, how many of a thousand, and the class of its error; none: it is answered.
FATES: dict[str, tuple[int, str | None]] = {
    "first:status_429": (20, None),
    "first:status_500": (20, None),
    "first:reset_before_answer": (10, None),
    "status_400": (5, "BadRequestError"),
    "status_500": (3, "ServerError"),
    "cut_in_text": (5, "WireError"),
    "stall_before_answer": (2, "TimeoutError"),
}
SMALL, NARROW = 12, 4


def _rows(count: int, rng: random.Random) -> list[str]:
    """A fate for each row; `hello` for none."""
    shares = [share for share, _ in FATES.values()]
    names = [*FATES, "hello"]
    return rng.choices(names, [*shares, 1000 - sum(shares)], k=count)


def _write(path: Path, fates: list[str]) -> Path:
    with path.open("w") as file:
        for number, fate in enumerate(fates):
            file.write(json.dumps({"id": number, "prompt": f"{fate} {number}"}) + "\n")
    return path


class Worker:
    """The process that runs batches, for a `with` block."""

    def __init__(self, url: str) -> None:
        command = [sys.executable, "-m", "tests.soaks.batch_work", url]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self, **told: Any) -> None:
        """Begin a run."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Wait until it has ended; empty if the process was killed."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        ended: dict[str, Any] = json.loads(line) if line else {}
        return ended


@contextmanager
def _worker(url: str) -> Iterator[Worker]:
    worker = Worker(url)
    try:
        yield worker
    finally:
        worker.process.communicate()


# --- random instants --------------------------------------------------------------------------------------------------


def _killed(provider: Provider, source: Path, sink: Path, count: int, kills: int, rng: random.Random) -> int:
    """Run it with kills at random instants, most of them while rows are under way; how many have hit."""
    hits = 0
    for kill in range(kills):
        command = [sys.executable, "-c", _ONE, provider.url, str(source), str(sink)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            goal = int(count * (kill + rng.random()) / (kills + 1))
            while provider.calls() < goal and process.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.random() * 0.05)
            hits += process.poll() is None
            process.kill()
    return hits


_ONE = "import sys; from tests.soaks.batch_work import run, WINDOW; run(sys.argv[1], sys.argv[2], sys.argv[3], WINDOW)"


def _wrong(sink: Path, fates: list[str]) -> list[str]:
    """What is wrong with the files and the journal."""
    outcomes: dict[int, list[str | None]] = {}
    for path, failed in ((sink, False), (sink.with_suffix(".errors.jsonl"), True)):
        before = -1
        for line in path.read_bytes().splitlines() if path.exists() else ():
            row = json.loads(line)
            number = int(row["custom_id"])
            outcomes.setdefault(number, []).append(row["error"]["kind"] if failed else None)
            if number <= before:
                return [f"row {number} comes after row {before}"]
            before = number
    wanted = {number: [FATES[fate][1] if fate in FATES else None] for number, fate in enumerate(fates)}
    problems = [
        f"row {number} ({fates[number]}) has {outcomes.get(number)} instead of {right}"
        for number, right in wanted.items()
        if outcomes.get(number) != right
    ]
    kept = Counter(r.key for r in read_records(Path(f"{sink}.job")) if r.kind in (Kind.DONE, Kind.FAILED))
    problems += [f"{len(kept)} outcomes in the journal"] if len(kept) != len(fates) else []
    return problems + [f"{key.hex()} has {n} outcomes in the journal" for key, n in kept.items() if n > 1]


def _instants(folder: Path, count: int, kills: int) -> dict[str, Any]:
    rng = random.Random(8)
    fates = _rows(count, rng)
    source, sink = _write(folder / "in.jsonl", fates), folder / "out.jsonl"
    with Provider() as provider:
        hits = _killed(provider, source, sink, count, kills, rng)
        subprocess.run([sys.executable, "-c", _ONE, provider.url, str(source), str(sink)], check=True)
        asked = Counter(seen.question for seen in provider.requests())
    paid = sum(n - 1 for question, n in asked.items() if question.startswith("hello "))
    problems = _wrong(sink, fates)
    problems += [f"{paid} answers were paid twice, with {hits} kills"] if paid > WINDOW * hits else []
    return {"rows": count, "kills": hits, "paid_again": paid, "problems": problems[:20]}


# --- every call -------------------------------------------------------------------------------------------------------


def _points(folder: Path, most: int) -> dict[str, Any]:
    """Fail and die at every call by which a small batch reaches the disk, or at some of them."""
    fates = ["hello"] * (SMALL - 1) + ["status_400"]
    source = _write(folder / "small.jsonl", fates)
    problems: list[str] = []
    tried: Counter[str] = Counter()
    with Provider() as provider, _worker(provider.url) as worker:
        worker.begin(source=str(source), sink=str(folder / "first.jsonl"), window=NARROW)
        count = worker.end()["points"]
        trials = [(at, way) for at in range(count) for way in WAYS]
        random.Random(8).shuffle(trials)
        for at, way in trials[:most]:
            sink = folder / f"{way}-{at}.jsonl"
            before = provider.calls()
            worker.begin(source=str(source), sink=str(sink), window=NARROW, at=at, way=way)
            first = worker.end()
            worker.begin(source=str(source), sink=str(sink), window=NARROW)
            second = worker.end()
            paid = provider.calls() - before - SMALL
            found = [] if first["killed"] or "error" in first or "done" in first else ["no typed error"]
            found += [] if second.get("done") == SMALL - 1 else [f"went on to {second}"]
            found += [f"{paid} more calls than rows"] if paid > NARROW else []
            found += _wrong(sink, fates) if not found else []
            problems += [f"{way} at call {at}, which ended it with {first}: {line}" for line in found]
            tried[way] += 1
    return {"points": count, "tried": dict(tried), "problems": problems[:20]}


def batch(scale: float = 1.0) -> dict[str, Any]:
    """10,000 rows and 100 kills; then every call that reaches the disk, in five ways."""
    count, kills = max(300, int(10_000 * scale)), max(2, int(100 * scale))
    with tempfile.TemporaryDirectory(prefix="dragoman-soak-") as folder:
        instants = _instants(Path(folder), count, kills)
        points = _points(Path(folder), max(8, int(10_000 * scale)))
    problems = [*instants.pop("problems"), *points.pop("problems")]
    return {"instants": instants, "calls": points, "problems": problems}
