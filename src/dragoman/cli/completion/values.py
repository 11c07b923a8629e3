"""
What values there are: models, aliases, conversations, templates, settings and more.

Rule: a file that is missing, busy or broken gives no candidates here; the command that reads it says what is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from dragoman.cli.completion.kept import PACKAGE, config, data

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final


class Asked:
    """What is known of the line: the tree of commands, and the words so far."""

    __slots__ = ("tree", "words")

    def __init__(self, tree: dict[str, Any], words: list[str]) -> None:
        self.tree, self.words = tree, words


def starting(word: str, pairs: Any) -> Iterator[tuple[str, str]]:
    """Those of some values that begin as the word does."""
    return ((value, about) for value, about in pairs if value.startswith(word))


def _models(asked: Asked, word: str) -> Iterator[tuple[str, str]]:
    """Aliases and providers, then the models of the one that is named; behind a comma, another."""
    before, comma, last = word.rpartition(",")
    for value, about in _model(asked, last):
        yield (value if value.startswith(":") else before + comma + value), about


def _model(asked: Asked, word: str) -> Iterator[tuple[str, str]]:
    provider, slash, _ = word.partition("/")
    if slash:
        yield from starting(word, ((f"{provider}/{name}", "") for name in asked.tree["models"].get(provider, ())))
        return
    yield from starting(word, sorted(_aliases().items()))
    names = [name for name in asked.tree["providers"] if name.startswith(word)]
    yield from ((f"{name}/", "") for name in names)
    if names:
        yield ":nospace", ""


def _settings(asked: Asked, word: str) -> Iterator[tuple[str, str]]:
    yield from starting(word, ((f"{name}=", "") for name in asked.tree["settings"]))
    yield ":nospace", ""


def _providers(asked: Asked, word: str) -> Iterator[tuple[str, str]]:
    return starting(word, ((name, "") for name in asked.tree["providers"]))


def _kits(asked: Asked, word: str) -> Iterator[tuple[str, str]]:
    return starting(word, ((name, "") for name in asked.tree["kits"]))


def _files(asked: Asked, word: str) -> Iterator[tuple[str, str]]:
    yield ":file", ""


def _keys(asked: Asked, word: str) -> Iterator[tuple[str, str]]:
    names = ["model", "fallback", "max_cost", *(f"options.{name}" for name in asked.tree["settings"])]
    names += [f"aliases.{name}" for name in _aliases()]
    return starting(word, ((name, "") for name in names))


def _alias_names(asked: Asked, word: str) -> Iterator[tuple[str, str]]:
    return starting(word, sorted(_aliases().items()))


def _aliases() -> dict[str, str]:
    import tomllib

    found: dict[str, str] = {}
    for path in (os.path.join(config(), "config.toml"), "dragoman.toml"):
        try:
            with open(path, "rb") as file:
                told: Any = tomllib.load(file).get("aliases")
        except (OSError, ValueError):
            continue  # what is wrong with a file is told by the command that reads it, not at the prompt
        found |= _texts(told)
    return found


def _texts(told: Any) -> dict[str, str]:
    return {name: model for name, model in told.items() if isinstance(model, str)} if hasattr(told, "items") else {}


def _templates(asked: Asked, word: str) -> Iterator[tuple[str, str]]:
    names = {os.path.splitext(name)[0] for folder in _template_folders() for name in _listed(folder, ".md")}
    return starting(word, ((name, "") for name in sorted(names)))


def _places(asked: Asked, word: str) -> Iterator[tuple[str, str]]:
    """Places of the template that -t names."""
    import re

    flags = ("-t", "--template")
    named = [asked.words[at + 1] for at, one in enumerate(asked.words[:-1]) if one in flags]
    for folder in _template_folders():
        path = os.path.join(folder, f"{os.path.basename(named[-1])}.md") if named else ""
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                places = re.findall(r"(?<!\{)\{([a-z][a-z0-9_]*)\}", file.read())
            yield from starting(word, ((f"{name}=", "") for name in dict.fromkeys(places) if name != "input"))
            yield ":nospace", ""
            return


def _conversations(asked: Asked, word: str) -> Iterator[tuple[str, str]]:
    """The names in the file of this user; a store elsewhere is not asked while somebody types."""
    import sqlite3

    store = os.environ.get("DRAGOMAN_STORE") or f"sqlite:///{os.path.join(data(), 'conversations.db')}"
    path = store.removeprefix("sqlite:///")
    if path == store or not os.path.isfile(path):
        return
    tenant, owner = os.environ.get("DRAGOMAN_TENANT") or "default", os.environ.get("DRAGOMAN_OWNER")
    sql = "SELECT name FROM conversation WHERE tenant = ? AND (? IS NULL OR user = ?) ORDER BY changed DESC LIMIT 1000"
    connection = None
    try:
        connection = sqlite3.connect(f"file:{_quoted(path)}?mode=ro", uri=True, timeout=0.05)
        names = [str(row[0]) for row in connection.execute(sql, (tenant, owner, owner))]
    except sqlite3.Error:
        return  # busy, or of another version: no candidates
    finally:
        if connection is not None:
            connection.close()
    yield from starting(word, ((name, "") for name in names))


KINDS: Final[dict[str, Callable[[Asked, str], Iterator[tuple[str, str]]]]] = {
    "model": _models,
    "setting": _settings,
    "provider": _providers,
    "kit": _kits,
    "file": _files,
    "key": _keys,
    "alias": _alias_names,
    "template": _templates,
    "place": _places,
    "conversation": _conversations,
}


def _quoted(path: str) -> str:
    return "".join(f"%{byte:02x}" if byte in b"%?#" else chr(byte) for byte in os.fsencode(path))


def _template_folders() -> tuple[str, str]:
    return os.path.join(config(), "templates"), os.path.join(PACKAGE, "cli", "template", "builtin")


def _listed(folder: str, ending: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.endswith(ending)]
    except OSError:
        return []
