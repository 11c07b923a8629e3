"""
Whether the command line keeps a log: one small file beside the store, `logs.toml`.

    on = true
    content = true
    days = 90
    megabytes = 500

Rule: nothing is kept before somebody has said `dragoman logs on`.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dragoman.errors import ConfigError
from dragoman.observe.place import DAYS, MEGABYTES, data_directory, default_path

if TYPE_CHECKING:
    from dragoman.observe.base import Call
    from dragoman.observe.logstore import LogStore


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the file says.

    Attributes:
        on: Whether calls of the command line are kept.
        content: Whether texts are.
        days: How long; 0 for ever.
        megabytes: How much; 0 for no limit.
    """

    on: bool = False
    content: bool = True
    days: float = DAYS
    megabytes: float = MEGABYTES


def switch_path(environ: Mapping[str, str]) -> Path:
    """Where the file is."""
    return data_directory(environ) / "logs.toml"


def read_switch(environ: Mapping[str, str]) -> Switch:
    """
    Read it; without a file, nothing is kept.

    Raises:
        ConfigError: It cannot be read, or says something that cannot be.
    """
    path = switch_path(environ)
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Switch)
    except (FileNotFoundError, NotADirectoryError):
        return Switch()
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}; write it anew with dragoman logs on", field="logs"
        ) from error


def write_switch(environ: Mapping[str, str], switch: Switch) -> Path:
    """
    Write it, all or nothing.

    Raises:
        ConfigError: The folder cannot be written.
    """
    path, draft = switch_path(environ), ""
    lines = [f"{name} = {msgspec.json.encode(getattr(switch, name)).decode()}\n" for name in Switch.__struct_fields__]
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, draft = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(lines)
        os.replace(draft, path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(draft)
        raise ConfigError(f"{path} cannot be written: {error.strerror}", field="logs") from error
    return path


@contextmanager
def kept(
    environ: Mapping[str, str], *, wanted: bool = True, key: Callable[[Call], str] | None = None
) -> Generator[list[LogStore], None, None]:
    """
    What the command line's client is observed by, for a `with` block: the store, if it is switched on.

    At its end all calls are written.  `key` says whose key a call used, in words.
    """
    switch = read_switch(environ) if wanted else Switch()
    if not switch.on:
        yield []
        return
    from dragoman.observe.logstore import LogStore  # who keeps nothing need not load a database

    path = default_path(environ)
    days, megabytes = switch.days or None, switch.megabytes or None
    store = LogStore(path, content=switch.content, days=days, megabytes=megabytes, key=key)
    try:
        yield [store]
    finally:
        store.close()
