"""
100,000 rows of a file: memory stays as it was after the first tenth, and each row has its answer, in order.

The provider is in a process of its own.  Memory is looked at while rows come, with the journal written and read.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from dragoman import Client
from tests.soaks.figures import PATIENT, memory, rows
from tests.soaks.provider import Provider

MODEL = "openai/m-1"
GROWTH = 15.0  # MB


def batch(scale: float = 1.0) -> dict[str, Any]:
    """100,000 rows of a batch."""
    count = max(50, int(100_000 * scale))
    problems: list[str] = []
    megabytes: list[float] = []
    with Provider() as provider, tempfile.TemporaryDirectory(prefix="dragoman-soak-") as folder:
        source, sink = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        with source.open("w") as file:
            for number in range(count):
                file.write(json.dumps({"id": number, "prompt": f"hello {number}"}) + "\n")
        with Client(providers=rows(provider.url), timeouts=PATIENT, limit=None) as client:
            running = client.batch(source, sink, model=MODEL, start=False)
            for number, row in enumerate(running.results()):
                if row.id != str(number) or row.response is None:
                    problems.append(f"row {number} is {row.id}: {row.error}")
                if number % max(1, count // 10) == 0:
                    megabytes.append(round(memory(), 1))
            report = running.report
        with sink.open("rb") as written:
            lines = sum(1 for _ in written)
    growth = round(megabytes[-1] - megabytes[1], 1)
    problems += [f"{lines} lines for {count} rows"] if lines != count else []
    problems += [f"memory grew by {growth} MB after the warm-up"] if growth > GROWTH else []
    return {
        "rows": count,
        "seconds": round(report.seconds, 1),
        "rows_per_second": round(report.done / report.seconds),
        "memory_mb": megabytes,
        "growth_mb": growth,
        "problems": problems[:20],
    }
