"""A hundred thousand conversations, each seen through every window, and sent to every provider that has rules."""

from __future__ import annotations

from typing import Any

from tests.conversation.views import POLICIES, broken, long_history
from tests.crossing import TARGETS
from tests.histories import Seeded

_COUNT = 100_000


def views(scale: float = 1.0) -> dict[str, Any]:
    """Every view is whole turns behind the instructions, the same in every process, and of a form that is taken."""
    count = max(1, int(_COUNT * scale))
    problems: list[str] = []
    for seed in range(count):
        messages = long_history(Seeded(seed))
        for name, window in POLICIES.items():
            problems += [f"{name}, seed {seed}: {line}" for line in broken(messages, window, TARGETS, seed % 4)]
    return {"conversations": count, "windows": list(POLICIES), "providers": len(TARGETS), "problems": problems[:50]}
