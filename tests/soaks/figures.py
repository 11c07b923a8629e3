"""What a process holds: memory, descriptors; and waiting until something is so."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

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
