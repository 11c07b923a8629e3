"""
Where Dragoman keeps its own files.

`$XDG_CONFIG_HOME/dragoman`, on Windows `%APPDATA%\\dragoman`, else `~/.config/dragoman`.

Source: XDG Base Directory Specification 0.8; a relative path in its variables is ignored.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def config_folder(environ: Mapping[str, str]) -> Path:
    """The folder of configuration and keys, whether it is there or not."""
    base = environ.get("XDG_CONFIG_HOME") or (environ.get("APPDATA") if os.name == "nt" else None) or ""
    if Path(base).is_absolute():
        return Path(base) / "dragoman"
    home = environ.get("HOME")
    return (Path(home) if home else Path("~").expanduser()) / ".config" / "dragoman"
