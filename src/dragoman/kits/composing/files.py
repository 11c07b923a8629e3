"""
Files in an answer: found, held to safe paths, and written nowhere but below one folder.

Rule: a path of a model is a stranger's.  It is relative, has no `..`, no drive, no backslash, no control character and
no name that a system keeps for itself; and no folder on its way is a link that leads out.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from dragoman.errors import ConfigError
from dragoman.kits.findings import Finding

_OPEN: Final = re.compile(r"^(?P<indent> {0,3})(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*)$")
_PATH: Final = re.compile(
    r"(?:^|\s)(?:path|file|filename|title)\s*[=:]\s*(?:\"([^\"]+)\"|'([^']+)'|(\S+))", re.IGNORECASE
)
_NAMED: Final = re.compile(r"^\w[\w+#.-]*[ :]\s*([^\s=]*[./][^\s=]+)\s*$")
_BEFORE: Final = re.compile(
    r"^(?:#{1,6}\s*)?(?:file|path|datei)?\s*:?\s*[*`\"]{1,3}([^`*\"\n]+\.\w+|[^`*\"\n]*/[^`*\"\n]+)[`*\"]{1,3}:?\s*$",
    re.IGNORECASE,
)
_RESERVED: Final = re.compile(r"(?i)^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)")
_LONGEST: Final = 400  # characters of a path
_INSIDE: Final = re.compile(r"[\x00-\x1f\x7f:*?\"<>|\\\u202a-\u202e\u2066-\u2069]")
_KEPT: Final = frozenset({".git", ".hg", ".svn", ".ssh"})


class Block(NamedTuple):
    """A fenced block: its path as the model wrote it (empty if it has none), its language and its text."""

    path: str
    language: str
    text: str


def blocks(text: str) -> tuple[list[Block], bool]:
    """The fenced blocks of an answer, and whether the last one was closed."""
    found: list[Block] = []
    opened: re.Match[str] | None = None
    lines: list[str] = []
    before = path = ""
    for line in text.splitlines():
        fence = _OPEN.match(line)
        if opened is None:
            if fence:
                opened, lines, path = fence, [], _path_of(fence["info"], before)
            before = line if line.strip() else before
        elif _closes(line, opened["fence"]):
            found.append(_block(path, opened["info"], lines))
            opened, before = None, ""
        else:
            lines.append(line)
    if opened is not None:
        found.append(_block(path, opened["info"], lines))
    return found, opened is None


def _closes(line: str, fence: str) -> bool:
    bare = line.strip()
    return len(bare) >= len(fence) and set(bare) == {fence[0]} and len(line) - len(line.lstrip(" ")) < 4


def _block(path: str, info: str, lines: list[str]) -> Block:
    language = re.match(r"[\w+#.-]*", info.strip())
    return Block(path, language[0].lower() if language else "", "".join(f"{line}\n" for line in lines))


def _path_of(info: str, before: str) -> str:
    """The path in the first line of a block, or in the line above it."""
    if found := _PATH.search(info):
        return next(group for group in found.groups() if group is not None)
    if found := _NAMED.match(info.strip()):
        return found[1]
    return found[1].strip() if (found := _BEFORE.match(before.strip())) else ""


def files_of(text: str) -> tuple[dict[str, str], list[Finding]]:
    """The files of an answer by their paths, and what is wrong with it."""
    found, closed = blocks(text)
    files: dict[str, str] = {}
    findings: list[Finding] = []
    for block in found:
        if not block.path:
            continue
        if why := unsafe(block.path):
            findings.append(Finding(check="path", message=f"the path {block.path!r} {why}", found=block.path))
        elif (path := tidy(block.path)) in files:
            findings.append(Finding(check="path", message=f"{path} is there twice", found=path))
        else:
            files[path] = block.text
    if not closed:
        findings.append(Finding(check="cut", message="the last block is not closed: the answer was cut"))
    if not files and not findings:
        findings.append(Finding(check="files", message="there is no block with a path"))
    clashing = [f"{path}: {other} is below it" for path in files for other in files if other.startswith(f"{path}/")]
    return files, [
        *findings,
        *(Finding(check="path", message=f"a file cannot be a folder, too: {one}") for one in clashing),
    ]


def unsafe(path: str) -> str:
    """
    Why a path is not safe; empty if it is.

    >>> [unsafe(path) for path in ("src/a.py", "../a", "C:/a")]
    ['', 'leads out of the folder', 'has a sign that paths may not have']
    """
    parts = path.split("/")
    reasons = (
        (not path.strip() or len(path) > _LONGEST, "is empty or too long"),
        (bool(_INSIDE.search(path)), "has a sign that paths may not have"),
        (path.startswith(("/", "~")), "is not relative"),
        (".." in parts, "leads out of the folder"),
        (path.endswith("/") or not tidy(path), "names no file"),
        (
            any(_RESERVED.match(part) or part.endswith((" ", ".")) for part in parts if part not in (".", "")),
            "is reserved",
        ),
        (any(part.lower() in _KEPT for part in parts), "is in a folder that is not for this"),
    )
    return next((why for wrong, why in reasons if wrong), "")


def tidy(path: str) -> str:
    """The same path without `./` and doubled slashes."""
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def diff_of(files: Mapping[str, str], before: Mapping[str, str]) -> str:
    """What files change, as a unified diff."""
    pieces: list[str] = []
    for path, text in files.items():
        old = before.get(path)
        lines = difflib.unified_diff(
            (old or "").splitlines(keepends=True),
            text.splitlines(keepends=True),
            f"a/{path}" if old is not None else "/dev/null",
            f"b/{path}",
        )
        pieces += [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
    return "".join(pieces)


def present(root: Path, paths: Mapping[str, str]) -> dict[str, str]:
    """What is in the folder now of some files; one that is no text is left out."""
    found: dict[str, str] = {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
            found[path] = inside(root, path).read_text(encoding="utf-8")
    return found


def folder_of(given: object, field: str = "write_to") -> Path:
    """
    The folder to write to.

    Raises:
        ConfigError: It is none.
    """
    if not isinstance(given, str | Path):
        raise ConfigError(f"{field} is {type(given).__name__}: give the path of a folder", field=field)
    root = Path(given)
    if root.exists() and not root.is_dir():
        raise ConfigError(f"{field} is {str(root)!r}, which is a file: give a folder", field=field)
    return root


def inside(root: Path, path: str) -> Path:
    """
    Where a path is below a folder.

    Raises:
        ConfigError: It is not safe, or a link on its way leads out.
    """
    why = unsafe(path)
    home, target = root.resolve(), root.joinpath(*tidy(path).split("/"))
    if why or not target.resolve().is_relative_to(home) or target.is_symlink():
        raise ConfigError(f"the path {path!r} {why or 'leads out of the folder by a link'}", field="write_to")
    return target


def write_files(files: Mapping[str, str], root: Path) -> tuple[str, ...]:
    """
    Write files below a folder; each is replaced as a whole.

    Raises:
        ConfigError: A path is not safe (then nothing was written), or a file cannot be written.
    """
    targets = {path: inside(root, path) for path in files}
    for path, target in targets.items():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(inside(root, path), files[path])
        except OSError as error:
            raise ConfigError(f"{target} cannot be written: {error.strerror or error}", field="write_to") from error
    return tuple(targets)


def _replace(target: Path, text: str) -> None:
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _umask() -> int:
    """The process's mask, which can only be read by setting it; new files get what `open` would give them."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
