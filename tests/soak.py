"""
The long forms: `python -m tests.soak NAME`, with full counts, hours if need be.

Each writes what it found together with the machine it ran on to `bench/results/soak-<name>.json`, and the exit status
is 1 if it found anything.  Adding one is a row in `SOAKS`.  DRAGOMAN_CORPUS names a whole corpus; without it the
committed sample is used.
"""

from __future__ import annotations

import json
import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from dragoman import wire as wires
from tests.corpus.cuts import all_offsets, check_cuts, some_offsets
from tests.corpus.dialects import DIALECTS
from tests.corpus.recording import SAMPLE, load
from tests.crossing import TARGETS
from tests.crossing import found as crossed
from tests.fuzz.mutate import mutate
from tests.fuzz.targets import check_sse, run, targets
from tests.histories import Seeded, history
from tests.policy.limit import targets as limits
from tests.soaks.abandoned import abandoned
from tests.soaks.anyorder import anyorder
from tests.soaks.batch import batch
from tests.soaks.batch_million import batch_million
from tests.soaks.book import book
from tests.soaks.budget import budget
from tests.soaks.cancels import cancels
from tests.soaks.counters import counters
from tests.soaks.crowd import crowd, kills
from tests.soaks.flat import flat
from tests.soaks.grammar import grammar
from tests.soaks.outage import outage
from tests.soaks.points import points
from tests.soaks.processes import processes
from tests.soaks.ray import ray
from tests.soaks.sharing import sharing
from tests.soaks.tenants import tenants
from tests.soaks.views import views

_TOKENS = (
    *(b"data: x", b"data", b":", b" ", b"\r", b"\n", b"\r\n", b"\n\n", b"event: e", b"id: 1", b"id: \0", b"retry: 9"),
    *(b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b"\xf0\x9f", b"\xff", b"\xc2\x85", b"\xe2\x80\xa8", b"data:  y\n\n"),
)

Found = dict[str, Any]
"""Counts and figures; `problems` is a list of lines, empty if all is well."""

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results"
_PACKAGES = ("dragoman", "msgspec", "aiohttp", "urllib3", "hypothesis", "pytest")


def fuzz(scale: float = 1.0) -> Found:
    """200,000 damaged inputs for each reader of foreign bytes."""
    count, seed = int(200_000 * scale), int(os.environ.get("DRAGOMAN_SEED", "1"))
    problems: list[str] = []
    names: list[str] = []
    for target in targets():
        names.append(target.name)
        problems += run(target, seed=seed, count=count)
    return {"targets": names, "inputs_each": count, "seed": seed, "problems": problems}


def cut(scale: float = 1.0) -> Found:
    """Every recorded stream cut at every byte up to 32 KB, longer ones at 4,000 places or so."""
    root = Path(os.environ.get("DRAGOMAN_CORPUS", SAMPLE))
    streams = cuts = 0
    problems: list[str] = []
    for name in (name for name in DIALECTS if name in wires.names()):
        dialect = DIALECTS[name]
        for recording in load(root, dialect.folders):
            if not recording.streamed:
                continue
            body = recording.body
            places = (
                all_offsets(body)
                if len(body) <= 32_768 * scale
                else some_offsets(body, dialect.borders(body), int(2000 * scale))
            )
            lines = check_cuts(recording, dialect, wires.get(name), places)
            problems += [f"{recording.name}: {line}" for line in lines[:5]]
            streams, cuts = streams + 1, cuts + len(places)
    return {"streams": streams, "cuts": cuts, "problems": problems}


def sse(scale: float = 1.0) -> Found:
    """A million streams of grammar and noise against the standard's own algorithm."""
    count = int(1_000_000 * scale)
    problems: list[str] = []
    for number in range(count):
        rng = random.Random(number)
        data = b"".join(rng.choices(_TOKENS, k=rng.randint(0, 20)))
        if number % 4 == 0:
            data = mutate(data, data, rng)
        if (broken := check_sse(data, rng)) is not None:
            problems.append(f"number {number}: {broken}: {data!r}")
    return {"streams": count, "problems": problems[:20]}


def limit(scale: float = 1.0) -> Found:
    """10,000 calls to each simulated provider, in virtual time."""
    count = max(2, int(10_000 * scale))
    problems: list[str] = []
    table: dict[str, str] = {}
    for kind, known in limits.cases():
        reports = [limits.run(kind, known, count, seed) for seed in limits.SEEDS]
        problems += [line for report in reports for line in limits.missed(kind, report, count)]
        share, refused = min(r.share for r in reports), max(r.refused_part for r in reports)
        table[f"{kind}, {'configured' if known else 'learned'}"] = f"{share:.2%} of the rate, {refused:.3%} refused"
    return {"calls_each": count, "seeds": list(limits.SEEDS), "worst": table, "problems": problems}


def crossing(scale: float = 1.0) -> Found:
    """100,000 conversations, each gone on with at every provider that has rules of its own."""
    count = int(100_000 * scale)
    problems: list[str] = []
    for target in TARGETS:
        for seed in range(count):
            problems += [f"{target} seed {seed}: {line}" for line in crossed(target, history(Seeded(seed)))]
    return {"conversations": count, "providers": [str(target) for target in TARGETS], "problems": problems[:50]}


SOAKS: dict[str, Callable[[float], Found]] = {
    "fuzz": fuzz,
    "cut": cut,
    "sse": sse,
    "limit": limit,
    "crossing": crossing,
    "abandoned": abandoned,
    "cancels": cancels,
    "flat": flat,
    "outage": outage,
    "points": points,
    "tenants": tenants,
    "budget": budget,
    "sharing": sharing,
    "counters": counters,
    "crowd": crowd,
    "kills": kills,
    "batch": batch,
    "batch_million": batch_million,
    "book": book,
    "grammar": grammar,
    "views": views,
    "ray": ray,
    "processes": processes,
    "anyorder": anyorder,
}


# --- the machine ------------------------------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """Where and with what a result was obtained."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed_files": len(_git("status", "--porcelain", "--", "src", "tests").splitlines()),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load_before": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "versions": dict(filter(None, map(_version, _PACKAGES))),
    }


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def _version(package: str) -> tuple[str, str] | None:
    try:
        return package, metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def soak(name: str, results: Path = RESULTS, scale: float = 1.0) -> Found:
    """Run one and write its result into a folder; `scale` is the part of the full counts."""
    facts = machine()
    start, used = time.perf_counter(), time.process_time()
    found = SOAKS[name](scale)
    seconds = {"seconds": round(time.perf_counter() - start, 1), "cpu_seconds": round(time.process_time() - used, 1)}
    results.mkdir(parents=True, exist_ok=True)
    report = {
        "soak": name,
        "passed": not found["problems"],
        "scale": scale,
        **seconds,
        "found": found,
        "machine": facts,
    }
    (results / f"soak-{name}.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return found


def main(names: list[str]) -> int:
    """Run those named, or all."""
    unknown = [name for name in names if name not in SOAKS]
    if unknown:
        print(f"no soak is called {', '.join(unknown)}: there are {', '.join(SOAKS)}", file=sys.stderr)
        return 2
    bad = 0
    for name in names or SOAKS:
        found = soak(name)
        for line in found["problems"]:
            print(f"{name}: {line}")
        figures = ", ".join(f"{key} {value}" for key, value in found.items() if key != "problems")
        print(f"{name}: {'FAILED' if found['problems'] else 'passed'} ({figures})")
        bad += bool(found["problems"])
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
