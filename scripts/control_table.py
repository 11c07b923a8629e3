"""
Writes the table of docs/settings.md: which field of each dialect says what a setting says.

    python scripts/control_table.py

A request with a setting and one without are written by every wire, and their bodies compared.  A test holds the page to
what this writes.
"""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dragoman import wire as wires
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest, ReasoningSettings

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "settings.md"
BEGIN, END = "<!-- written by scripts/control_table.py -->\n", "<!-- end -->\n"

_MATRIX = runpy.run_path(str(ROOT / "scripts" / "matrix.py"))
_COLUMNS: dict[str, str] = _MATRIX["_COLUMNS"]
_MODELS: dict[str, str] = _MATRIX["_MODELS"]

# Row to what is asked, and what is asked without it.
ROWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "max_tokens": ({"max_tokens": 99}, {}),
    "temperature": ({"temperature": 0.5}, {}),
    "top_p": ({"top_p": 0.5}, {}),
    "top_k": ({"top_k": 5}, {}),
    "seed": ({"seed": 7}, {}),
    "stop": ({"stop": ("X",)}, {}),
    "frequency_penalty": ({"frequency_penalty": 0.5}, {}),
    "presence_penalty": ({"presence_penalty": 0.5}, {}),
    "logit_bias": ({"logit_bias": {"1": 5.0}}, {}),
    "n": ({"n": 2}, {}),
    "logprobs": ({"logprobs": True}, {}),
    "top_logprobs": ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True}),
    "reasoning: an effort": ({"reasoning": ReasoningSettings(effort="high")}, {}),
    "reasoning: a budget": ({"reasoning": ReasoningSettings(budget_tokens=2000)}, {}),
    "verbosity": ({"verbosity": "low"}, {}),
}
# What is only sent along so that a dialect takes it.
_ALONG = {"max_tokens", "thinking.type", "inferenceConfig.maxTokens"}


def cell(row: str, wire: str) -> str:
    """The fields that a setting becomes; `*` where a notice says that it is adapted; a dash where it is left out."""
    asked, plain = ROWS[row]
    base = {"model": _MODELS.get(wire, "m"), "messages": (Message.user("Hi"),)}
    provider = _MATRIX["row"](wire)
    if row != "max_tokens":
        base["max_tokens"] = 9000
    sent, before = (wires.get(wire).encode_request(ChatRequest(**base | one), provider) for one in (asked, plain))
    fields = list(_changed(json.loads(before.body), json.loads(sent.body)))
    fields = [field for field in fields if field not in _ALONG or row == "max_tokens"] or fields
    adapted = any(notice.adapted for notice in sent.notices if notice not in before.notices)
    if not fields:
        return "–"
    return ", ".join(f"`{field}`" for field in fields) + ("*" if adapted else "")


def _changed(before: Any, after: Any, path: str = "") -> Iterator[str]:
    for name, value in after.items():
        inner = f"{path}{name}"
        if before.get(name) == value:
            continue
        if isinstance(value, dict) and name not in ("logit_bias",):
            yield from _changed(before.get(name) or {}, value, f"{inner}.")
        else:
            yield inner


def table() -> str:
    """The table, as Markdown."""
    names = list(_COLUMNS.values())
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    lines += [f"| {row} | {' | '.join(cell(row, wire) for wire in _COLUMNS)} |" for row in ROWS]
    return "\n".join(lines) + "\n"


def page(text: str) -> str:
    """The page with its table."""
    head, _, rest = text.partition(BEGIN)
    _, _, foot = rest.partition(END)
    return f"{head}{BEGIN}{table()}{END}{foot}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
