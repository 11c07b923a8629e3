"""What a large batch takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from dragoman.testing.batches import BatchServer, Course
from dragoman.testing.batches.openai import OpenAI
from tests.house.modules import ROOT

_RUN = """
import resource, sys
from dragoman import Client

url, source, sink, rows = sys.argv[1:]
row = {"base_url": url, "api_key": "k"}
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
with Client(providers={"openai": row}) as client:
    client.batch([{"prompt": "a"}], model="openai/m", mode="provider", poll=0.05)
    before = peak()
    report = client.batch(source, sink, model="openai/m", mode="provider", poll=0.05).report
print(report.done, peak() - before)
"""


def _grown(folder: Path, count: int) -> tuple[int, int]:
    """Rows that were answered, and MiB that the process needed more for them."""
    with (folder / "in.jsonl").open("w") as file:
        for number in range(count):
            file.write(json.dumps({"id": number, "prompt": f"{number} " + "word " * 800}) + "\n")
    with BatchServer(OpenAI, default=Course(shuffled=False)) as server:
        command = [sys.executable, "-c", _RUN, server.url + "/v1", "in.jsonl", "out.jsonl", str(count)]
        environ = {"PYTHONPATH": f"{ROOT / 'src'}", "PATH": "/usr/bin"}
        said = subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, text=True, timeout=100)
    done, grown = said.stdout.split()
    return int(done), int(grown)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """12 MB of rows go up and come back in a few MiB."""
    done, grown = _grown(tmp_path, 3000)
    assert 3000 == done
    assert grown < 25
