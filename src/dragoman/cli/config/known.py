"""
What a configuration file may say.

    model = "openai/gpt-6-luna"           # what is asked without -m
    fallback = ["anthropic/claude-haiku-5-5"]   # who is asked next, as --fallback
    max_cost = 0.5                        # US dollars for one `dragoman ask`, as --max-cost

    [aliases]
    fast = "openai/gpt-6-luna"            # -m fast

    [options]
    temperature = 0.2                     # as -o temperature=0.2

Rule: a key that is none of these is refused where it is written, with its near matches.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, cast

import msgspec

from dragoman.cli.options import parse_options
from dragoman.errors import ConfigError
from dragoman.types.requests import SETTING_NAMES, settings_from


class Key(NamedTuple):
    """
    One key.

    Attributes:
        table: The table it is in, or "".
        name: Its name there.
    """

    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}" if self.table else self.name


def parse_key(text: str) -> Key:
    """
    Make a key of `model`, `aliases.fast` or `options.temperature`.

    Raises:
        ConfigError: There is no such key; the near ones are named.
    """
    table, dot, name = text.strip().partition(".")
    if not dot and table in PLAIN:
        return Key("", table)
    if dot and name and table in TABLES:
        return Key(table, name)
    raise _unknown(text)


def _unknown(text: str) -> ConfigError:
    there = [*PLAIN, *(f"{table}.NAME" for table in TABLES)]
    names = [*PLAIN, *TABLES, *(f"options.{name}" for name in SETTING_NAMES)]
    near = get_close_matches(text, names, n=3, cutoff=0.6)
    near = [f"{name}.NAME" if name in TABLES else name for name in near]
    words = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(there)}"
    return ConfigError(f"there is no key {text!r}: {words}", field="key")


def check(key: Key, value: Any, where: str) -> Any:
    """
    Return the value of a key as it is used.

    Raises:
        ConfigError: It is none for this key; the message begins with `where`.
    """
    kind = TABLES[key.table] if key.table else PLAIN[key.name]
    return kind(value, key, where)


def of_text(key: Key, text: str) -> Any:
    """
    Return the value that a text on the command line stands for.

    Raises:
        ConfigError: It stands for none.
    """
    if key.table == "options":
        name = key.name.replace("-", "_")
        return msgspec.to_builtins(parse_options([f"{name}={text}"], None).values()[name])
    if key.name == "fallback" and not key.table:
        return [part.strip() for part in text.split(",") if part.strip()]
    if key.name == "max_cost" and not key.table:
        return check(key, _number(text), str(key))
    return check(key, text, str(key))


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _is_text(value: Any, key: Key, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f'{where}: {key} is no text: write {key} = "provider/model"', field=str(key))
    return value


def _is_money(value: Any, key: Key, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ConfigError(f"{where}: {key} is no number of US dollars above 0: write {key} = 0.5", field=str(key))
    return value


def _is_list(value: Any, key: Key, where: str) -> list[str]:
    models: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [None]
    if not all(isinstance(one, str) and one for one in models):
        raise ConfigError(f'{where}: {key} is no list of models: write {key} = ["provider/model"]', field=str(key))
    return models


def _is_setting(value: Any, key: Key, where: str) -> Any:
    try:
        settings_from({key.name.replace("-", "_"): value})
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", field=str(key)) from error
    return value


PLAIN: Final[dict[str, Callable[[Any, Key, str], Any]]] = {
    "model": _is_text,
    "fallback": _is_list,
    "max_cost": _is_money,
}
TABLES: Final[dict[str, Callable[[Any, Key, str], Any]]] = {"aliases": _is_text, "options": _is_setting}
