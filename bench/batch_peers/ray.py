"""
Ray Data with aiohttp in its batches, as its documentation asks an HTTP service: one actor for each core, each with its
half of the window.  Its memory is that of the driver; the workers' is not in it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LABEL = "Ray Data, async actors"
ENVIRONMENT = "ray"
ACTORS = 2


class Asks:
    """An actor: asks all rows of a batch at once."""

    def __init__(self, url: str, window: int) -> None:
        self._address = f"{url}/v1/chat/completions"
        self._window = window

    async def __call__(self, batch: dict[str, Any]) -> Any:
        import asyncio

        import aiohttp

        gate = asyncio.Semaphore(self._window)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def ask(body: str) -> str:
                headers = {"authorization": "Bearer k", "content-type": "application/json"}
                async with gate, session.post(self._address, data=body, headers=headers) as reply:
                    return await reply.text()

            answers = await asyncio.gather(*map(ask, batch["body"]))
        yield {"custom_id": batch["custom_id"], "response": answers}


async def run(source: Path, sink: Path, url: str, window: int) -> None:
    """Ask each line, and write each answer."""
    import ray

    ray.init(num_cpus=ACTORS, include_dashboard=False, log_to_driver=False)
    with source.open() as lines:
        rows = [json.loads(line) for line in lines]
    items = [{"custom_id": row["custom_id"], "body": json.dumps(row["body"])} for row in rows]
    asked = ray.data.from_items(items).map_batches(
        Asks, fn_constructor_args=(url, window // ACTORS), concurrency=ACTORS, batch_size=1000, num_cpus=0.5
    )
    with sink.open("w") as out:
        for row in asked.iter_rows():
            out.write(json.dumps({"custom_id": row["custom_id"], "body": json.loads(row["response"])}) + "\n")
    ray.shutdown()
