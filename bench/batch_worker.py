"""One run over a file of rows: `python batch_worker.py PEER SOURCE SINK URL WINDOW` prints one JSON object."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType


def load(peer: str) -> ModuleType:
    """Import a peer's file, under a name that hides no library."""
    spec = spec_from_file_location(f"batch_{peer}", Path(__file__).parent / "batch_peers" / f"{peer}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(peer: str, source: str, sink: str, url: str, window: str) -> None:
    """Run it; imports are in the time, which is some seconds."""
    module = load(peer)
    since, cpu = time.perf_counter(), _cpu()
    asyncio.run(module.run(Path(source), Path(sink), url, int(window)))
    seconds, cpu = time.perf_counter() - since, _cpu() - cpu
    status = Path("/proc/self/status").read_text("ascii")
    rss = int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "rss_mb": rss}))


def _cpu() -> float:
    """Seconds of this process, and of those that it has started and that have ended."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main(*sys.argv[1:])
