"""
Keys in variables and files: `env:NAME`, `file:PATH`, `dotenv:PATH#NAME`.

Of a file the line feed at its end is left out, because Docker, Kubernetes and editors put one there; nothing else is
stripped anywhere.  Paths may begin with `~`; relative ones begin at the current directory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dragoman.errors import ConfigError
from dragoman.secrets.dotenv import read_dotenv
from dragoman.secrets.lookup import MOST, decoded, failed, names, without_end_of_line
from dragoman.secrets.reference import Reference

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")


def path_of(reference: Reference, environ: Mapping[str, str]) -> Path:
    """The path that a reference names; `file:///run/x` is `file:/run/x`."""
    name = reference.name.removeprefix("//")
    home = environ.get("HOME") or environ.get("USERPROFILE")
    if name.startswith("~/") and home:
        return Path(home) / name[2:]
    return Path(name).expanduser()


def read_bytes(path: Path, reference: Reference) -> bytes:
    """
    Read a file of at most 64 KiB, and one byte more of one that is larger.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MOST + 1)
    except FileNotFoundError:
        problem = failed(reference, "is not there", "mount the secret, or correct the path")
    except IsADirectoryError:
        problem = failed(reference, "is a directory", "name the file in it")
    except PermissionError:
        problem = failed(reference, "may not be read by this user", f"chown or chmod {path}")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "the path cannot be one"
        problem = failed(reference, f"cannot be read ({why})", "correct the path")
    raise problem


def from_environment(reference: Reference, environ: Mapping[str, str]) -> str:
    """`env:NAME`: another variable."""
    if not _VARIABLE.match(reference.name):
        raise ConfigError("env: does not name a variable: write env:NAME", field="api_key")
    value = environ.get(reference.name)
    if not value:
        raise failed(reference, "is not set" if value is None else "is empty", f"export {reference.name}=…")
    return value


def from_file(reference: Reference, environ: Mapping[str, str]) -> str:
    """`file:PATH`: the whole of a file, without the line feed at its end."""
    return without_end_of_line(decoded(read_bytes(path_of(reference, environ), reference), reference))


def from_dotenv(reference: Reference, environ: Mapping[str, str]) -> str:
    """`dotenv:PATH#NAME`: one variable of a `.env` file."""
    if not reference.field:
        raise failed(reference, "does not say which variable", "write dotenv:PATH#NAME")
    values = read_dotenv(path_of(reference, environ))
    value = values.get(reference.field)
    if not value:
        what = "has no" if value is None else "has an empty"
        raise failed(reference, f"{what} {reference.field}", f"there are {names(values)}")
    return value
