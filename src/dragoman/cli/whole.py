"""
Files of the user's that the command line writes: all of one, or nothing.

Rule: a full disk leaves the file that was there, and no half of another one.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from dragoman.errors import ConfigError


def write_file(path: Path, text: str, field: str, *, parents: bool = True) -> None:
    """
    Replace a file; its mode is kept, a link stays a link, and its folder is made with `parents`.

    Raises:
        ConfigError: It cannot be written; what was there is still there.
    """
    target = path.resolve()
    draft = ""
    try:
        if parents:
            target.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=target.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        os.chmod(draft, target.stat().st_mode & 0o777 if target.exists() else 0o644)
        os.replace(draft, target)
    except OSError as error:
        with suppress(OSError):
            os.unlink(draft)
        raise ConfigError(f"{path} cannot be written: {error.strerror}", field=field) from error
