"""The official `openai` SDK: all rows at once under a semaphore, as its users write it; answers at the end."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

LABEL = "openai + gather"
ENVIRONMENT = "openai"


async def run(source: Path, sink: Path, url: str, window: int) -> None:
    """Ask each line, and write each answer."""
    from openai import AsyncOpenAI

    client, gate = AsyncOpenAI(api_key="k", base_url=f"{url}/v1"), asyncio.Semaphore(window)

    async def ask(line: str) -> str:
        row = json.loads(line)
        async with gate:
            answer = await client.chat.completions.create(**row["body"])
        return json.dumps({"custom_id": row["custom_id"], "response": {"body": answer.model_dump()}})

    with source.open() as lines:
        answers = await asyncio.gather(*map(ask, lines))
    with sink.open("w") as out:
        out.writelines(f"{answer}\n" for answer in answers)
