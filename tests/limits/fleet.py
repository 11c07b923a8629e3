"""Processes that share a limit, started together; some are killed on the way."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent


class Worker(NamedTuple):
    """
    What one process did.

    Attributes:
        status: Exit status; negative for a signal.
        answers: When each of its answers came, in seconds since all began.
        words: What it said on stderr.
    """

    status: int
    answers: list[float]
    words: str

    def until(self, when: float) -> int:
        """How many answers it had by then."""
        return sum(1 for at in self.answers if at <= when)


class Fleet:
    """Processes that have begun."""

    def __init__(self, processes: Sequence[subprocess.Popen[str]], folder: Path) -> None:
        self.processes = processes
        self.began = time.monotonic()
        self._folder = folder

    def at(self, seconds: float) -> None:
        """Wait until so many seconds after the beginning."""
        time.sleep(max(0.0, self.began + seconds - time.monotonic()))

    def finish(self, timeout: float = 60.0) -> list[Worker]:
        """Wait for all."""
        until = time.monotonic() + timeout
        return [
            Worker(process.wait(max(0.1, until - time.monotonic())), self._answers(number), self._words(number))
            for number, process in enumerate(self.processes)
        ]

    def _answers(self, number: int) -> list[float]:
        lines = (self._folder / f"{number}.out").read_text().splitlines()[1:]
        return [float(line.split()[0]) - self.began for line in lines if len(line.split()) == 2]

    def _words(self, number: int) -> str:
        return (self._folder / f"{number}.err").read_text()


@contextmanager
def fleet(
    limit: str, base_url: str, counts: Sequence[int], at_once: int, environment: Mapping[str, str] | None = None
) -> Iterator[Fleet]:
    """Start a process for each count of calls, and let them begin together."""
    with tempfile.TemporaryDirectory(prefix="dragoman-fleet-") as name:
        folder = Path(name)
        processes: list[subprocess.Popen[str]] = []
        try:
            for number, count in enumerate(counts):
                processes.append(_start(folder, number, [limit, base_url, str(count), str(at_once)], environment or {}))
            for number in range(len(counts)):
                _wait_for(folder / f"{number}.out")
            started = Fleet(processes, folder)
            for process in processes:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.close()
            yield started
        finally:
            for process in processes:
                process.kill()
                process.wait()
                if process.stdin is not None:
                    process.stdin.close()


def _start(folder: Path, number: int, words: list[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    with (folder / f"{number}.out").open("w") as out, (folder / f"{number}.err").open("w") as err:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.limits.worker", *words],
            cwd=ROOT,
            env=os.environ | dict(environment),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            text=True,
        )


def _wait_for(path: Path, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not path.read_text().startswith("ready"):
        if time.monotonic() > until:
            raise TimeoutError(f"{path.with_suffix('.err').read_text()}")
        time.sleep(0.02)
