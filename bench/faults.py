"""
Question: what do the libraries make of the same faults?

Every fault of `dragoman.testing.faults`, plain and streamed, on both faces, in OpenAI's and in Anthropic's dialect:
each case is a server of its own and one call of the peer, in a process of the peer's own environment, judged by
`fault_rules.py`.  A call that does not end is counted: its process is killed after `fault_rules.HARD` seconds.

`./dev bench faults` writes `results/faults-<commit>.json`; `table.py` and `scripts/fault_table.py` show it.

Does not show: how likely a fault is.  Every case counts the same.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import environments
import fault_rules
from fault_worker import load

from dragoman.testing import Server, echo
from dragoman.testing.faults import FAULTS, Fault, fault

MEANINGS = fault_rules.MEANINGS
FACES = ("blocking", "async")
KEY = "a-secret-of-the-bench-4711"
# Most of the time is waiting for clocks: several groups at once cost little.
GROUPS_AT_ONCE = 6
_START = 60.0  # seconds for a process to import its library and make its first call
_SHOWN = 120


class Trial(NamedTuple):
    """One fault, in one dialect, on one face, plain or streamed."""

    fault: Fault
    wire: str
    face: str
    streamed: bool

    def __str__(self) -> str:
        return f"{self.fault.name}, {self.wire}, {'stream' if self.streamed else 'plain'}, {self.face}"


class Group(NamedTuple):
    """The trials of one peer that share a process."""

    peer: str
    wire: str
    face: str
    streamed: bool


def trials(group: Group, only: Iterable[str] = ()) -> list[Trial]:
    """What can happen to such a call."""
    return [
        Trial(one, group.wire, group.face, group.streamed)
        for one in FAULTS.values()
        if group.wire in one.wires and one.expects(streamed=group.streamed) is not None
        if not only or one.name in only
    ]


class Child:
    """The process of a peer; started anew after it had to be killed."""

    def __init__(self, peer: str, environment: dict[str, str], warm: dict[str, Any]) -> None:
        python = str(environments.python_of(load(peer).ENVIRONMENT))
        self._command = [python, str(environments.HERE / "fault_worker.py"), peer]
        self._environment = environment
        self._warm = warm
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, case: dict[str, Any]) -> dict[str, Any]:
        """One call; `{"hang": True}` if it did not end, or the process with it."""
        outcome = self._ask(self._running(), case, fault_rules.HARD)
        if "hang" in outcome:
            self.stop()
        return outcome

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
            with Server(default=echo()) as server:
                first = self._ask(self._process, {**self._warm, "url": server.base_url(self._warm["wire"])}, _START)
            if first.get("answer", {}).get("text") != "Hi":
                raise SystemExit(f"{self._command[-1]} cannot be asked at all: {first}")
        return self._process

    @staticmethod
    def _ask(process: subprocess.Popen[bytes], case: dict[str, Any], seconds: float) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(case).encode() + b"\n")
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        line = process.stdout.readline() if ready else b""
        answered: dict[str, Any] = json.loads(line) if line else {"hang": True}
        return answered


def run(group: Group, environment: dict[str, str], only: Iterable[str] = ()) -> Iterator[tuple[Trial, dict[str, Any]]]:
    """Ask all of a group; what is wrong stands under `wrong`."""
    own = load(group.peer).OWN
    case = {"wire": group.wire, "streamed": group.streamed, "face": group.face, "key": KEY}
    case |= {"timeout": fault_rules.TIMEOUT, "retries": True}
    child = Child(group.peer, environment, case)
    try:
        for trial in trials(group, only):
            outcome = _ask(trial, child, case, own)
            if _doubtful(outcome):
                child.stop()
                outcome = _ask(trial, child, case, own)
            yield trial, outcome
    finally:
        child.stop()


def _ask(trial: Trial, child: Child, case: dict[str, Any], own: tuple[str, ...]) -> dict[str, Any]:
    with Server(default=fault(trial.fault.name, answer=fault_rules.WORDS)) as server:
        again = fault_rules.retries(trial.fault, streamed=trial.streamed)
        outcome = child.ask({**case, "url": server.base_url(trial.wire), "retries": again})
        found = fault_rules.wrong(trial.fault, outcome, server, own, streamed=trial.streamed)
        return {**outcome, "wrong": found, "requests": len(server.all_requests)}


def _doubtful(outcome: dict[str, Any]) -> bool:
    """Late, or killed with nothing sent: the machine may have been busy, so it is asked again, in a new process."""
    if "hang" in outcome:
        return outcome["requests"] == 0
    return fault_rules.LATE in outcome["wrong"]


def measure(peers: Iterable[str], environment: dict[str, str], only: Iterable[str] = ()) -> dict[str, Any]:
    """Every peer's results, by dialect."""
    groups = [
        Group(peer, wire, face, streamed)
        for peer in peers
        for wire in load(peer).WIRES
        for face in FACES
        for streamed in (False, True)
    ]
    lock = threading.Lock()
    results: dict[tuple[str, str], list[tuple[Trial, dict[str, Any]]]] = {}

    def one(group: Group) -> None:
        for done in run(group, environment, only):
            with lock:
                results.setdefault((group.peer, group.wire), []).append(done)
        print(f"bench: faults, {', '.join(map(str, group))}", file=sys.stderr)

    with ThreadPoolExecutor(GROUPS_AT_ONCE) as pool:
        list(pool.map(one, groups))
    return {
        peer: {
            "label": load(peer).LABEL,
            "wires": {wire: summary(results[peer, wire]) for wire in load(peer).WIRES if (peer, wire) in results},
        }
        for peer in peers
    }


def summary(done: list[tuple[Trial, dict[str, Any]]]) -> dict[str, Any]:
    """Counts, and every case that was wrong in a line."""
    counts = Counter(name for _, outcome in done for name in outcome["wrong"])
    bad = [(trial, outcome) for trial, outcome in done if outcome["wrong"]]
    return {
        "cases": len(done),
        "right": len(done) - len(bad),
        **{name: counts[name] for name in fault_rules.MEANINGS},
        "told": sum(map(_told, (outcome for _, outcome in bad))),
        "wrong": sorted(f"{trial}: {' + '.join(outcome['wrong'])}: {_shown(outcome)}" for trial, outcome in bad),
    }


def _told(outcome: dict[str, Any]) -> bool:
    """Whether a field of a lost answer (no finish reason, or a state) would have told a reader who looks at it."""
    answer = outcome.get("answer", {})
    return fault_rules.SILENT in outcome["wrong"] and answer["finish"] in (None, "incomplete", "interrupted", "unknown")


def _shown(outcome: dict[str, Any]) -> str:
    if "hang" in outcome:
        return f"killed, {outcome['requests']} requests"
    facts = f"{outcome['requests']} requests, {outcome['seconds']:.1f} s"
    if "error" in outcome:
        return f"{outcome['error']['classes'][0]}, {facts}"
    answer = outcome["answer"]
    return f"{answer['text']!r} {answer['calls']!r}"[:_SHOWN] + f" {answer['finish']!r}, {facts}"
