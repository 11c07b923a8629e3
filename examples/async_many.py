"""Ask many questions at once, a few at a time, and keep what failed beside what was answered."""

from __future__ import annotations

import asyncio
import os

from dragoman import AsyncClient, ChatResponse, DragomanError

MODEL = os.environ.get("MODEL", "sim/echo")
AT_ONCE = 8


async def main() -> None:
    """Ask forty questions."""
    gate = asyncio.Semaphore(AT_ONCE)

    async with AsyncClient() as client:

        async def ask(number: int) -> ChatResponse | DragomanError:
            async with gate:
                try:
                    return await client.chat(MODEL, f"What is {number} squared?", timeout=60)
                except DragomanError as error:
                    return error

        results = await asyncio.gather(*(ask(number) for number in range(40)))

    answers = [result for result in results if isinstance(result, ChatResponse)]
    print(f"{len(answers)} answered, {len(results) - len(answers)} failed")
    print("the last answer:", answers[-1].text)


asyncio.run(main())
