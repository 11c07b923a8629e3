"""litellm's `acompletion` under a semaphore: its `batch_completion` has threads and no more than that."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

LABEL = "litellm + gather"
ENVIRONMENT = "litellm"

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


async def run(source: Path, sink: Path, url: str, window: int) -> None:
    """Ask each line, and write each answer."""
    import litellm

    gate = asyncio.Semaphore(window)

    async def ask(line: str) -> str:
        row = json.loads(line)
        body = {**row["body"], "model": f"openai/{row['body']['model']}"}
        async with gate:
            answer = await litellm.acompletion(**body, api_base=f"{url}/v1", api_key="k")
        return json.dumps({"custom_id": row["custom_id"], "response": {"body": answer.model_dump()}})

    with source.open() as lines:
        answers = await asyncio.gather(*map(ask, lines))
    with sink.open("w") as out:
        out.writelines(f"{answer}\n" for answer in answers)
