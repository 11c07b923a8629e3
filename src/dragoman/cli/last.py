"""
Which conversation the command line had last, so that `-c` can go on with it.

It is written down beside the stores, for each store, tenant and owner, since each of them has a last one of its own.  A
store is written as a hash: its URL may hold a password.

Rule: this is a convenience.  A file that is gone or broken means that there was none; a store is never searched.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from dragoman.cli.conv.place import Place
from dragoman.observe.place import data_directory

_MOST = 100  # places that are remembered


class Last(NamedTuple):
    """A conversation and its branch."""

    name: str
    branch: str


def last(place: Place, environ: Mapping[str, str]) -> Last | None:
    """The conversation that was last had there, or None."""
    return _read(_file(environ)).get(_key(place))


def remember(place: Place, had: Last, environ: Mapping[str, str]) -> None:
    """Write down which one was had there; a disk that cannot be written to loses only the convenience."""
    file = _file(environ)
    known = {key: one for key, one in _read(file).items() if key != _key(place)}
    newest = dict([*known.items(), (_key(place), had)][-_MOST:])
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.write_bytes(msgspec.json.encode(newest))
        draft.replace(file)
    except OSError:
        with suppress(OSError):
            draft.unlink()


def _read(file: Path) -> dict[str, Last]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Last])
    except (OSError, msgspec.DecodeError):
        return {}


def _file(environ: Mapping[str, str]) -> Path:
    return data_directory(environ) / "last-conversation.json"


def _key(place: Place) -> str:
    owned = "\0".join((place.store, place.tenant, place.owner or ""))
    return hashlib.sha256(owned.encode()).hexdigest()[:32]
