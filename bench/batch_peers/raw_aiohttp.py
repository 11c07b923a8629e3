"""aiohttp by hand: so many tasks over one session, no retries, no journal; answers are written as they come."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

LABEL = "raw aiohttp loop, one process"
ENVIRONMENT = "ours"


async def run(source: Path, sink: Path, url: str, window: int) -> None:
    """Ask each line, and write each answer."""
    import aiohttp

    address, headers = f"{url}/v1/chat/completions", {"authorization": "Bearer k"}
    with source.open("rb") as lines, sink.open("wb") as out:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def work() -> None:
                for line in lines:
                    row = json.loads(line)
                    async with session.post(address, json=row["body"], headers=headers) as reply:
                        body = await reply.json()
                    answer = {"custom_id": row["custom_id"], "response": {"status_code": reply.status, "body": body}}
                    out.write(json.dumps(answer).encode() + b"\n")

            await asyncio.gather(*(work() for _ in range(window)))
