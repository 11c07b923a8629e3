"""
What a word that is being typed may become.

`dragoman __complete SHELL WORD...` prints one candidate on a line, with a tab and a description where there is one.
The last word is the one being typed.  A line `:file` asks the shell for names of files, `:nospace` for no blank behind.

Rule: this answers while somebody waits for a key, so it imports only the standard library, and of that little.  What
needs the program itself is kept in a file, for as long as the program's own files do not change.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence

from dragoman._version import __version__
from dragoman.cli.words import language

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_SHOWN: Final = 400  # candidates; more are no help to anybody
_BREAKS: Final = ":="  # signs at which bash begins another word


def complete(arguments: Sequence[str]) -> int:
    """Print the candidates for `SHELL WORD...`, and return the exit code."""
    shell, *words = arguments or ("bash",)
    if shell == "bash":
        words = _words(words[0] if words else "")
    found = list(candidates(words or [""]))
    last = words[-1] if words else ""
    lines = [_written(shell, value, about, last) for value, about in found[:_SHOWN]]
    try:
        sys.stdout.write("".join(f"{line}\n" for line in dict.fromkeys(lines)))
        sys.stdout.flush()
    except BrokenPipeError:  # the shell has gone on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _written(shell: str, value: str, about: str, word: str) -> str:
    if value.startswith(":"):
        return value
    if shell == "bash":  # it puts a candidate behind the last sign that breaks a word
        cut = max(word.rfind(sign) for sign in _BREAKS) + 1
        return value[cut:]
    return f"{value}\t{about}" if about else value


def _words(line: str) -> list[str]:
    """The words of a line up to the cursor, without the program's name."""
    import shlex

    for ending in ("", "'", '"'):
        try:
            words = shlex.split(line + ending)
        except ValueError:
            continue
        return [*words[1:], *([""] if not ending and line[-1:].isspace() else [])] or [""]
    return [""]


def candidates(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What the last word may become, with what it means."""
    tree = _tree()
    command, rest, path = _walk(tree, words[:-1])
    word = words[-1]
    asked = _Asked(tree, command, list(words), word)
    waiting = _waiting(command, rest)
    if waiting is not None:
        yield from _values(asked, waiting, word)
    elif word.startswith("--") and "=" in word:
        name, _, value = word.partition("=")
        option = _named(command, name)
        if option is not None:
            yield from (
                (f"{name}={one}" if not one.startswith(":") else one, about)
                for one, about in _values(asked, option, value)
            )
    elif word.startswith("-"):
        yield from _starting(word, ((name, option["help"]) for option in _options(command) for name in option["names"]))
    else:
        yield from _starting(word, ((name, held["help"]) for name, held in command.get("commands", {}).items()))
        if path or not command.get("commands"):
            yield from _positional(asked, rest, word)


class _Asked:
    """What is known of the line."""

    __slots__ = ("command", "tree", "word", "words")

    def __init__(self, tree: dict[str, Any], command: dict[str, Any], words: list[str], word: str) -> None:
        self.tree, self.command, self.words, self.word = tree, command, words, word


def _walk(tree: dict[str, Any], words: Sequence[str]) -> tuple[dict[str, Any], list[str], list[str]]:
    """The command that words lead to, what they say behind it, and its names.  What is no command is a prompt."""
    command: dict[str, Any] = {"commands": tree["commands"], "options": [], "arguments": []}
    path: list[str] = []
    for at, word in enumerate(words):
        inner = command.get("commands", {}).get(word)
        if inner is None:
            if not path:
                return tree["commands"]["ask"], list(words), ["ask"]
            return _usual(command), list(words[at:]), path
        command = inner
        path.append(word)
    return command, [], path


def _usual(command: dict[str, Any]) -> dict[str, Any]:
    """The command that a group means where none is named."""
    name = command.get("usual")
    return command["commands"][name] if name else command


def _options(command: dict[str, Any]) -> list[dict[str, Any]]:
    usual = _usual(command)
    return command["options"] if usual is command else [*command["options"], *usual["options"]]


def _named(command: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((option for option in _options(command) if name in option["names"]), None)


def _waiting(command: dict[str, Any], rest: Sequence[str]) -> dict[str, Any] | None:
    """The option whose value the next word is."""
    if not rest or not rest[-1].startswith("-") or "=" in rest[-1]:
        return None
    option = _named(command, rest[-1])
    return option if option is not None and option["takes"] else None


def _positional(asked: _Asked, rest: Sequence[str], word: str) -> Iterator[tuple[str, str]]:
    arguments = _usual(asked.command)["arguments"]
    at, skip = 0, False
    for one in rest:
        option = _named(asked.command, one) if one.startswith("-") else None
        if not skip and not one.startswith("-"):
            at += 1
        skip = option is not None and option["takes"]
    if at >= len(arguments) and not (arguments and arguments[-1]["many"]):
        return
    yield from _values(asked, arguments[min(at, len(arguments) - 1)], word)


def _values(asked: _Asked, param: dict[str, Any], word: str) -> Iterator[tuple[str, str]]:
    if param["choices"]:
        yield from _starting(word, ((choice, "") for choice in param["choices"]))
        return
    found = _KINDS.get(param["kind"])
    if found is not None:
        yield from found(asked, word)


def _starting(word: str, pairs: Any) -> Iterator[tuple[str, str]]:
    return ((value, about) for value, about in pairs if value.startswith(word))


# --- what values there are --------------------------------------------------------------------------------------------


def _models(asked: _Asked, word: str) -> Iterator[tuple[str, str]]:
    """Aliases and providers, then the models of the one that is named; behind a comma, another."""
    before, comma, last = word.rpartition(",")
    for value, about in _model(asked, last):
        yield (value if value.startswith(":") else before + comma + value), about


def _model(asked: _Asked, word: str) -> Iterator[tuple[str, str]]:
    provider, slash, _ = word.partition("/")
    if slash:
        yield from _starting(word, ((f"{provider}/{name}", "") for name in asked.tree["models"].get(provider, ())))
        return
    yield from _starting(word, sorted(_aliases().items()))
    names = [name for name in asked.tree["providers"] if name.startswith(word)]
    yield from ((f"{name}/", "") for name in names)
    if names:
        yield ":nospace", ""


def _settings(asked: _Asked, word: str) -> Iterator[tuple[str, str]]:
    yield from _starting(word, ((f"{name}=", "") for name in asked.tree["settings"]))
    yield ":nospace", ""


def _providers(asked: _Asked, word: str) -> Iterator[tuple[str, str]]:
    return _starting(word, ((name, "") for name in asked.tree["providers"]))


def _kits(asked: _Asked, word: str) -> Iterator[tuple[str, str]]:
    return _starting(word, ((name, "") for name in asked.tree["kits"]))


def _files(asked: _Asked, word: str) -> Iterator[tuple[str, str]]:
    yield ":file", ""


def _keys(asked: _Asked, word: str) -> Iterator[tuple[str, str]]:
    names = ["model", "fallback", "max_cost", *(f"options.{name}" for name in asked.tree["settings"])]
    names += [f"aliases.{name}" for name in _aliases()]
    return _starting(word, ((name, "") for name in names))


def _alias_names(asked: _Asked, word: str) -> Iterator[tuple[str, str]]:
    return _starting(word, sorted(_aliases().items()))


def _aliases() -> dict[str, str]:
    import tomllib

    found: dict[str, str] = {}
    for path in (os.path.join(_config(), "config.toml"), "dragoman.toml"):
        try:
            with open(path, "rb") as file:
                told: Any = tomllib.load(file).get("aliases")
        except (OSError, ValueError):
            continue  # what is wrong with a file is told by the command that reads it, not at the prompt
        if isinstance(told, dict):
            pairs: Any = told
            found |= {str(name): str(model) for name, model in pairs.items()}
    return found


def _templates(asked: _Asked, word: str) -> Iterator[tuple[str, str]]:
    names = {os.path.splitext(name)[0] for folder in _template_folders() for name in _listed(folder, ".md")}
    return _starting(word, ((name, "") for name in sorted(names)))


def _places(asked: _Asked, word: str) -> Iterator[tuple[str, str]]:
    """Places of the template that -t names."""
    import re

    flags = ("-t", "--template")
    named = [asked.words[at + 1] for at, one in enumerate(asked.words[:-1]) if one in flags]
    for folder in _template_folders():
        path = os.path.join(folder, f"{os.path.basename(named[-1])}.md") if named else ""
        if os.path.isfile(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                places = re.findall(r"(?<!\{)\{([a-z][a-z0-9_]*)\}", file.read())
            yield from _starting(word, ((f"{name}=", "") for name in dict.fromkeys(places) if name != "input"))
            yield ":nospace", ""
            return


def _conversations(asked: _Asked, word: str) -> Iterator[tuple[str, str]]:
    """The names in the file of this user; a store elsewhere is not asked while somebody types."""
    import sqlite3

    store = os.environ.get("DRAGOMAN_STORE") or f"sqlite:///{os.path.join(_data(), 'conversations.db')}"
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
    yield from _starting(word, ((name, "") for name in names))


_KINDS: Final[dict[str, Callable[[_Asked, str], Iterator[tuple[str, str]]]]] = {
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


def _config() -> str:
    return os.path.join(_base("XDG_CONFIG_HOME", ".config"), "dragoman")


def _data() -> str:
    return os.path.join(_base("XDG_DATA_HOME", ".local", "share"), "dragoman")


def _base(variable: str, *usual: str) -> str:
    told = os.environ.get(variable) or ""
    return told if told.startswith("/") else os.path.join(os.path.expanduser("~"), *usual)


def _template_folders() -> tuple[str, str]:
    return os.path.join(_config(), "templates"), os.path.join(_PACKAGE, "cli", "template", "builtin")


def _listed(folder: str, ending: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.endswith(ending)]
    except OSError:
        return []


# --- what is kept -----------------------------------------------------------------------------------------------------


def _tree() -> dict[str, Any]:
    """The tree of commands, from the file if that is of this program as it is now."""
    path = os.path.join(_base("XDG_CACHE_HOME", ".cache"), "dragoman", "completion.json")
    mark = _mark()
    try:
        with open(path, encoding="utf-8") as file:
            kept: dict[str, Any] = json.load(file)
        if kept.get("mark") == mark:
            return kept
    except (OSError, ValueError, AttributeError):
        pass  # none, or cut: it is drawn anew
    from dragoman.cli.completion.tree import draw  # half a second, once for each version

    tree = {"mark": mark, **draw()}
    _keep(path, tree)
    return tree


def _mark() -> str:
    """Changes with the program: its version, its place, and when its files were changed last."""
    newest, count = 0, 0
    for folder in ("cli", "catalog", "kits"):
        for time in _times(os.path.join(_PACKAGE, folder)):
            newest, count = max(newest, time), count + 1
    return f"{__version__} {sys.version_info[:2]} {language()} {_PACKAGE} {count} {newest}"


def _times(folder: str) -> Iterator[int]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == "__pycache__":
                continue
            if entry.is_dir():
                yield from _times(entry.path)
            else:
                yield entry.stat().st_mtime_ns


def _keep(path: str, tree: dict[str, Any]) -> None:
    """Write it, all or nothing; where that cannot be, it is drawn each time."""
    other = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(other, "w", encoding="utf-8") as file:
            json.dump(tree, file, ensure_ascii=False)
        os.replace(other, path)
    except OSError:
        return
