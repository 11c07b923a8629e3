"""The work on a document grows as its length does, whatever stands in it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from dragoman.kits.documents import read
from dragoman.kits.documents.maker import Joined, Maker
from dragoman.kits.documents.markdown_inline import Inline

HOSTILE: dict[str, Callable[[int], str]] = {
    "brackets in brackets": lambda n: "[a]: /x\n\n" + "[" * n + "a" + "]" * n,
    "links in links": lambda n: "[" * n + "a" + "](b)" * n,
    "pictures in pictures": lambda n: "![" * n + "a" + "](b)" * n,
    "formulas that never end": lambda n: "a \\( \\[ " * n,
    "titles that never end": lambda n: "[a](b 'c\\" * n,
    "blanks": lambda n: "a" + " " * n + "b",
    "lines with code": lambda n: "a `b`\n" * n,
    "tags that never end": lambda n: "a <b " * n,
}


class Counted:
    """A set of names that is empty, and counts the letters that it is asked for."""

    def __init__(self) -> None:
        self.letters = 0

    def __contains__(self, name: object) -> bool:
        self.letters += len(str(name))
        return False


def asked(depth: int) -> int:
    """Letters that are looked at to name the links of brackets in brackets."""
    text, known = "[" * depth + "a" + "]" * depth, Counted()
    Inline(Maker("markdown", text), Joined(text, [(0, len(text))]), 0, known, "text").cut()
    return known.letters


def test_brackets_in_brackets_take_bounded_steps() -> None:
    """Only what may be a name is looked at, however deep they are."""
    assert 0 < asked(2_000) == asked(30_000) < 500_000


@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_is_linear(name: str) -> None:
    """Eight times the text takes nowhere near 64 times the time."""

    def seconds(count: int) -> float:
        text = HOSTILE[name](count)
        spent: list[float] = []
        for _ in range(3):
            begun = time.thread_time()
            read(text, "markdown")
            spent.append(time.thread_time() - begun)
        return min(spent)

    assert seconds(16_000) < 24 * max(seconds(2_000), 0.002)
