"""
Writes the newest results of `results/` into the README, between its markers.

Nothing here is typed by hand: a figure that was not measured is a dash.  `python bench/table.py --check` says whether
the README is up to date.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- bench: begin (written by bench/table.py) -->", "<!-- bench: end -->"

# Question, figure, unit, and how it is written.
COLUMNS = (
    ("import", "cpu_ms", "import", "{:.0f} ms"),
    ("import", "rss_mb", "memory after import", "+{:.1f} MB"),
    ("first_call", "cpu_ms", "process to first answer", "{:.0f} ms"),
    ("call", "cpu_us", "call, blocking", "{:.0f} us"),
    ("call_async", "cpu_us", "call, async, 64 in flight", "{:.0f} us"),
    ("stream", "cpu_us", "streamed chunk, blocking", "{:.1f} us"),
    ("stream_async", "cpu_us", "streamed chunk, async x16", "{:.1f} us"),
)
ENVIRONMENT = {"dragoman": "ours", "openai": "openai", "anthropic": "anthropic", "litellm": "litellm"}


def newest() -> dict[str, dict[str, Any]]:
    """Question to its latest result."""
    found: dict[str, dict[str, Any]] = {}
    for question in dict.fromkeys(column[0] for column in COLUMNS):
        paths = (HERE / "results").glob(f"{question}-*.json")
        results = [json.loads(path.read_text("utf-8")) for path in paths]
        if results:
            found[question] = max(results, key=lambda result: str(result["date"]))
    return found


def table(results: dict[str, dict[str, Any]]) -> str:
    """The Markdown table and the facts under it."""
    if not results:
        return "Not measured at this commit: `./dev bench && python bench/table.py`."
    labels = {peer: row["label"] for result in results.values() for peer, row in result["peers"].items()}
    head = ["", *(title for _, _, title, _ in COLUMNS), "installed"]
    lines = [_row(head), _row(["---", *["---:"] * (len(head) - 1)])]
    for peer, label in labels.items():
        cells = [_cell(results, peer, *column) for column in COLUMNS]
        lines.append(_row([f"**{label}**" if peer == "dragoman" else label, *cells, _installed(results, peer)]))
    return "\n".join([*lines, "", *_facts(results)])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(results: dict[str, dict[str, Any]], peer: str, question: str, key: str, _: str, form: str) -> str:
    row = results.get(question, {}).get("peers", {}).get(peer)
    return form.format(row[key]["median"]) if row else "-"


def _installed(results: dict[str, dict[str, Any]], peer: str) -> str:
    environment = ENVIRONMENT.get(peer)
    for result in results.values():
        if environment in result["installed"]:
            found = result["installed"][environment]
            return f"{len(found['versions'])} packages, {found['megabytes']:.1f} MB"
    return "-"


def _facts(results: dict[str, dict[str, Any]]) -> list[str]:
    machines = {json.dumps(result["machine"]["cpu"]): result["machine"] for result in results.values()}
    commits = sorted({result["commit"] for result in results.values()})
    dates = sorted({result["date"][:10] for result in results.values()})
    loads = [result["machine"]["load_before"][0] for result in results.values()]
    machine = "; ".join(
        f"{one['cpu']}, {one['cores']} cores, {one['system']}, {one['python']}" for one in machines.values()
    )
    peers = {
        f"{name} {result['installed'][name]['versions'][name]}"
        for result in results.values()
        for name in ("openai", "anthropic", "litellm")
        if name in result["installed"]
    }
    return [
        "CPU time of the client's process, median; every peer in a process of its own, against the same local server,",
        "in one run. Imports and memory are over a bare interpreter. The two raw rows are the HTTP library used by",
        "hand, with no error handling. It shows neither model quality nor network nor TLS.",
        "",
        f"Measured {' and '.join(dates)} at {', '.join(commits)} on {machine},",
        f"load {min(loads):.1f} to {max(loads):.1f}, beside {', '.join(sorted(peers))}.",
        "Spread, minimum and 95th percentile: `bench/results/`.",
    ]


def written() -> str:
    """The README with the table of today's results."""
    text = README.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"README.md has no {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n{table(newest())}\n{END}{after}"


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        raise SystemExit(0 if written() == README.read_text("utf-8") else "README.md: run python bench/table.py")
    README.write_text(written(), "utf-8")
