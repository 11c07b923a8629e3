"""A program that writes a text with a checkpoint, and may be killed at any point."""

from __future__ import annotations

import asyncio
import sys

from dragoman import AsyncClient, Client


def main(url: str, wire: str, checkpoint: str, face: str, outline: str) -> None:
    """Write to the end, and print the text."""
    row = {"x": {"base_url": url, "wire": wire, "auth": "none"}}
    options = {"checkpoint": checkpoint, "outline": outline == "outline"}
    if face == "blocking":
        with Client(providers=row) as client:
            text = client.write("x/m", "Write it.", **options).text
    else:
        text = asyncio.run(_written(row, options))
    sys.stdout.buffer.write(text.encode())


async def _written(row: dict[str, dict[str, str]], options: dict[str, str | bool]) -> str:
    async with AsyncClient(providers=row) as client:
        return (await client.write("x/m", "Write it.", **options)).text


if __name__ == "__main__":
    main(*sys.argv[1:])
