"""Inputs of batches, and what must come of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def line(number: int, text: str | None = None, model: str = "fake/m", **body: Any) -> dict[str, Any]:
    """A line of OpenAI's batch files."""
    return {
        "custom_id": f"c{number}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": model, "messages": [{"role": "user", "content": text or f"hello {number}"}], **body},
    }


def write(path: Path, rows: Iterable[Any]) -> Path:
    """Write rows as lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a file."""
    return [json.loads(text) for text in path.read_bytes().splitlines()]


def texts(path: Path) -> list[tuple[str, str]]:
    """Id and answer of each line of an output."""
    return [(row["custom_id"], row["response"]["body"]["choices"][0]["message"]["content"]) for row in read(path)]


def expected(count: int) -> list[tuple[str, str]]:
    """What `texts` gives where the provider repeats what it is asked."""
    return [(f"c{number}", f"hello {number}") for number in range(count)]
