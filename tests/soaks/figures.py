"""What a process holds: memory, descriptors; whether it was let run; and waiting until something is so."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from dragoman import Timeouts

KEY = "a-key-of-the-soaks"
PATIENT = Timeouts(first_event=30, idle=30, total=60)


def rows(url: str) -> dict[str, dict[str, str]]:
    """The provider, as overrides of a client."""
    return {"openai": {"base_url": url, "api_key": KEY}}


def memory() -> float:
    """Resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def descriptors() -> int:
    """How many files and sockets this process has open."""
    return len(os.listdir("/proc/self/fd"))


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Whether it is so, at the latest after that time."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


class Pulse:
    """
    Notes when the machine did not let this process run, so that a time that was too long can be told from one that was
    ours: a thread that sleeps for a moment again and again, and looks how long that was.

    Attributes:
        stalls: (from, to) of the times in which it did not wake, on `time.monotonic`.
    """

    _BEAT = 0.005
    _NOTED = 0.03

    def __init__(self) -> None:
        self.stalls: list[tuple[float, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        before = time.monotonic()
        while not self._over.wait(self._BEAT):
            now = time.monotonic()
            if now - before > self._NOTED:
                self.stalls.append((before, now))
            before = now


def stalled(stalls: list[tuple[float, float]], since: float, until: float) -> float:
    """Seconds of that time in which the process did not run."""
    return sum(max(0.0, min(end, until) - max(start, since)) for start, end in stalls)
