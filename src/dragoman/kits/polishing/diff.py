"""
What was changed in a text: by lines, and by words.

>>> words("It are good.", "It is good.")
'It [-are-]{+is+} good.'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import SequenceMatcher, unified_diff
from typing import Final, Literal

import msgspec

# A word, a run of white space, or one sign; Chinese and Japanese have no spaces, so each character is one.
_TOKEN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+|\s+|[^\w\s]")


class Change(msgspec.Struct, frozen=True):
    """
    A run of a text.

    Attributes:
        kind: Whether it stays, is taken out or is put in.
        text: The run.
    """

    kind: Literal["same", "deleted", "inserted"]
    text: str


def unified(before: str, after: str, name: str = "text") -> str:
    """The lines that are different, in the form of `diff -u`; empty if none are."""
    lines = unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{name}", f"b/{name}", n=2
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def changes(before: str, after: str) -> tuple[Change, ...]:
    """A text and its new form, as runs that stay, go and come."""
    return tuple(_changes(before, after))


def _changes(before: str, after: str) -> Iterator[Change]:
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Change("same", "".join(old[a:b]))
            continue
        if b > a:
            yield Change("deleted", "".join(old[a:b]))
        if d > c:
            yield Change("inserted", "".join(new[c:d]))


def words(before: str, after: str, *, deleted: str = "[-{}-]", inserted: str = "{{+{}+}}") -> str:
    """Both texts in one, with marks around what goes and what comes."""
    ways: dict[str, Callable[[str], str]] = {"same": str, "deleted": deleted.format, "inserted": inserted.format}
    return "".join(ways[change.kind](change.text) for change in changes(before, after))
