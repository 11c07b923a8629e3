"""
A process that runs batches to be killed: `python -m tests.soaks.batch_work URL`, and a line of JSON for each run.

Each run is a child of its own, forked from this process, in which everything is imported already.  It counts the calls
by which the journal and the files reach the disk, and at the one that is named it fails, or dies before it, in the
middle of it, or after it.  The answer is a line with how it ended and how many such calls it made.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from dragoman import BatchError, Client, Retry, Timeouts
from tests.soaks.figures import rows

MODEL = "openai/m-1"
WINDOW = 32
CALLS = ("pwrite", "fdatasync", "fsync", "ftruncate", "replace")
WAYS = ("error", "full", "kill", "torn", "after")
_ERRORS = {"error": errno.EIO, "full": errno.ENOSPC}


class Points:
    """
    The system's calls, of which one is made to fail.

    Args:
        at: Its number, from 0; -1 for none.
        way: Of `WAYS`.
    """

    def __init__(self, at: int, way: str) -> None:
        self.count = 0
        self._at = at
        self._way = way
        for name in CALLS:
            setattr(os, name, self._around(getattr(os, name)))

    def _around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def made(*given: Any, **more: Any) -> Any:
            number, self.count = self.count, self.count + 1
            if number != self._at:
                return call(*given, **more)
            if self._way in _ERRORS:
                code = _ERRORS[self._way]
                raise OSError(code, os.strerror(code))
            if self._way == "torn" and call.__name__ == "pwrite":
                call(given[0], bytes(given[1])[: len(given[1]) // 2], given[2])
            elif self._way == "after":
                call(*given, **more)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError("unreachable")

        return made


def run(url: str, source: str, sink: str, window: int) -> dict[str, Any]:
    """Run it to its end, and say how that was."""
    timeouts, retry = Timeouts(first_event=1.0, idle=1.0), Retry(base=0.01, cap=0.05)
    with Client(providers=rows(url), timeouts=timeouts, retry=retry, limit=None) as client:
        try:
            report = client.batch(source, sink, model=MODEL, window=window).report
        except BatchError as error:
            return {"error": error.message, "field": error.field}
    return {"done": report.done, "failed": report.failed, "reused": report.reused, "again": report.again}


def _child(url: str, told: dict[str, Any], out: int) -> None:
    points = Points(told.get("at", -1), told.get("way", "kill"))
    said = run(url, told["source"], told["sink"], told.get("window", WINDOW))
    os.write(out, json.dumps({**said, "points": points.count}).encode())


def main(url: str) -> None:
    """Run what each line asks for."""
    import dragoman.batch.faces
    import dragoman.transport.aio  # noqa: F401 - once, and not in each child

    for line in sys.stdin:
        into, out = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(into)
            _child(url, json.loads(line), out)
            os._exit(0)
        os.close(out)
        with os.fdopen(into, "rb") as pipe:
            said = pipe.read()
        _, status = os.waitpid(child, 0)
        ended = json.loads(said) if said else {}
        print(json.dumps({**ended, "killed": os.WIFSIGNALED(status)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
