"""Runs of a batch in a process of its own, and what is left of their workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from dragoman.batch.journal import Kind, read_records
from dragoman.testing import Server
from tests.batch.rows import line, write
from tests.house.modules import ROOT
from tests.services import wait_for

WINDOW = 32
MARK = "dragoman.batch.processes.worker"


class Run:
    """
    One run, from `in.jsonl` to `out.jsonl`.

    Attributes:
        process: The driver.
        stderr: Of all its processes, once it has ended.
    """

    def __init__(self, server: Server, folder: Path, **told: Any) -> None:
        told = {"url": server.base_url(), "source": "in.jsonl", "sink": "out.jsonl", "window": WINDOW, **told}
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
        command = [sys.executable, "-m", "tests.batch.processes.work", json.dumps(told)]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.stderr = ""

    def workers(self) -> list[int]:
        """The processes that it has started and that are alive."""
        return [pid for pid in _running(MARK) if _parent(pid) == self.process.pid]

    def end(self) -> dict[str, Any]:
        """Wait for its end, and return how it was; empty if it was killed."""
        output, self.stderr = self.process.communicate(timeout=60)
        told: dict[str, Any] = json.loads(output.splitlines()[-1]) if output else {}
        return told

    def after(self, server: Server, calls: int) -> Run:
        """Wait until the provider has had so many calls."""
        wait_for(lambda: server.calls >= calls or self.process.poll() is not None, 60)
        return self


def gone(workers: list[int], seconds: float = 10.0) -> None:
    """Wait until none of them is left."""
    wait_for(lambda: not set(workers) & set(_running(MARK)), seconds)


def _running(mark: str) -> list[int]:
    found = list[int]()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it has ended
                if mark in (entry / "cmdline").read_bytes().decode("utf-8", "replace"):
                    found.append(int(entry.name))
    return found


def _parent(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])
    return 0


def write_rows(folder: Path, count: int, **body: Any) -> None:
    """Write so many rows as the input."""
    write(folder / "in.jsonl", (line(number, **body) for number in range(count)))


def outcomes(folder: Path) -> Counter[bytes]:
    """How many outcomes each row has in the journal."""
    return Counter(r.key for r in read_records(folder / "out.jsonl.job") if r.kind in (Kind.DONE, Kind.FAILED))
