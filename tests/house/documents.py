"""
What the documents show, taken out of them so that it can be run.

* A fence that opens with ```` ```python ```` is code.  All of one file run in order, as one program.
* In a fence that opens with ```` ```console ````, a line that begins with `$ ` and has `dragoman` as a command is run
  in a shell; each shown line of its output must be in what it prints.  Of one with an ellipsis, only what stands before
  it.  The commands of one fence run one after another, in the same folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.house.modules import ROOT

_FENCE = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^\1```\s*$", re.MULTILINE | re.DOTALL)
_RUNS_US = re.compile(r"(?:^|[|;&] *)dragoman\b")


class Shown(msgspec.Struct, frozen=True):
    """A command and the lines that the document shows after it."""

    command: str
    output: tuple[str, ...]
    line: int

    def missing(self, printed: str) -> list[str]:
        """The lines shown that are not in what was printed."""
        lines = printed.splitlines()
        return [line for line in self.output if not any(_is_shown_by(line, one) for one in lines)]


def _is_shown_by(shown: str, printed: str) -> bool:
    before, ellipsis, _ = shown.partition("…")
    return printed.startswith(before.rstrip()) if ellipsis else printed == shown


def documents() -> list[Path]:
    """Every document with examples."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def fences(path: Path, language: str) -> Iterator[tuple[int, str]]:
    """(line of its first line, text) of each fence in a language."""
    text = path.read_text("utf-8")
    for fence in _FENCE.finditer(text):
        if fence[2] == language:
            yield text.count("\n", 0, fence.start(3)) + 1, fence[3]


def program(path: Path) -> str:
    """All Python of a document as one program, each piece at the line where it stands, so that tracebacks are right."""
    lines: list[str] = []
    for start, text in fences(path, "python"):
        lines += [""] * (start - 1 - len(lines))
        lines += text.splitlines()
    return "\n".join(lines)


def sessions(path: Path) -> Iterator[tuple[Shown, ...]]:
    """The commands of a document that call us, those of one fence together."""
    for start, text in fences(path, "console"):
        shown = tuple(_commands(start, text))
        if shown:
            yield shown


def _commands(start: int, text: str) -> Iterator[Shown]:
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    for head, following in zip(heads, [*heads[1:], len(lines)], strict=True):
        command = lines[head][2:]
        output = tuple(line for line in lines[head + 1 : following] if line.strip())
        if _RUNS_US.search(command):
            yield Shown(command.partition("   #")[0], output, start + head)
