"""From the options of `dragoman chat` to a chat that can begin; at its end everything is closed."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from dragoman.catalog.models import known_models, sections
from dragoman.cli.chat.asking import Asking
from dragoman.cli.chat.chat import Chat
from dragoman.cli.chat.commands import COMMANDS
from dragoman.cli.chat.completing import Sources
from dragoman.cli.chat.desk import Desk
from dragoman.cli.chat.keyboard import keyboard
from dragoman.cli.choose import choose
from dragoman.cli.continued import new_name
from dragoman.cli.conv.place import Place
from dragoman.cli.detect import look
from dragoman.cli.last import Last, last
from dragoman.cli.options import parse_options
from dragoman.cli.output import Terminal
from dragoman.cli.session import announce
from dragoman.cli.setup import load
from dragoman.client import Client
from dragoman.observe.logswitch import kept
from dragoman.observe.place import data_directory


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the options say.

    Attributes:
        model: `-m`.
        system: `-s`.
        attach: `-a`.
        option: `-o`.
        last: `-c`.
        name: `--cid`.
        branch: `--branch`.
        log: Whether calls go to `dragoman logs`, where that is on.
    """

    model: str | None
    system: str | None
    attach: tuple[str, ...]
    option: tuple[str, ...]
    last: bool
    name: str | None
    branch: str | None
    log: bool


@contextmanager
def begun(wishes: Wishes, place: Place, screen: Terminal, directory: Path, *, raw: bool) -> Generator[Chat]:
    """
    Choose the model, open the store, and set everything out.

    Raises:
        DragomanError: There is no model, or a value cannot be.
    """
    setup = load(os.environ, directory)
    decide = partial(choose, setup=setup, terminal=screen, look=lambda: look(setup.providers, setup.environ))
    choice = decide(wishes.model)
    announce(choice, setup, screen, why=False)
    had = (last(place, os.environ) if wishes.last else None) or Last(wishes.name or new_name(), "main")
    with kept(os.environ, wanted=wishes.log) as log, place.opened() as store:
        desk = Desk(
            place,
            store,
            lambda chosen: Client(providers=chosen.providers, observe=log),
            choice,
            name=had.name,
            branch=wishes.branch or had.branch,
            settings=parse_options(wishes.option, None),
        )
        desk.system = wishes.system
        sources = Sources(
            commands=tuple(COMMANDS),
            models=lambda: [f"{provider}/{model}" for provider in sections() for model in known_models(provider)],
            branches=desk.branches,
        )
        try:
            chat = Chat(
                desk,
                asking=Asking(desk, raw=raw, person=screen.stdin),
                decide=decide,
                screen=screen,
                raw=raw,
            )
            chat.attach(wishes.attach)
            history = data_directory(os.environ) / "chat-history"
            chat.keyboard = keyboard(screen, history, sources, chat.status)
            yield chat
        finally:
            desk.close()
