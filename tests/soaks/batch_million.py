"""
1,000,000 rows of a file: memory stays as it was after the first tenth, each row has its answer, in order, the bill is
known after 200 rows, and a budget is not crossed.

The provider is in a process of its own, and keeps its own account; so is the run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from dragoman import BudgetError, Client
from tests.soaks.figures import KEY, memory
from tests.soaks.meter import MOST_OUTPUT, PRICES, Meter

MODEL = "openai/m-1"
MOST, GROWTH = 150.0, 15.0  # MB
EARLY, NEAR = 200, 0.05


def _client(url: str) -> Client:
    model = {"prices": [PRICES], "max_output": MOST_OUTPUT}
    return Client(providers={"openai": {"base_url": url, "api_key": KEY}}, models={MODEL: model}, limit=None)


def _write(path: Path, count: int) -> Path:
    with path.open("w") as file:
        for number in range(count):
            prompt = f"hello {number} " + "w " * (number * 7919 % 40)
            file.write(json.dumps({"id": number, "prompt": prompt, "max_tokens": MOST_OUTPUT}) + "\n")
    return path


def _run(url: str, source: Path, sink: Path, count: int) -> dict[str, Any]:
    problems: list[str] = []
    megabytes: list[float] = []
    early: Decimal | None = None
    with _client(url) as client:
        running = client.batch(source, sink, model=MODEL, start=False)
        for number, row in enumerate(running.results()):
            if row.id != str(number) or row.response is None:
                problems.append(f"row {number} is {row.id}: {row.error}")
            if number == EARLY - 1:
                early = running.report.projected
            if number % max(1, count // 20) == 0:
                megabytes.append(round(memory(), 1))
        report = running.report
    with sink.open("rb") as written:
        lines = sum(1 for _ in written)
    off = abs(float((early or Decimal(0)) / report.cost) - 1)
    growth = round(max(megabytes[3:]) - megabytes[2], 1)
    problems += [f"{lines} lines for {count} rows"] if lines != count else []
    problems += [f"memory grew by {growth} MB after the warm-up"] if growth > GROWTH else []
    problems += [f"{max(megabytes)} MB"] if max(megabytes) > MOST else []
    problems += [f"after {EARLY} rows the bill was taken to be ${early}; it was ${report.cost}"] if off > NEAR else []
    return {
        "rows": count,
        "seconds": round(report.seconds, 1),
        "rows_per_second": round(report.done / report.seconds),
        "latency_ms": report.latency_ms,
        "memory_mb": megabytes,
        "growth_mb": growth,
        "bill": float(report.cost),
        "bill_projected_early": float(early or 0),
        "problems": problems[:20],
    }


def _apart(url: str, source: Path, sink: Path, count: int) -> dict[str, Any]:
    """Run it in a process of its own, whose memory is its own, too."""
    command = [sys.executable, "-m", "tests.soaks.batch_million", url, str(source), str(sink), str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _held(url: str, source: Path, sink: Path, dollars: Decimal) -> str | None:
    """Run under a budget; what is wrong."""
    with _client(url) as client:
        try:
            client.batch(source, sink, model=MODEL, max_cost=dollars)
        except BudgetError:
            return None
    return "the budget was never reached"


def batch_million(scale: float = 1.0) -> dict[str, Any]:
    """1,000,000 rows, and then a part of them under a budget."""
    count = max(600, int(1_000_000 * scale))
    with tempfile.TemporaryDirectory(prefix="dragoman-soak-") as name:
        folder = Path(name)
        source = _write(folder / "in.jsonl", count)
        with Meter(0.01) as meter:
            found = _apart(meter.url, source, folder / "out.jsonl", count)
            _, bill = meter.account()
            dollars = Decimal(str(round(found["bill"] / 10, 6)))
            problem = _held(meter.url, source, folder / "held.jsonl", dollars)
            spent = meter.account()[1] - bill
    problems: list[str] = [*found.pop("problems"), *([problem] if problem else [])]
    problems += [f"the provider charges ${bill}"] if abs(bill - found["bill"]) > 1e-6 else []
    problems += [f"${spent} were spent of a budget of ${dollars}"] if spent > float(dollars) else []
    return {**found, "budget": float(dollars), "spent_of_it": round(spent, 6), "problems": problems}


if __name__ == "__main__":
    print(json.dumps(_run(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))))
