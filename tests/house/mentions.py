"""
What the documents name, taken out of their prose and code: commands, and Python that is shown but not run.

* Inline code that begins with `dragoman `, and the lines of fences and indented code that call us, are commands.
* Inline code that is an expression of Python is one.  Keywords alone (`timeout=30`) are none.
* In tables of the pages that come from other libraries, the first column is theirs.

Rule: nothing is run here; what is found is only compared with what is there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.house.documents import fences

_FENCE = re.compile(r"^ *```.*?^ *```\s*$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_CALL = re.compile(r"(?:^|[|;&`] *|\$ )(?:[A-Z_]+=\S+ +)*dragoman +([^|;&`\n]*)")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_SHELL = ("console", "text", "bash", "sh")
_AWAITED = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class Mention(msgspec.Struct, frozen=True):
    """Text that names something, and the line where it stands."""

    text: str
    line: int


def mentioned_commands(path: Path) -> Iterator[Mention]:
    """What follows `dragoman` wherever a document calls it, without what stands in quotes."""
    prose = _prose(path)
    for spot in _INLINE.finditer(prose):
        if spot[1].startswith("dragoman "):
            yield Mention(_QUOTED.sub("TEXT", spot[1][len("dragoman ") :]), _line(prose, spot.start()))
    for number, line in enumerate(prose.splitlines(), 1):
        if line.startswith("    dragoman "):
            yield Mention(_words(line.strip()[len("dragoman ") :]), number)
    for language in _SHELL:
        for start, text in fences(path, language):
            for number, line in enumerate(text.splitlines()):
                for call in _CALL.findall(_words(line)) if line.startswith("$ ") else ():
                    yield Mention(call, start + number)


def mentioned_python(path: Path) -> Iterator[tuple[Mention, ast.AST]]:
    """The expressions of inline code, and the code of fences that are shown and not run (`py`)."""
    prose = _prose(path)
    if path.stem.startswith("from-"):
        prose = "\n".join(_without_theirs(line) for line in prose.splitlines())
    for spot in _INLINE.finditer(prose):
        tree = _parsed(spot[1])
        if tree is not None:
            yield Mention(spot[1], _line(prose, spot.start())), tree
    if not path.stem.startswith("from-"):
        for start, text in fences(path, "py"):
            tree = _parsed(text)
            if tree is not None:
                yield Mention(text, start), tree


def replacements(path: Path) -> Iterator[Mention]:
    """The inline code of the last column in the tables of a page that comes from another library."""
    for number, line in enumerate(_prose(path).splitlines(), 1):
        cells = line.strip().strip("|").split(" | ")
        if line.startswith("|") and len(cells) == 2:
            for text in _INLINE.findall(cells[1]):
                yield Mention(text, number)


def _prose(path: Path) -> str:
    """The document with its fences emptied, line for line."""
    return _FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), path.read_text("utf-8"))


def _without_theirs(line: str) -> str:
    return line.partition(" | ")[2] if line.startswith("|") else line


def _words(line: str) -> str:
    return _QUOTED.sub("TEXT", line).partition("   #")[0]


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _parsed(text: str) -> ast.AST | None:
    try:
        return compile(text, "document", "exec", _AWAITED)
    except SyntaxError:
        return None
