"""aiohttp and msgspec by hand: what the library under us costs, with no errors, clocks or completion evidence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

LABEL = "raw aiohttp + msgspec"
ENVIRONMENT = "ours"
IMPORT = "import aiohttp, msgspec"
HEADERS = {"content-type": "application/json", "authorization": "Bearer k"}


def _session() -> Callable[[], Any]:
    import aiohttp

    made: list[Any] = []

    def session() -> Any:  # a session belongs to the loop in which it is made
        if not made:
            made.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        return made[0]

    return session


def call_async(url: str) -> Callable[[], Awaitable[str]]:
    import msgspec
    from raw_shapes import Completion, asked

    session, decode = _session(), msgspec.json.Decoder(Completion).decode

    async def once() -> str:
        address = f"{url}/v1/chat/completions"
        async with session().post(address, data=asked(False), headers=HEADERS) as reply:
            return decode(await reply.read()).choices[0].message.content

    return once


def stream_async(url: str) -> Callable[[], Awaitable[int]]:
    from raw_shapes import Texts, asked

    session = _session()

    async def once() -> int:
        texts = Texts()
        address = f"{url}/v1/chat/completions"
        async with session().post(address, data=asked(True), headers=HEADERS) as reply:
            async for piece in reply.content.iter_any():
                texts.feed(piece)
        return texts.count

    return once
