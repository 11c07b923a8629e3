"""
What completion keeps between two presses of a key, and where the user's own files are.

Rule: the file is of one program as it was when it was drawn; another version, or a changed file of this one, draws it
anew.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress

from dragoman._version import __version__
from dragoman.cli.words import language

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def config() -> str:
    """The user's folder of configuration."""
    return os.path.join(_base("XDG_CONFIG_HOME", ".config"), "dragoman")


def data() -> str:
    """The user's folder of data."""
    return os.path.join(_base("XDG_DATA_HOME", ".local", "share"), "dragoman")


def _base(variable: str, *usual: str) -> str:
    told = os.environ.get(variable) or ""
    return told if told.startswith("/") else os.path.join(os.path.expanduser("~"), *usual)


def tree() -> dict[str, Any]:
    """The tree of commands, from the file if that is of this program as it is now."""
    path = os.path.join(_base("XDG_CACHE_HOME", ".cache"), "dragoman", "completion.json")
    mark = _mark()
    try:
        with open(path, encoding="utf-8") as file:
            kept: dict[str, Any] = json.load(file)
        if kept.get("mark") == mark:
            return kept
    except (OSError, ValueError, AttributeError):
        pass  # none, or cut: it is drawn anew
    from dragoman.cli.completion.tree import draw  # half a second, once for each version

    drawn = {"mark": mark, **draw()}
    _keep(path, drawn)
    return drawn


def _mark() -> str:
    """Changes with the program: its version, its place, and when its files were changed last."""
    newest, count = 0, 0
    for folder in ("cli", "catalog", "kits"):
        for time in _times(os.path.join(PACKAGE, folder)):
            newest, count = max(newest, time), count + 1
    return f"{__version__} {sys.version_info[:2]} {language()} {PACKAGE} {count} {newest}"


def _times(folder: str) -> Iterator[int]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == "__pycache__":
                continue
            if entry.is_dir():
                yield from _times(entry.path)
            else:
                yield entry.stat().st_mtime_ns


def _keep(path: str, tree: dict[str, Any]) -> None:
    """Write it, all or nothing; where that cannot be, it is drawn each time."""
    other = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(other, "w", encoding="utf-8") as file:
            json.dump(tree, file, ensure_ascii=False)
        os.replace(other, path)
    except OSError:
        with suppress(OSError):
            os.unlink(other)
