"""
Files: read as they are, and written in one step.

Rule: a file that is there is replaced by a whole one, or not at all.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from dragoman.errors import ConfigError, StoreError


def text_of(source: str | Path, encoding: str) -> str:
    """
    A text, or what is in a file; line ends and a byte order mark stay.

    Raises:
        ConfigError: It cannot be read, or is not of that encoding.
    """
    if isinstance(source, str):
        return source
    if not isinstance(source, os.PathLike):
        raise ConfigError(f"source is {type(source).__name__}: give a text, or the Path of a file", field="source")
    try:
        data = Path(source).read_bytes()
    except OSError as error:
        raise ConfigError(f"{source} cannot be read: {error.strerror}", field="source") from error
    return decoded(data, str(source), encoding)


def decoded(data: bytes, name: str, encoding: str) -> str:
    """
    Bytes as text.

    Raises:
        ConfigError: They are none in that encoding.
    """
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        text = f"{name} is not {encoding}: {error.reason} at byte {error.start}; give encoding="
        raise ConfigError(text, field="encoding") from error
    except LookupError as error:
        raise ConfigError(f"encoding is {encoding!r}: there is none of that name", field="encoding") from error


def check_output(source: str | Path, output: Path) -> None:
    """
    Look whether the output can be written, before anything is paid.

    Raises:
        ConfigError: It cannot.
    """
    if output.is_dir() or not output.parent.is_dir():
        raise ConfigError(
            f"output is {str(output)!r}: give the path of a file in a folder that is there", field="output"
        )
    if isinstance(source, Path) and output.exists() and source.exists() and output.samefile(source):
        raise ConfigError("output is the source: give another path", field="output")


def write_whole(path: Path, text: str, encoding: str) -> None:
    """
    Replace a file.

    Raises:
        StoreError: The disk does not take it, or the encoding has no such letters; what was there is still there.
    """
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError as error:
        raise StoreError(
            f"{path}: {encoding} has no {text[error.start]!r}: give encoding='utf-8'", field="encoding"
        ) from error
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:40]}-", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(temporary)
        raise StoreError(f"{path} cannot be written: {error.strerror}", field="output") from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
