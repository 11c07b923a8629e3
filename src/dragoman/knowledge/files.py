"""
Which files an `add` is about.

A folder is read with all that is in it, links to folders aside.  Left out is what is hidden, what belongs to tools
(`node_modules`, `__pycache__`), what `exclude` names, and what a `.dragomanignore` in a folder names: one pattern in
each line, as a shell writes it, for names or for paths below that folder; a `/` at its end means folders only.

Rule: the order is that of names, so that the same folder gives the same base.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.knowledge.reading import FORMATS, format_of
from dragoman.knowledge.values import Format

IGNORE: Final = ".dragomanignore"
_TOOLS: Final = frozenset(("node_modules", "__pycache__"))
_WILD: Final = ("*", "?", "[")


class File(msgspec.Struct, frozen=True):
    """A file to read, its name in the base, what it is written in."""

    path: Path
    source: str
    format: Format


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is read.

    Attributes:
        include: Patterns of which a file's name or path must match one; empty for all.
        exclude: Patterns of files and folders that are left out.
        root: Names in the base are relative to this folder; None for whole paths.
        format: What all files are written in; None to go by their names.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    root: Path | None = None
    format: Format | None = None

    def files(self, paths: Sequence[str | os.PathLike[str]]) -> tuple[list[File], list[str], list[str]]:
        """
        Find the files.

        Returns:
            The files, each once; the folders that were looked through and the files that are gone, as they are named
            in the base.

        Raises:
            ConfigError: There is no such path, or it is no file that can be read.
        """
        found: dict[str, File] = {}
        folders: list[str] = []
        gone: list[str] = []
        for given in paths:
            for path in _expanded(os.fspath(given)):
                if path.is_dir():
                    folders.append(self._name(path))
                    found.update((file.source, file) for file in self._below(path))
                elif path.is_file():
                    file = self._file(path, named=True)
                    found[file.source] = file
                else:
                    gone.append(self._name(path))
        return list(found.values()), folders, gone

    def _below(self, folder: Path) -> Iterator[File]:
        ignored: dict[str, tuple[str, ...]] = {}
        for here, folders, names in os.walk(folder, onerror=_unreadable):
            place = Path(here).relative_to(folder).as_posix()
            ignored[place] = _ignore_rules(Path(here)) if IGNORE in names else ()
            folders[:] = sorted(name for name in folders if self._is_wanted(_join(place, name), ignored, folder=True))
            for name in sorted(names):
                inner = _join(place, name)
                known = self.format is not None or format_of(name) is not None
                if known and self._is_wanted(inner, ignored, folder=False) and self._is_included(inner):
                    path = Path(here, name)
                    if path.is_file():
                        yield self._file(path, named=False)

    def _is_included(self, inner: str) -> bool:
        return not self.include or any(_matches(inner, pattern) for pattern in self.include)

    def _is_wanted(self, inner: str, ignored: dict[str, tuple[str, ...]], *, folder: bool) -> bool:
        name = inner.rpartition("/")[2]
        if name.startswith(".") or (folder and name in _TOOLS):
            return False
        if any(_is_ruled(inner, rule, folder=folder) for rule in self.exclude):
            return False
        for place, rules in ignored.items():
            below = inner if place == "." else inner.removeprefix(f"{place}/")
            is_below = place == "." or inner.startswith(f"{place}/")
            if is_below and any(_is_ruled(below, rule, folder=folder) for rule in rules):
                return False
        return True

    def _file(self, path: Path, *, named: bool) -> File:
        form = self.format or format_of(path.name)
        if form is None:
            known = ", ".join(FORMATS)
            raise ConfigError(
                f"{str(path)!r} is of no kind that is read ({known}): say format='text' if it is text", field="paths"
            )
        return File(path, self._name(path), form)

    def _name(self, path: Path) -> str:
        absolute = Path(os.path.abspath(path))
        if self.root is None:
            return absolute.as_posix()
        root = Path(os.path.abspath(self.root))
        if not absolute.is_relative_to(root):
            raise ConfigError(f"{str(path)!r} is not below root ({str(self.root)!r})", field="root")
        return absolute.relative_to(root).as_posix()


def is_below(source: str, folder: str) -> bool:
    """Whether a document's name is that of a file in a folder."""
    return folder == "." or source.startswith(f"{folder.rstrip('/')}/")


def _unreadable(error: OSError) -> None:
    # Not passed over: its files would count as gone.
    raise ConfigError(f"{error.filename!r} cannot be read: {error.strerror}", field="paths") from error


def _expanded(given: str) -> list[Path]:
    if "://" in given:
        raise ConfigError(f"{given!r} is a URL, and only files are read: download it first", field="paths")
    if not given or "\0" in given:
        raise ConfigError(f"{given!r} is no path", field="paths")
    path = Path(given).expanduser()
    if not path.exists() and any(sign in given for sign in _WILD):
        matched = sorted(glob.glob(str(path), recursive=True))
        if not matched:
            raise ConfigError(f"no file matches {given!r}", field="paths")
        return [Path(one) for one in matched]
    return [path]


def _ignore_rules(folder: Path) -> tuple[str, ...]:
    try:
        lines = (folder / IGNORE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{str(folder / IGNORE)!r} cannot be read: {error}", field="paths") from error
    rules = tuple(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
    if denied := next((rule for rule in rules if rule.startswith("!")), None):
        raise ConfigError(f"{str(folder / IGNORE)!r} has {denied!r}: rules with ! are not known", field="paths")
    return rules


def _is_ruled(inner: str, rule: str, *, folder: bool) -> bool:
    if rule.endswith("/"):
        return folder and _matches(inner, rule.rstrip("/"))
    return _matches(inner, rule)


def _matches(inner: str, pattern: str) -> bool:
    bare = pattern.removeprefix("/")
    return fnmatchcase(inner, bare) or ("/" not in pattern and fnmatchcase(inner.rpartition("/")[2], pattern))


def _join(place: str, name: str) -> str:
    return name if place == "." else f"{place}/{name}"
