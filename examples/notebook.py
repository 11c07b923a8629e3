"""
Both faces where an event loop already runs, as in a notebook: no `nest_asyncio`, nothing to patch.

`main` stands for the notebook's loop; each line of it could be a cell.
"""

from __future__ import annotations

import asyncio
import os

from dragoman import AsyncClient, Client

MODEL = os.environ.get("MODEL", "sim/echo")


async def main() -> None:
    """The cells."""
    client = Client()
    print(client.chat(MODEL, "The blocking face works inside a running loop.").text)

    async with AsyncClient() as several:
        answers = await asyncio.gather(*(several.chat(MODEL, f"And the async one, {n}.") for n in (1, 2, 3)))
    print("\n".join(answer.text for answer in answers))

    client.stream(MODEL, "In a notebook this is shown in the cell, while it comes.").display()
    client.close()


asyncio.run(main())
