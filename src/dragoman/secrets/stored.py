"""
Keys that `dragoman keys set` has stored, as the library finds them.

`keys.json` in the configuration folder names for each provider a reference: to the keyring, to the encrypted file
beside it, or whatever `--ref` gave.  So it holds no key itself.

Rule: where nothing is stored, a look costs one `stat`.  A file that others may write is not read, since a reference may
name a program to run.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.secrets.places import config_folder
from dragoman.secrets.reference import Reference, parse_reference

INDEX: Final = "keys.json"

_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


def index_path(environ: Mapping[str, str]) -> Path:
    """Where the index is, whether it is there or not."""
    return config_folder(environ) / INDEX


class StoredKeys:
    """
    What is stored, read once, when it is asked for the first time.

    Args:
        environ: The environment variables.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._known: dict[str, Reference] | None = None

    def find(self, provider: str) -> Reference | None:
        """
        Return the reference that is stored for a provider, or None.

        Raises:
            ConfigError: The index cannot be read, or is not safe to be read.
        """
        if self._known is None:
            self._known = stored_keys(self._environ)
        return self._known.get(provider)


def find_stored(provider: str, environ: Mapping[str, str]) -> Reference | None:
    """
    Return the reference that is stored for a provider, or None.

    Raises:
        ConfigError: The index cannot be read, or is not safe to be read.
    """
    return stored_keys(environ).get(provider)


def stored_keys(environ: Mapping[str, str]) -> dict[str, Reference]:
    """
    Return all that is stored, by provider.

    Raises:
        ConfigError: As `find_stored`.
    """
    path = index_path(environ)
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _unusable(path, f"cannot be read ({error.strerror})", "correct its owner and mode") from error
    _check_safe(path, found)
    parsed = {name: parse_reference(text, f"{path}: {name}") for name, text in _texts(path).items()}
    wrong = next((name for name, reference in parsed.items() if reference is None), None)
    if wrong is not None:
        raise _unusable(path, f"has no reference for {wrong}", f"dragoman keys set {wrong}")
    return {name: reference for name, reference in parsed.items() if reference is not None}


def _check_safe(path: Path, found: os.stat_result) -> None:
    if os.name != "posix":
        return
    if found.st_mode & _OTHERS:
        raise _unusable(path, "may be written by others", f"chmod 600 {path}")
    if found.st_uid not in (os.geteuid(), 0):
        raise _unusable(path, "belongs to another user", f"chown $USER {path}")


def _texts(path: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except OSError as error:
        raise _unusable(path, f"cannot be read ({error.strerror})", "correct its owner and mode") from error
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError):
        problem = _unusable(path, "is damaged", "remove it, and set the keys again: dragoman keys set PROVIDER")
    raise problem


def _unusable(path: Path, what: str, fix: str) -> ConfigError:
    return ConfigError(f"{path} {what}: {fix}", field="keys")
