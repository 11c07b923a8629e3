"""
A Ray cluster on this machine: `python -m tests.batch.ray.cluster FOLDER CPUS` prints its address, and ends it when its
standard input is closed, so it never outlives whoever started it.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Self

from tests.services import wait_for

KEY = "RAY_TEST_KEY"
"""The variable that has the key, on every node."""
SECRET = "sk-test-1f0c2b7de4a94a86"


class Ray:
    """
    The cluster, for a `with` block.

    Attributes:
        folder: Where its logs are.
        address: For `ray={"address": ...}`.
    """

    def __init__(self, folder: Path, cpus: int = 4) -> None:
        self.folder = folder
        self._cpus = cpus
        self.address = ""

    def __enter__(self) -> Self:
        environ = {**os.environ, **variables(self.folder), KEY: SECRET}
        command = [sys.executable, "-m", "tests.batch.ray.cluster", str(self.folder), str(self._cpus)]
        with (self.folder / "stderr").open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        if not self.address:
            self._process.communicate()
            raise RuntimeError((self.folder / "stderr").read_text())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=60)
        wait_for(lambda: not processes(str(self.folder)), 30)


def short_folder() -> tempfile.TemporaryDirectory[str]:
    """Not pytest's: the path of a socket has at most 107 bytes."""
    return tempfile.TemporaryDirectory(prefix="dragoman-ray-", ignore_cleanup_errors=True)


def variables(folder: Path) -> dict[str, str]:
    """What Ray's processes need to know each other, and to leave nothing: where token and sockets are."""
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(_token(folder)),
        "RAY_TMPDIR": str(folder),
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def _token(folder: Path) -> Path:
    path = folder / "token"
    if not path.exists():
        path.write_text(token_hex(32))
    return path


def processes(mark: str) -> list[int]:
    """The processes whose command line has this in it, but this one."""
    found = list[int]()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:  # it has ended
                continue
            if mark in words:
                found.append(int(entry.name))
    return found


def main(folder: str, cpus: str) -> None:
    """Serve until standard input is closed."""
    import ray

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ray.init(
        address="local",
        num_cpus=int(cpus),
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=100 << 20,
        _temp_dir=folder,
        _node_ip_address="127.0.0.1",
    )
    print(ray.get_runtime_context().gcs_address, flush=True)
    sys.stdin.read()
    ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
