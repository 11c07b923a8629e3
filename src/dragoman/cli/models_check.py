"""
`dragoman models check`: does it answer?

Each model gets one tiny call, all at once.  Nothing is asked before: a note says first what it may cost at most.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

import click
import msgspec

from dragoman import Client, catalog
from dragoman.catalog.cost import cost
from dragoman.catalog.models import find_model
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.columns import line_width, print_columns
from dragoman.cli.detect import look
from dragoman.cli.exits import NoModelError
from dragoman.cli.facts import dollars
from dragoman.cli.output import print_json, talk
from dragoman.cli.setup import Setup, load
from dragoman.cli.words import t
from dragoman.errors import DragomanError
from dragoman.types.usage import Usage

_PROMPT: Final = "Reply with the word OK."
_OUTPUT: Final = 16  # tokens; OpenAI's Responses API takes no lower cap
_INPUT: Final = 32  # tokens that the prompt is at most, whatever a template adds
_AT_ONCE: Final = 8


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """
    How one model did.

    Attributes:
        model: Its reference.
        ok: It answered.
        seconds: Until the answer was whole, or the failure was known.
        text: What it answered.
        cost: US dollars, or None if not known.
        error: Class of the failure.
        message: What went wrong, in words.
        fix: What helps.
        exit_code: What the command would end with for it.
    """

    model: str
    ok: bool
    seconds: float
    text: str | None = None
    cost: Decimal | None = None
    error: str | None = None
    message: str | None = None
    fix: str | None = None
    exit_code: int = exits.OK


@click.command("check", context_settings=CONTEXT)
@click.argument("refs", nargs=-1, metavar="[PROVIDER/MODEL]...")
@click.option("--timeout", type=float, default=30.0, metavar="SECONDS", help="Longest time for each call (30).")
@click.option("--dry-run", is_flag=True, help="Say who would be asked and what it costs at most, and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def COMMAND(refs: tuple[str, ...], timeout: float, dry_run: bool, as_json: bool) -> int:
    """
    Ask each model for one word, and say how long it took or what is wrong.

    Without REFS: the default model of each provider whose key is found, and the first of each server on this machine.
    The exit code is 0 if all answer, else that of the first failure.
    """
    setup = load(os.environ, Path())
    chosen = list(dict.fromkeys(refs)) or _found(setup)
    if not chosen:
        raise NoModelError("no key and no local server was found, so there is nothing to check", field="model")
    talk(f"· {len(chosen)} {'call' if len(chosen) == 1 else 'calls'}, at most {_most(chosen, setup)}")
    if dry_run:
        print_json(chosen) if as_json else print_columns([(ref,) for ref in chosen], ("model",))
        return exits.OK
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        results = list(pool.map(partial(_check, setup, timeout), chosen))
    if as_json:
        print_json(results)
    else:
        _print(results)
    return next((result.exit_code for result in results if not result.ok), exits.OK)


def _found(setup: Setup) -> list[str]:
    """Models that can be asked without being told of any key."""
    keyed = [
        f"{name}/{row.default_model}"
        for name, row in setup.providers.items()
        if row.default_model and setup.key_origin(row)
    ]
    servers = look(setup.providers, setup.environ).servers
    return keyed + [f"{server.provider}/{server.models[0]}" for server in servers]


def _most(refs: Sequence[str], setup: Setup) -> str:
    """What the calls cost at most, in words."""
    bills = [_bill(ref, setup) for ref in refs]
    total, unknown = sum((bill for bill in bills if bill is not None), Decimal(0)), bills.count(None)
    return f"${dollars(total)}" + (f" and what {unknown} of unknown price cost" if unknown else "")


def _bill(ref: str, setup: Setup) -> Decimal | None:
    """What one call costs at most; None if its price is not known."""
    known = setup.knowing(ref)
    try:
        provider, name = catalog.parse_model(ref, known.providers)
    except DragomanError:
        return Decimal(0)  # it will not be sent
    model = find_model(provider, name)
    if known.providers[provider].quirks.key_optional:
        return Decimal(0)
    bill = cost(Usage(input_tokens=_INPUT, output_tokens=_OUTPUT), model) if model else None
    return bill.total if bill else None


def _check(setup: Setup, timeout: float, ref: str) -> Checked:
    began = time.monotonic()
    try:
        known = setup.knowing(ref)
        provider, _ = catalog.parse_model(ref, known.providers)
        with Client(providers=known.overrides(provider)) as client:
            answer = client.chat(ref, _PROMPT, max_tokens=_OUTPUT, timeout=timeout)
    except DragomanError as error:
        return Checked(
            model=ref,
            ok=False,
            seconds=round(time.monotonic() - began, 3),
            error=type(error).__name__,
            message=exits.words(error),
            fix=exits.fix(error),
            exit_code=exits.exit_code(error),
        )
    seconds = round(time.monotonic() - began, 3)
    return Checked(model=ref, ok=True, seconds=seconds, text=answer.text, cost=answer.cost)


def _print(results: Sequence[Checked]) -> None:
    rows = [(done.model, "✓ ok" if done.ok else f"✗ {done.error}", f"{done.seconds:.2f} s") for done in results]
    print_columns(rows, ("model", "result", "time"), right=("time",), limit=line_width(os.environ))
    for result in results:
        if not result.ok:
            talk(f"✗ {result.model}: {result.message}")
            if result.fix:
                talk(t("fix", text=result.fix))
