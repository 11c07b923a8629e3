"""Every operation of the SQLite store of conversations, failed at each of its writes."""

from __future__ import annotations

from typing import Any

from tests.conversation.operation import OPERATIONS
from tests.conversation.points import problems


def points(scale: float = 1.0) -> dict[str, Any]:
    """An error of the disk, a full disk and kill -9 at each write of each operation."""
    found: list[str] = []
    counts: dict[str, int] = {}
    for name in OPERATIONS:
        counts[name], wrong = problems(name, every=max(1, round(1 / scale)))
        found += wrong
    return {"points": counts, "problems": found}
