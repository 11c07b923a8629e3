"""
What a word that is being typed may become.

`dragoman __complete SHELL WORD...` prints one candidate on a line, with a tab and a description where there is one.
The last word is the one being typed.  A line `:file` asks the shell for names of files, `:nospace` for no blank behind.

Rule: this answers while somebody waits for a key, so it imports only the standard library, and of that little.  What
needs the program itself is kept in a file, for as long as the program's own files do not change.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from dragoman.cli.completion.kept import tree as drawn
from dragoman.cli.completion.values import KINDS, Asked, starting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

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
    sys.stdout.write("".join(f"{line}\n" for line in dict.fromkeys(lines)))
    sys.stdout.flush()
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
    tree = drawn()
    command, rest, path = _walk(tree, words[:-1])
    word = words[-1]
    asked = Asked(tree, list(words))
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
        yield from starting(word, ((name, option["help"]) for option in _options(command) for name in option["names"]))
    else:
        yield from starting(word, ((name, held["help"]) for name, held in command.get("commands", {}).items()))
        if path or not command.get("commands"):
            yield from _positional(asked, command, rest, word)


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


def _positional(asked: Asked, command: dict[str, Any], rest: Sequence[str], word: str) -> Iterator[tuple[str, str]]:
    arguments = _usual(command)["arguments"]
    at, skip = 0, False
    for one in rest:
        option = _named(command, one) if one.startswith("-") else None
        if not skip and not one.startswith("-"):
            at += 1
        skip = option is not None and option["takes"]
    if at >= len(arguments) and not (arguments and arguments[-1]["many"]):
        return
    yield from _values(asked, arguments[min(at, len(arguments) - 1)], word)


def _values(asked: Asked, param: dict[str, Any], word: str) -> Iterator[tuple[str, str]]:
    if param["choices"]:
        yield from starting(word, ((choice, "") for choice in param["choices"]))
        return
    found = KINDS.get(param["kind"])
    if found is not None:
        yield from found(asked, word)
