"""`dragoman models list`: providers, or the models that a filter lets through."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal, cast, get_args

import click
import msgspec

from dragoman import Client, catalog
from dragoman.catalog.listing import SOON, Listed, Order, Wanted, chosen, days_left, list_price, listed
from dragoman.catalog.models import known_models
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.columns import line_width, print_columns
from dragoman.cli.facts import LEGEND, dollars, marks, retirement, tokens
from dragoman.cli.output import print_json, talk
from dragoman.cli.providers import print_providers
from dragoman.cli.setup import Setup, load
from dragoman.cli.words import t
from dragoman.errors import ConfigError, UnknownProviderError
from dragoman.types.cards import ModelCard
from dragoman.types.models import Ability, Model
from dragoman.types.providers import Provider

_HEADS = ("model", "context", "output", "$ in", "$ out", "can", "")
_NUMBERS = frozenset(("context", "output", "$ in", "$ out"))
_UNITS = {"": 1, "k": 1000, "m": 1_000_000}
_COUNT = re.compile(r"(\d+(?:\.\d+)?)([km]?)\Z", re.IGNORECASE)


def _tokens(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """`200000`, `200k`, `1M`."""
    if value is None:
        return None
    found = _COUNT.match(value.strip())
    if found is None:
        raise click.BadParameter(t("models.no_tokens", value=value), ctx, param)
    return int(Decimal(found[1]) * _UNITS[found[2].lower()])


def _dollars(ctx: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    """An amount of US dollars."""
    if value is None:
        return None
    try:
        amount = Decimal(value.lstrip("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise click.BadParameter(t("models.no_price", value=value), ctx, param)
    return amount


@click.command("list", context_settings=CONTEXT)
@click.argument("words", nargs=-1)
@click.option("--provider", metavar="NAME", help="Only this provider.")
@click.option("--ability", metavar="NAMES", help="Only models that can do these: tools,images,pdf,reasoning...")
@click.option("--kind", type=click.Choice(["chat", "embedding", "completion"]), help="Only models of this kind.")
@click.option("--max-price", callback=_dollars, metavar="USD", help="Neither a million tokens in nor out costs more.")
@click.option("--min-context", callback=_tokens, metavar="TOKENS", help="They can read this much: 200k, 1M.")
@click.option(
    "--retiring", type=int, is_flag=False, flag_value=SOON, metavar="[DAYS]", help=f"Gone, or soon: {SOON} days."
)
@click.option("--sort", type=click.Choice(get_args(Order)), default="name", help="By what; cheapest, largest first.")
@click.option("--live", is_flag=True, help="Ask the provider which models it has now.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
def COMMAND(
    words: tuple[str, ...],
    provider: str | None,
    ability: str | None,
    kind: Literal["chat", "embedding", "completion"] | None,
    max_price: Decimal | None,
    min_context: int | None,
    retiring: int | None,
    sort: Order,
    live: bool,
    as_json: bool,
) -> int:
    """
    List models: those of a provider, if the first of WORDS names one, and those whose name has the other WORDS.

    Without words and filters it lists the providers, where their keys come from, and the models of servers on this
    machine.  Prices are US dollars per million tokens.
    """
    setup = load(os.environ, Path())
    wanted = Wanted(
        words=words,
        kind=kind,
        abilities=_abilities(ability),
        max_price=max_price,
        min_context=min_context,
        retiring=retiring,
    )
    if wanted == Wanted() and not live:
        print_providers(setup, provider, as_json=as_json)
        return exits.OK
    names, wanted = _scope(provider, wanted, setup.providers)
    today = date.today()
    found = chosen(_live(names, setup), wanted, today, sort) if live else listed(names, wanted, today, sort)
    if as_json:
        print_json([data(entry, today) for entry in found])
        return exits.OK
    _print(found, today)
    if not found:
        _nothing(names, setup.providers, live=live)
    return exits.OK


def _abilities(text: str | None) -> tuple[Ability, ...]:
    names = [name.strip().lower().replace("-", "_") for name in (text or "").split(",") if name.strip()]
    for name in names:
        if name not in get_args(Ability):
            there_are = ", ".join(get_args(Ability))
            raise ConfigError(f"no ability is called {name!r}: there are {there_are}", field="ability")
    return tuple(cast("Ability", name) for name in names)


def _scope(provider: str | None, wanted: Wanted, providers: Mapping[str, Provider]) -> tuple[list[str], Wanted]:
    """Whose models are looked at.  A first word that names a provider is one, and no search."""
    if provider is not None:
        return [catalog.parse_provider(provider, providers)], wanted
    try:
        named = catalog.parse_provider(wanted.words[0], providers) if wanted.words else None
    except UnknownProviderError:
        named = None
    if named is None:
        return list(providers), wanted
    return [named], msgspec.structs.replace(wanted, words=wanted.words[1:])


def _live(names: list[str], setup: Setup) -> list[Listed]:
    """What a provider lists, completed from the catalogue."""
    if len(names) != 1:
        raise click.UsageError(t("models.live_one"))
    with Client(providers=setup.overrides(names[0])) as client:
        return [_listed(card) for card in client.models(names[0])]


def _listed(card: ModelCard) -> Listed:
    said = {"context": card.context, "max_output": card.max_output, "retires": card.retires}
    return Listed(
        provider=card.provider,
        name=card.id,
        model=msgspec.structs.replace(card.facts or Model(), **{name: value for name, value in said.items() if value}),
    )


def _print(found: list[Listed], today: date) -> None:
    rows = [_row(entry, today) for entry in found]
    if rows:
        print_columns(rows, _HEADS, right=_NUMBERS, limit=line_width(os.environ))
        talk(LEGEND)


def _row(entry: Listed, today: date) -> tuple[str, ...]:
    model, prices = entry.model, list_price(entry.model)
    return (
        entry.ref,
        tokens(model.context),
        tokens(model.max_output),
        dollars(prices.input),
        dollars(prices.output),
        marks(model) if model.kind != "embedding" else "vectors",
        retirement(model, today),
    )


def _nothing(names: list[str], providers: Mapping[str, Provider], *, live: bool) -> None:
    one = names[0] if len(names) == 1 else None
    if one and not live and not known_models(one):
        talk(t("models.unknown", provider=one))
    else:
        talk(t("models.fits_none_of", provider=one) if one else t("models.fits_none", count=len(providers)))


def data(entry: Listed, today: date) -> dict[str, Any]:
    """A model as JSON: every fact that is known, its reference, and the days it has left."""
    facts: dict[str, Any] = msgspec.to_builtins(entry.model)
    return {"id": entry.ref, "provider": entry.provider, "model": entry.name, "kind": entry.model.kind} | {
        **facts,
        "days_left": days_left(entry.model, today),
    }
