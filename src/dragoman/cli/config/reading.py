"""
The two configuration files, as one.

What `./dragoman.toml` says wins over what `$XDG_CONFIG_HOME/dragoman/config.toml` says, key by key.

Rule: a value that cannot work is an error that names its file; a key that is not known is told by `dragoman config
show` and `dragoman doctor`, and left alone here, so that a newer program's file can be read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec

from dragoman.cli.config.known import TABLES, Key, check, parse_key
from dragoman.errors import ConfigError
from dragoman.types.requests import Settings, settings_from


class Found(NamedTuple):
    """
    One value, and the file that says it.
    """

    key: Key
    value: Any
    path: Path


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the files say of a call.

    Attributes:
        aliases: Short name to model.
        settings: What `options` says.
        fallback: Models to ask next.
        max_cost: US dollars that one command may cost.
    """

    aliases: dict[str, str] = {}
    settings: Settings = Settings()
    fallback: tuple[str, ...] = ()
    max_cost: float | None = None


def read_file(path: Path) -> dict[str, Any]:
    """
    Return what a file says; nothing, where there is none.

    Raises:
        ConfigError: It cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", field="config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}", field="config") from error


def flat(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys as they are written on the command line, with their values."""
    for name, value in values.items():
        if name in TABLES and isinstance(value, dict):
            yield from ((f"{name}.{inner}", held) for inner, held in cast("dict[str, Any]", value).items())
        else:
            yield name, value


def found(paths: Sequence[Path]) -> dict[str, Found]:
    """
    Return the values that hold; of several files that say one key, the first.

    Raises:
        ConfigError: A file cannot be read, or a value cannot work.
    """
    held: dict[str, Found] = {}
    for path in paths:
        for name, value in flat(read_file(path)):
            if name in TABLES:
                raise ConfigError(f"{path}: {name} is no table: write [{name}] above its lines", field=name)
            key = _known(name)
            if key is not None and name not in held:
                held[name] = Found(key, check(key, value, str(path)), path)
    return held


def strangers(path: Path) -> list[str]:
    """
    Names of keys in a file that nobody reads.

    Raises:
        ConfigError: It cannot be read.
    """
    return [name for name, _ in flat(read_file(path)) if _known(name) is None]


def defaults(paths: Sequence[Path]) -> Defaults:
    """
    Return what the files say of a call.

    Raises:
        ConfigError: A file cannot be read, or a value cannot work.
    """
    held = found(paths)
    options = {one.key.name.replace("-", "_"): one.value for one in held.values() if one.key.table == "options"}
    return Defaults(
        aliases={one.key.name: one.value for one in held.values() if one.key.table == "aliases"},
        settings=settings_from(options) if options else Settings(),
        fallback=tuple(held["fallback"].value) if "fallback" in held else (),
        max_cost=held["max_cost"].value if "max_cost" in held else None,
    )


def _known(name: str) -> Key | None:
    try:
        return parse_key(name)
    except ConfigError:
        return None
