"""What Tab offers in a chat: commands, models, branches, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

_MOST = 200  # that are offered
_QUOTED = " \t'\""


class Sources(NamedTuple):
    """
    Where what is offered comes from; each is asked when it is needed.

    Attributes:
        commands: Names, without the slash.
        models: `provider/model`.
        branches: Of the conversation.
    """

    commands: Sequence[str]
    models: Callable[[], Iterable[str]]
    branches: Callable[[], Iterable[str]]


class Offer(NamedTuple):
    """A way to go on: what is put in, and how many characters before the cursor it replaces."""

    text: str
    replaces: int


def offers(before: str, sources: Sources) -> list[Offer]:
    """
    What may stand at the cursor.

    Args:
        before: What stands before it.
        sources: What there is.
    """
    command, space, rest = before.partition(" ")
    if command.startswith("/") and not space:
        return [Offer(f"/{name} ", len(command)) for name in sources.commands if name.startswith(command[1:])]
    if command.startswith("/"):
        return [Offer(found, len(rest)) for found in _arguments(command[1:], rest, sources)][:_MOST]
    word = before[max(before.rfind(sign) for sign in (" ", "\n", "\t")) + 1 :]
    return [Offer(f"@{found}", len(word)) for found in _files(word[1:])] if word.startswith("@") else []


def _arguments(command: str, begun: str, sources: Sources) -> Iterable[str]:
    if command in ("attach", "tools", "schema", "export", "copy"):
        return _files(begun)
    names = {"model": sources.models, "branches": sources.branches}.get(command)
    return [name for name in names() if name.startswith(begun)] if names else []


def _files(begun: str) -> list[str]:
    head, slash, tail = begun.rpartition("/")
    folder = Path(head + slash or ".").expanduser()
    try:
        found = sorted(one for one in folder.iterdir() if one.name.startswith(tail))
    except OSError:
        return []
    shown = [one for one in found if tail.startswith(".") or not one.name.startswith(".")]
    return [f"{head}{slash}{one.name}{'/' if one.is_dir() else ''}" for one in shown][:_MOST]
