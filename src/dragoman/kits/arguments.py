"""
What a caller may give to a kit: texts, lists of texts, numbers, folders.

Rule: an argument of a wrong type is a ConfigError that names it, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from dragoman.errors import ConfigError


def text_of(value: object, field: str) -> str:
    """
    A text.

    Raises:
        ConfigError: It is something else.
    """
    if not isinstance(value, str):
        raise ConfigError(f"{field} is {type(value).__name__}: give a text", field=field)
    return value


def texts_of(values: object, field: str, of: str = "texts") -> tuple[str, ...]:
    """
    A list of texts; one text alone is an error, since its letters would be meant.

    Raises:
        ConfigError: It is something else, or has something else in it.
    """
    if isinstance(values, str):
        raise ConfigError(f"{field} is a text: give a list of {of}", field=field)
    if not isinstance(values, Iterable) or isinstance(values, bytes):
        raise ConfigError(f"{field} is {type(values).__name__}: give a list of {of}", field=field)
    made: list[object] = list(cast("Iterable[object]", values))
    for value in made:
        if not isinstance(value, str):
            raise ConfigError(f"{field} has {value!r} in it: give a list of {of}", field=field)
    return cast("tuple[str, ...]", tuple(made))


def share_of(value: object, field: str) -> float:
    """
    A number from 0 to 1.

    Raises:
        ConfigError: It is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ConfigError(f"{field} is {value!r}: give a share, 0 to 1", field=field)
    return value


def folder_of(value: object, field: str) -> Path:
    """
    A folder that is there.

    Raises:
        ConfigError: It is something else.
    """
    if not isinstance(value, str | Path):
        raise ConfigError(f"{field} is {type(value).__name__}: give a folder's path", field=field)
    if not Path(value).is_dir():
        raise ConfigError(f"{field} is {str(value)!r}: there is no such folder", field=field)
    return Path(value)
