"""
Where the local log store is, and how much it keeps, unless somebody says otherwise.

Apart from the store itself, so that who only asks whether there is one need not load a database.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

DAYS: Final = 90.0
MEGABYTES: Final = 500.0


def default_path(environ: Mapping[str, str]) -> Path:
    """Where the file is if nobody says where."""
    return data_directory(environ) / "logs.db"


def data_directory(environ: Mapping[str, str]) -> Path:
    """Where a user's data of Dragoman lies."""
    base = environ.get("XDG_DATA_HOME") or ""
    home = Path(base) if base.startswith("/") else Path(environ.get("HOME") or "~").expanduser() / ".local" / "share"
    return home / "dragoman"
