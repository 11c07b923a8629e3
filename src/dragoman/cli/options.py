"""
`-o name=value`: settings as text.

A value is JSON where it can be, else a text: `-o temperature=0.2`, `-o stop='["a","b"]'`, `-o reasoning=low`.  Names
and values are checked by the settings themselves, so their errors are those of the library.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, get_args, get_type_hints

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.requests import Settings, settings_from


def parse_options(pairs: Iterable[str], timeout: float | None) -> Settings:
    """
    Make settings of `name=value` pairs; of a name that is given twice the last value holds.

    Raises:
        ConfigError: No `=`, no such setting (near matches are named), or a value that it does not take.
    """
    settings = Settings()
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise ConfigError(f"-o {pair}: write -o name=value", field="option")
        settings = settings.override(_setting(name, value))
    return settings if timeout is None else settings.override(settings_from({"timeout": timeout}))


def _setting(name: str, text: str) -> Settings:
    value = text if name in _texts() else _json(text)
    if isinstance(value, str):
        return settings_from({name: value})
    try:
        return settings_from({name: value})
    except ConfigError:
        if name not in _EITHER:
            raise
        return settings_from({name: text})


# Settings that take a text as well as something else: `-o stop=5` is the text "5".
_EITHER: Final = ("stop",)


def _texts() -> frozenset[str]:
    """Names of the settings that are texts and nothing else."""
    hints = get_type_hints(Settings)
    return frozenset(name for name, hint in hints.items() if all(_is_text(kind) for kind in get_args(hint)))


def _is_text(kind: Any) -> bool:
    return kind in (str, type(None)) or (bool(get_args(kind)) and all(isinstance(arg, str) for arg in get_args(kind)))


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
