"""
Ask a file of rows, stop in the middle, and go on.

    python examples/batch.py                                   the simulator: no key, no network
    MODEL=openai/gpt-5.6-luna python examples/batch.py         a real model
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from dragoman import Client

MODEL = os.environ.get("MODEL", "sim/echo")

with tempfile.TemporaryDirectory() as folder, Client() as client:
    source, sink = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
    source.write_text("".join(json.dumps({"id": f"n{number}", "number": number}) + "\n" for number in range(2000)))

    batch = client.batch(source, sink, model=MODEL, template="What is {number} squared?", window=4, start=False)
    print("estimate:", batch.estimate.rows, "rows,", batch.estimate.input_tokens, "tokens in")
    for row in batch.results():
        print(row.id, row.text)
        break  # leaving stops it; after a crash it would be the same
    print(batch.report)

    print(client.resume_batch(sink).report)
    print(len(sink.read_text().splitlines()), "lines of output")
