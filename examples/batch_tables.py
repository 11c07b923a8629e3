"""
A table in, a table out: each question paid once, and the answers beside their ids.

    python examples/batch_tables.py                                   the simulator: no key, no network
    MODEL=openai/gpt-5.6-luna python examples/batch_tables.py         a real model
"""

from __future__ import annotations

import asyncio
import csv
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from dragoman import AsyncClient, Client

MODEL = os.environ.get("MODEL", "sim/echo")


async def questions() -> AsyncIterator[dict[str, str]]:
    """Rows that come from somewhere else, one now and then."""
    for city in ("Oslo", "Rome", "Lima"):
        await asyncio.sleep(0.01)
        yield {"id": city.lower(), "prompt": f"Where is {city}?"}


async def streamed() -> None:
    """The async face takes an async iterator."""
    async with AsyncClient() as client:
        batch = await client.batch(questions(), model=MODEL, start=False)
        async for row in batch.results():
            print(row.id, row.text)


with tempfile.TemporaryDirectory() as folder, Client() as client:
    source, sink = Path(folder, "in.csv"), Path(folder, "out.csv")
    source.write_text('id;city;note\n1;Oslo;"cold; dark"\n2;Rome;warm\n3;Oslo;"cold; dark"\n', encoding="utf-16")

    report = client.batch(source, sink, model=MODEL, template="{city} is {note}. Why?", dedupe=True).report
    print(report, "with", report.requests, "requests")
    with sink.open(newline="") as table:
        for line in csv.DictReader(table):
            print(line["id"], line["text"])

asyncio.run(streamed())
