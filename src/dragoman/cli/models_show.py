"""`dragoman models show`: all that is known of one model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Final

import click

from dragoman import catalog
from dragoman.catalog.listing import Listed
from dragoman.catalog.models import catalogued, find_model, known_models
from dragoman.cli import exits
from dragoman.cli.app import CONTEXT
from dragoman.cli.columns import line_width, print_columns
from dragoman.cli.facts import dollars, retirement, tokens
from dragoman.cli.models_list import data
from dragoman.cli.output import print_json, write
from dragoman.cli.setup import load
from dragoman.errors import UnknownModelError
from dragoman.types.models import Model, Prices

_PRICES: Final = (
    ("input", "input"),
    ("output", "output"),
    ("cache_read", "cache read"),
    ("cache_write", "cache write"),
    ("cache_write_1h", "cache write 1h"),
    ("audio_input", "audio in"),
    ("audio_output", "audio out"),
    ("reasoning", "reasoning"),
)


@click.command("show", context_settings=CONTEXT)
@click.argument("ref", metavar="PROVIDER/MODEL")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def COMMAND(ref: str, as_json: bool) -> int:
    """Show all that is known of a model: limits, abilities, effort levels, prices by tier and length."""
    setup = load(os.environ, Path())
    provider, name = catalog.parse_model(ref, setup.knowing(ref).providers)
    model = find_model(provider, name)
    if model is None or not (catalogued(provider, name) or model.prices or model.context):
        raise UnknownModelError(_unknown(provider, name), field="model")
    today = date.today()
    if as_json:
        print_json(data(Listed(provider=provider, name=name, model=model), today))
        return exits.OK
    lines = list(_lines(f"{provider}/{name}", model, today))
    room = max(len(label) for label, _ in lines)
    for label, text in lines:
        write(f"{label:<{room}}  {text}\n")
    if model.prices:
        write("\nUS dollars per million tokens\n")
        _print_prices(model.prices)
    return exits.OK


def _unknown(provider: str, name: str) -> str:
    near = [f"{provider}/{match}" for match in get_close_matches(name, known_models(provider), n=3)]
    hint = f": did you mean {' or '.join(near)}?" if near else ", and it is sent as it is"
    return f"the catalogue does not have {provider}/{name}{hint}"


def _lines(ref: str, model: Model, today: date) -> Iterator[tuple[str, str]]:
    """What there is to say, as label and text; what is not known is not said."""
    yield "model", ref
    yield "kind", model.kind
    for label, count in (
        ("context", model.context),
        ("max output", model.max_output),
        ("max output, not streamed", model.max_plain_output),
        ("dimensions", model.dimensions),
    ):
        if count is not None:
            yield label, f"{count:,}".replace(",", " ")
    if model.yes:
        yield "can", ", ".join(model.yes)
    if model.no:
        yield "cannot", ", ".join(model.no)
    if model.efforts:
        yield "efforts", ", ".join(model.efforts)
    if model.only_responses:
        yield "served by", "the Responses API only"
    if model.chat_tools != "always":
        yield "tools in chat", model.chat_tools.replace("_", " ")
    if model.retires is not None:
        yield "retires", retirement(model, today) or str(model.retires)


def _print_prices(prices: tuple[Prices, ...]) -> None:
    shown = [(field, head) for field, head in _PRICES if any(getattr(price, field) is not None for price in prices)]
    rows = [(_band(price), *(_price(getattr(price, field)) for field, _ in shown)) for price in prices]
    heads = ("tier", *(head for _, head in shown))
    print_columns(rows, heads, right=heads[1:], limit=line_width(os.environ))


def _band(price: Prices) -> str:
    tier = price.tier or "standard"
    return f"{tier} above {tokens(price.above)}" if price.above else tier


def _price(value: Decimal | None) -> str:
    return "-" if value is None else dollars(value)
