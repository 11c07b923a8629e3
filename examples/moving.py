"""
Conversations from elsewhere: a data set of talks is imported, gone on with, and written in other forms.

Needs no key: the model is the simulator.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from dragoman import Client
from dragoman.compat.openai_agents import Session
from dragoman.conversation import import_all

STORE = "sqlite:///moved.db"


def main() -> None:
    """Import, go on, export."""
    talks = [
        {
            "id": "oslo",
            "conversations": [{"from": "human", "value": "Where is Oslo?"}, {"from": "gpt", "value": "In Norway."}],
        },
        {
            "id": "rome",
            "conversations": [{"from": "human", "value": "Where is Rome?"}, {"from": "gpt", "value": "In Italy."}],
        },
    ]
    Path("talks.jsonl").write_text("\n".join(map(json.dumps, talks)), "utf-8")

    print("would import", import_all(STORE, Path("talks.jsonl"), "sharegpt", dry_run=True))
    for name in import_all(STORE, Path("talks.jsonl"), "sharegpt"):
        with Client() as client:
            talk = client.conversation(name, model="sim/echo", store=STORE)
            talk.say("Thank you.")
            print(talk.export("markdown"))
            Path(f"{name}.jsonl").write_text(talk.export("json"), "utf-8")  # all of it, for `import_`

    asyncio.run(as_session())


async def as_session() -> None:
    """The same conversation as an agent of openai-agents would have it."""
    session = Session("oslo", STORE)
    await session.add_items([{"role": "user", "content": "And Bergen?"}])
    for item in await session.get_items():
        print(item)
    await session.aclose()


if __name__ == "__main__":
    main()
