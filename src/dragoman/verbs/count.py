"""
How many tokens a chat request is: counted here where that is exact, else by the provider, else estimated.

What can be counted exactly on one's own machine is not asked for; and with `local=True` nobody is asked at all.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from dragoman import wire
from dragoman.plain import Plain
from dragoman.routes import Route
from dragoman.tokens import count_prompt
from dragoman.types.cards import TokenCount
from dragoman.types.http import HttpRequest
from dragoman.types.requests import ChatRequest
from dragoman.wire.counting import COUNTINGS, decode_count, encode_count

# OpenAI counts in this dialect only, whichever the request will be sent in.
_ALSO = "openai-responses"


async def count(plain: Plain, request: ChatRequest, *, local: bool) -> TokenCount:
    """Count the tokens of a request; see `Client.count`."""
    provider, model = plain.routes.locate(request.model)
    here = count_prompt(request, provider.name, model)
    if local or here.exact or COUNTINGS.keys().isdisjoint((provider.wire, *provider.also)):
        return here
    asked, context = request.directed(stream=False), plain.context(request.timeout)
    route, chat = plain.sender.prepare(asked, context)
    dialect, question = _question(asked, route, chat)
    if question is None:
        return here
    read = partial(decode_count, dialect, provider=route.provider)
    once = partial(plain.ask, route, question, context, read)
    tokens: int = await plain.watch.plain(once, "count_tokens", request.model, context)
    return TokenCount(tokens=tokens, exact=dialect == route.wire.name, source=urlsplit(question.url).path)


def _question(asked: ChatRequest, route: Route, chat: HttpRequest) -> tuple[str, HttpRequest | None]:
    """The dialect to count in, and the request; None if there is no address for it."""
    if route.wire.name in COUNTINGS or _ALSO not in route.provider.also:
        return route.wire.name, encode_count(route.wire.name, chat)
    again = wire.get(_ALSO).encode_request(asked.directed(model=route.model), route.provider)
    return _ALSO, encode_count(_ALSO, again)
