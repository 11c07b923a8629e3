"""LangChain's `abatch` with its `max_concurrency`."""

from __future__ import annotations

import json
from pathlib import Path

LABEL = "LangChain abatch"
ENVIRONMENT = "langchain"


async def run(source: Path, sink: Path, url: str, window: int) -> None:
    """Ask each line, and write each answer."""
    from langchain_openai import ChatOpenAI

    with source.open() as lines:
        rows = [json.loads(line) for line in lines]
    model = ChatOpenAI(model=rows[0]["body"]["model"], api_key="k", base_url=f"{url}/v1")
    answers = await model.abatch([row["body"]["messages"] for row in rows], {"max_concurrency": window})
    with sink.open("w") as out:
        for row, answer in zip(rows, answers, strict=True):
            out.write(json.dumps({"custom_id": row["custom_id"], "text": answer.content}) + "\n")
