"""
A client for a command, with the model that it is to ask.

Rule: what was chosen for the user is said, on standard error, before anything is sent.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from dragoman.cli.choose import Choice, choose
from dragoman.cli.detect import look
from dragoman.cli.output import Terminal, talk, terminal
from dragoman.cli.setup import Setup, load
from dragoman.cli.words import t
from dragoman.client import Client
from dragoman.observe.logswitch import kept


class Session(NamedTuple):
    """
    A client and its model.

    Attributes:
        client: Closed at the end.
        model: `provider/model`.
        simulated: Whether it is the simulator, because there is no other.
        setup: What the machine says.
    """

    client: Client
    model: str
    simulated: bool
    setup: Setup


@contextmanager
def session(model: str | None, *, why: bool = False, log: bool = True, **arguments: Any) -> Generator[Session]:
    """
    Choose a model as `dragoman ask` does, and open a client.

    Args:
        model: As `-m` gave it, or None.
        why: Whether each step of the choice is told.
        log: Whether calls are kept, where the user has them kept.
        **arguments: More for `Client`.
    """
    screen, setup = terminal(os.environ), load(os.environ, Path())
    choice = choose(model, setup, screen, lambda: look(setup.providers, setup.environ))
    announce(choice, setup, screen, why=why)
    with (
        kept(os.environ, wanted=log, key=setup.key_of) as observer,
        Client(providers=choice.providers, observe=observer, **arguments) as client,
    ):
        yield Session(client, choice.model, choice.simulated, setup)


def announce(choice: Choice, setup: Setup, screen: Terminal, *, why: bool) -> None:
    """Say which model was chosen, and what of `.env` was not taken."""
    for name in setup.ignored:
        talk(t("session.redirecting", name=name))
    for name in setup.refused:
        talk(t("session.program", name=name))
    if why:
        for step in choice.steps:
            talk(f"· {step}")
    if choice.how == "simulated":
        talk(t("session.simulated", reason=choice.reason))
    elif why or (screen.stderr and choice.how != "asked"):
        talk(t("session.using", model=choice.model, reason=choice.reason))
