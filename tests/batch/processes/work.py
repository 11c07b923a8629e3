"""
A process that runs a batch by worker processes: `python -m tests.batch.processes.work JSON`, and prints one JSON object
of how it ended.

JSON has the keywords of the batch, and `url`, `source`, `sink`, `face` and `key`.  It is a process of its own so that
it can be killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import msgspec

from dragoman import AsyncClient, Client, DragomanError


class Count(msgspec.Struct):
    """What typed rows ask for; it is of the main module, which no worker has."""

    n: int


def main(told: dict[str, Any]) -> dict[str, Any]:
    """Run it."""
    url, source, sink, face, key = (told.pop(name, None) for name in ("url", "source", "sink", "face", "key"))
    told.setdefault("engine", "processes")
    if told.get("output") == "Count":
        told["output"] = Count
    client: dict[str, Any] = {"providers": {"fake": {"base_url": url, "api_key": key or "k", "wire": "openai-chat"}}}
    client |= told.pop("client", {})
    if face == "async":
        return asyncio.run(_async(client, source, sink, told))
    with Client(**client) as made:
        batch = made.batch(source, sink, start=False, **told)
        try:
            batch.run()
        except DragomanError as error:
            return {"error": type(error).__name__, "field": error.field, "message": str(error), **_figures(batch)}
        except KeyboardInterrupt as interrupt:
            return {"error": "KeyboardInterrupt", "message": " ".join(interrupt.__notes__), **_figures(batch)}
        return _figures(batch)


async def _async(client: dict[str, Any], source: str, sink: str, told: dict[str, Any]) -> dict[str, Any]:
    async with AsyncClient(**client) as made:
        batch = await made.batch(source, sink, **told)
        kinds = {type(row.output).__name__ async for row in batch.results()}
        return {**_figures(batch), "kinds": sorted(kinds)}


def _figures(batch: Any) -> dict[str, Any]:
    report = batch.report
    return {
        "done": report.done,
        "failed": report.failed,
        "cost": str(report.cost),
        "rate": report.rows_per_second,
        "seconds": report.seconds,
        "notes": list(report.notes),
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))), flush=True)
