"""Dragoman with two worker processes, for the two processors of the bench; else its defaults."""

from __future__ import annotations

from pathlib import Path

LABEL = "dragoman, engine='processes'"
ENVIRONMENT = "ours"


async def run(source: Path, sink: Path, url: str, window: int) -> None:
    """Ask each line, and write each answer."""
    from dragoman import AsyncClient

    providers = {"openai": {"base_url": f"{url}/v1", "api_key": "k"}}
    async with AsyncClient(providers=providers) as client:
        batch = await client.batch(source, sink, window=window, engine="processes", workers=2)
    assert batch.report.failed == 0, batch.report
