"""
Writes the newest results of `results/` into the README, between its markers.

Nothing here is typed by hand: a figure that was not measured is a dash.  `python bench/table.py --check` says whether
the README is up to date.  The faults also stand in docs/faults.md, which `scripts/fault_table.py` writes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
BEGIN, END = "<!-- bench: begin (written by bench/table.py) -->", "<!-- bench: end -->"
BEGIN_FAULTS, END_FAULTS = "<!-- faults: begin (written by bench/table.py) -->", "<!-- faults: end -->"
DIALECTS = {"openai-chat": "OpenAI's dialect", "anthropic-messages": "Anthropic's dialect"}
# Of the ways to be wrong, those that the README shows.
WORST = {"silent loss": "silent losses", "hang": "hangs", "untyped error": "untyped errors"}

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
    found = {question: latest(question) for question in dict.fromkeys(column[0] for column in COLUMNS)}
    return {question: result for question, result in found.items() if result is not None}


def latest(question: str) -> dict[str, Any] | None:
    """The newest result of a question."""
    paths = (HERE / "results").glob(f"{question}-*.json")
    results: list[dict[str, Any]] = [json.loads(path.read_text("utf-8")) for path in paths]
    return max(results, key=lambda result: str(result["date"])) if results else None


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


def shares() -> str:
    """What each peer made of the faults, in short."""
    result = latest("faults")
    if result is None:
        return "Not measured: `./dev bench faults`."
    lines = [_row(["", *DIALECTS.values(), *WORST.values()])]
    lines.append(_row(["---", *["---:"] * (len(DIALECTS) + len(WORST))]))
    for peer, row in result["peers"].items():
        right = [_share(row["wires"].get(wire)) for wire in DIALECTS]
        counts = [str(sum(found[way] for found in row["wires"].values())) for way in WORST]
        lines.append(_row([f"**{row['label']}**" if peer == "dragoman" else row["label"], *right, *counts]))
    return "\n".join([*lines, "", *_ABOUT_SHARES])


_ABOUT_SHARES = (
    "Share of fault cases that came out right, by rules that ask for nothing of ours, and the worst ways to be wrong.",
    "The cases, the rules and the other ways: [docs/faults.md](docs/faults.md#the-same-faults-other-libraries).",
)


def faults() -> str:
    """The whole table of docs/faults.md, with what its columns mean."""
    result = latest("faults")
    if result is None:
        return "Not measured: `./dev bench faults`."
    ways: dict[str, str] = result["meanings"]
    lines = [_row(["", "cases", "right", *ways]), _row(["---", *["---:"] * (len(ways) + 2)])]
    for row in result["peers"].values():
        for wire, found in row["wires"].items():
            name = f"{row['label']}, {DIALECTS[wire]}"
            lines.append(_row([name, str(found["cases"]), _share(found), *(str(found[way]) for way in ways)]))
    lines += ["", *(f"* **{way}**: {meaning}" for way, meaning in ways.items()), "", *_told(result)]
    return "\n".join([*lines, *_fault_facts(result)])


def _told(result: dict[str, Any]) -> list[str]:
    """How many losses a reader could have noticed who looks at every field."""
    rows = result["peers"].values()
    counts = {row["label"]: sum(found["told"] for found in row["wires"].values()) for row in rows}
    some = ", ".join(f"{count} of {label}'s" for label, count in counts.items() if count)
    return [f"Silent losses without a finish reason, which a reader who looks can see: {some}.", ""] if some else []


def _fault_facts(result: dict[str, Any]) -> list[str]:
    machine = result["machine"]
    named = ("openai", "anthropic", "litellm", "pydantic-ai-slim")
    versions = {name: one[name] for one in result["installed"].values() for name in named if name in one}
    return [
        f"Measured {result['date'][:10]} at {result['commit']} in {result['seconds'] // 60} minutes",
        f"on {machine['cpu']}, {machine['cores']} cores, {machine['python']},",
        f"beside {', '.join(f'{name} {version}' for name, version in sorted(versions.items()))}.",
        "Every case that was wrong, with its outcome, stands in `bench/results/`.",
    ]


def _share(found: dict[str, Any] | None) -> str:
    return f"{100 * found['right'] / found['cases']:.1f} %" if found else "-"


def written() -> str:
    """The README with the tables of today's results."""
    text = README.read_text("utf-8")
    for begin, end, lines in ((BEGIN, END, table(newest())), (BEGIN_FAULTS, END_FAULTS, shares())):
        before, _, rest = text.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise SystemExit(f"README.md has no {begin} ... {end}")
        text = f"{before}{begin}\n{lines}\n{end}{after}"
    return text


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        raise SystemExit(0 if written() == README.read_text("utf-8") else "README.md: run python bench/table.py")
    README.write_text(written(), "utf-8")
