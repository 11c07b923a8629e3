"""
One peer under faults, in a process of its own: `python fault_worker.py PEER`, cases in, outcomes out, one JSON a line.

An outcome is the answer that was handed over, or the exception as its reader sees it.  The clock runs around the call
alone.  Whoever started this ends it when a call does not return.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

_SHOWN = 160

Case = dict[str, Any]
Outcome = dict[str, Any]


def load(peer: str) -> ModuleType:
    """Import a peer's file, under a name that hides no library."""
    spec = spec_from_file_location(f"peer_{peer}", Path(__file__).parent / "fault_peers" / f"{peer}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Watch:
    """Notes how a call ended and how long it took; what a peer raises is what is asked about, so it ends here."""

    def __init__(self, key: str) -> None:
        self.outcome: Outcome = {}
        self._key = key

    def __enter__(self) -> Outcome:
        self._begun = time.monotonic()
        return self.outcome

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        self.outcome["seconds"] = time.monotonic() - self._begun
        if error is not None and not isinstance(error, KeyboardInterrupt):
            self.outcome["error"] = seen(error, self._key)
        return not isinstance(error, KeyboardInterrupt)


def run(peer: ModuleType, case: Case) -> Outcome:
    """One call, on the face that the case names."""
    watch = Watch(case["key"])
    if case["face"] == "async":
        asyncio.run(_run_async(peer, case, watch))
    else:
        with watch as outcome:
            outcome["answer"] = peer.ask(case)
    return watch.outcome


async def _run_async(peer: ModuleType, case: Case, watch: Watch) -> None:
    with watch as outcome:
        outcome["answer"] = await peer.ask_async(case)


def seen(error: BaseException, key: str) -> dict[str, Any]:
    """An exception: the modules and names of its classes, its words, and whether the key can be read."""
    texts = (str(error), repr(error), "".join(traceback.format_exception(error)))
    return {
        "classes": [f"{cls.__module__}.{cls.__qualname__}" for cls in type(error).__mro__],
        "words": str(error)[:_SHOWN],
        "key": any(key in text for text in texts),
    }


def main(name: str) -> None:
    """Answer until the input ends; what a library prints by itself goes elsewhere."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    peer = load(name)
    for line in sys.stdin:
        out.write(json.dumps(run(peer, json.loads(line)), default=repr) + "\n")
        out.flush()


if __name__ == "__main__":
    main(sys.argv[1])
