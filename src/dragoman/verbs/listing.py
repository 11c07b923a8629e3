"""What a provider lists, page after page, completed from the catalogue."""

from __future__ import annotations

from functools import partial

import msgspec

from dragoman.errors import WireError
from dragoman.plain import Plain
from dragoman.policy.base import Context
from dragoman.types.cards import ModelCard
from dragoman.types.models import Model
from dragoman.wire.listing import Page, decode_listing, encode_listing


async def models(plain: Plain, context: Context, provider: str) -> tuple[ModelCard, ...]:
    """List a provider's models; see `Client.models`."""
    return await plain.watch.plain(partial(_models, plain, context, provider), "models", f"{provider}/", context)


async def _models(plain: Plain, context: Context, provider: str) -> tuple[ModelCard, ...]:
    route = plain.routes.to_provider(provider)
    read = partial(decode_listing, provider=route.provider)
    cards: list[ModelCard] = []
    asked: set[str] = set()
    cursor = ""
    while cursor not in asked:
        asked.add(cursor)
        page: Page = await plain.ask(route, encode_listing(route.provider, cursor), context, read)
        cards += page.cards
        cursor = page.following
        if not cursor:
            return tuple(_completed(card, plain.routes.facts(card.provider, card.id)) for card in cards)
    raise WireError(f"the list of models goes round in a circle: page {cursor!r} came again", provider=provider)


def _completed(card: ModelCard, facts: Model | None) -> ModelCard:
    """What the provider says holds; what it does not say, the catalogue may know."""
    if facts is None:
        return card
    return msgspec.structs.replace(
        card,
        context=card.context or facts.context,
        max_output=card.max_output or facts.max_output,
        retires=card.retires or facts.retires,
        facts=facts,
    )
