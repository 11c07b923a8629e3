"""
Users' code gives the same with an official SDK, with the SDK over the bridge, and with what stands in for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from dragoman.testing import Server, counts, embeds
from tests.bridge import pages_anthropic, pages_genai, pages_openai, sdks
from tests.bridge.pages_openai import AsyncPage, Page

LIBRARIES = (
    ("openai", pages_openai, sdks.OPENAI, sdks.OPENAI_ASYNC),
    ("anthropic", pages_anthropic, sdks.ANTHROPIC, sdks.ANTHROPIC_ASYNC),
    ("genai", pages_genai, sdks.GENAI, sdks.GENAI_ASYNC),
)
# The SDK alone has its own number of retries, which these pages set; and its own way to time out.
CASES = [
    pytest.param(maker, page, name, id=f"{library}-{way}-{name}")
    for library, module, makers, _ in LIBRARIES
    for way, maker in makers.items()
    for name, page in module.PAGES.items()
]
ASYNC_CASES = [
    pytest.param(maker, page, name, id=f"{library}-{way}-{name}")
    for library, module, _, makers in LIBRARIES
    for way, maker in makers.items()
    for name, page in module.ASYNC_PAGES.items()
]


@pytest.fixture
def provider(server: Server) -> Iterator[Server]:
    server.on("/v1/embeddings", embeds(4))
    server.on("/v1/messages/count_tokens", counts(14))
    yield server
    assert 0 == server.left


@pytest.mark.parametrize(("maker", "page", "name"), CASES)
def test_users_code(provider: Server, maker: sdks.Maker, page: Page, name: str) -> None:
    """A page of users' code returns what its user expects, and the whole script was played."""
    provider.script(*page.steps)
    with maker(provider, name) as (client, module):
        found: Any = page.run(client, module)

    assert page.expected == found
    assert {sdks.KEY} == {key_of(request) for request in provider.all_requests} or not provider.all_requests


@pytest.mark.parametrize(("maker", "page", "name"), ASYNC_CASES)
def test_users_asynchronous_code(provider: Server, maker: sdks.AsyncMaker, page: AsyncPage, name: str) -> None:
    """The same for code that awaits."""
    provider.script(*page.steps)

    async def main() -> Any:
        async with maker(provider, name) as (client, module):
            return await page.run(client, module)

    found = asyncio.run(main())

    assert page.expected == found
    assert {sdks.KEY} == {key_of(request) for request in provider.all_requests}


def key_of(request: Any) -> str:
    """The key that came with a request, in whatever header."""
    named = (request.headers.get(name) for name in ("authorization", "x-api-key", "x-goog-api-key"))
    return next(value for value in named if value).removeprefix("Bearer ")
