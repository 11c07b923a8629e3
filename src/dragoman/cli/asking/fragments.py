"""
`-f`: text files, folders of them, or standard input, to stand before the prompt.

A folder gives its text files in order of their paths, each under its name; what is hidden, binary or in a folder of
programs' own (`node_modules`, `__pycache__`) is left out, and so is what `.gitignore` names by its plain name.

Rule: nothing is fetched; an address is refused, since what it answers is nobody's word.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dragoman.errors import ConfigError

_LEFT_OUT: Final = ("node_modules", "__pycache__", "venv", "dist", "build", "target")
_MOST_FILES: Final = 500
_MOST_BYTES: Final = 8 * 1024 * 1024


def is_folder(source: str) -> bool:
    """
    Whether a fragment is a folder.

    Raises:
        ConfigError: It is an address.
    """
    if source.startswith(("http://", "https://")):
        raise ConfigError(
            f"-f {source}: a fragment is a file or folder; fetch it first (curl -s {source} | dragoman …), or attach "
            "it with -a",
            field="fragment",
        )
    return Path(source).is_dir()


def folder_texts(source: str) -> list[str]:
    """
    The text files of a folder, each under its name.

    Raises:
        ConfigError: There are none, or they are too many or too large together.
    """
    root = Path(source)
    texts: list[str] = []
    size = 0
    for path in _files(root):
        text = _text(path)
        if text is None:
            continue
        size += len(text)
        if len(texts) >= _MOST_FILES or size > _MOST_BYTES:
            raise ConfigError(
                f"-f {source}: more than {_MOST_FILES} files or {_MOST_BYTES // 1024 // 1024} MiB of text; name a "
                "smaller folder",
                field="fragment",
            )
        texts.append(f"{path.relative_to(root)}:\n\n{text}")
    if not texts:
        raise ConfigError(f"-f {source}: the folder has no text files", field="fragment")
    return texts


def _files(root: Path) -> Iterator[Path]:
    ignored = {*_LEFT_OUT, *_gitignored(root)}
    for path in sorted(root.iterdir()):
        if path.name.startswith(".") or path.name in ignored or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


def _gitignored(root: Path) -> Iterator[str]:
    path = root / ".gitignore"
    if not path.is_file():
        return
    for line in path.read_text("utf-8", errors="replace").splitlines():
        name = line.strip().strip("/")
        if name and not set(name) & set("#!*?[/"):
            yield name


def _text(path: Path) -> str | None:
    """The text of a file, or None if it is none."""
    try:
        data = path.read_bytes()
        return None if b"\0" in data[:8192] else data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", field="fragment") from error
    except UnicodeDecodeError:
        return None
