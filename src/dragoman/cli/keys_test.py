"""`dragoman keys test`: does the key work?"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import click
import msgspec

from dragoman import Client
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.keys_row import subject
from dragoman.cli.output import print_json, talk
from dragoman.cli.setup import Setup, load
from dragoman.cli.words import t
from dragoman.errors import DragomanError, MissingKeyError
from dragoman.types.providers import Provider
from dragoman.types.timeouts import Timeouts

_SECONDS: Final = 30.0
_AT_ONCE: Final = 8


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """
    How one key did.

    Attributes:
        provider: Whose.
        ok: The provider answered with its list of models.
        source: Where the key comes from.
        seconds: Until it was known.
        models: How many it lists.
        status: HTTP status of the refusal, or None.
        error: Class of the failure.
        message: What went wrong, in words.
        fix: What helps.
        exit_code: What the command would end with for it.
    """

    provider: str
    ok: bool
    source: str | None
    seconds: float
    models: int | None = None
    status: int | None = None
    error: str | None = None
    message: str | None = None
    fix: str | None = None
    exit_code: int = exits.OK


@click.command("test", context_settings=CONTEXT)
@click.argument("providers", nargs=-1, metavar="[PROVIDER]...")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def COMMAND(providers: tuple[str, ...], as_json: bool) -> int:
    """
    Ask each provider for its list of models, with its key.  Without PROVIDER: all that have one.

    It costs nothing.  A few providers give the list to everybody, whatever the key.
    """
    setup, rows = _chosen(providers)
    if not rows:
        raise MissingKeyError("openai", "OPENAI_API_KEY", ["environment", ".env", "stored keys"])
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        results = list(pool.map(partial(tested, setup), rows))
    return print_tested(results, as_json=as_json)


def _chosen(providers: Sequence[str]) -> tuple[Setup, list[Provider]]:
    if not providers:
        setup = load(os.environ, Path())
        return setup, [row for row in setup.providers.values() if setup.key_origin(row)]
    asked = [subject(name) for name in dict.fromkeys(providers)]
    return asked[-1].setup, [one.row for one in asked]


def tested(setup: Setup, row: Provider) -> Tested:
    """Try the key of one provider."""
    began, setup = time.monotonic(), setup.knowing(f"{row.name}/")
    source = setup.key_origin(row)
    try:
        with Client(providers=setup.overrides(row.name), timeouts=Timeouts(total=_SECONDS), retry=None) as client:
            models = client.models(row.name)
    except DragomanError as error:
        return Tested(
            provider=row.name,
            ok=False,
            source=source,
            seconds=round(time.monotonic() - began, 3),
            status=error.status,
            error=type(error).__name__,
            message=exits.words(error),
            fix=exits.fix(error),
            exit_code=exits.exit_code(error),
        )
    seconds = round(time.monotonic() - began, 3)
    return Tested(provider=row.name, ok=True, source=source, seconds=seconds, models=len(models))


def print_tested(results: Sequence[Tested], *, as_json: bool = False) -> int:
    """Say how the keys did, and return the exit code of the first that did not work."""
    if as_json:
        print_json(results)
    for result in () if as_json else results:
        if result.ok:
            talk(t("keys.works", provider=result.provider, seconds=result.seconds, models=result.models))
            continue
        talk(f"✗ {result.provider}: {result.message}")
        if result.fix:
            talk(t("fix", text=result.fix))
    return next((result.exit_code for result in results if not result.ok), exits.OK)
