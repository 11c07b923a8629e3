"""Many processes on one conversation, on every store."""

from __future__ import annotations

from contextlib import ExitStack
from secrets import token_hex
from typing import Any

from tests.conversation.crowd import Crowd
from tests.soaks.anyorder import STORES, opened

_SHARED = tuple(kind for kind in STORES if kind != "memory")
_KILLS = 1000


def crowd(scale: float = 1.0) -> dict[str, Any]:
    """
    24 processes say 200 turns each on one conversation, half of them again, and 200 of them are killed on the way.

    The same on SQLite, Postgres and Redis; then with processes that are stopped beyond their lease.
    """
    members, turns = max(2, int(24 * min(1.0, scale * 4))), max(4, int(200 * scale))
    found: list[dict[str, Any]] = []
    for kills, pauses, lease in ((0, 0, 30.0), (int(200 * scale), int(20 * scale), 1.0)):
        for kind in _SHARED:
            with opened(kind) as url:
                run = Crowd(url, members=members, turns=turns, lease=lease)
                found.append(run.run(kills=kills, pauses=pauses).found())
    return _told(found)


def kills(scale: float = 1.0) -> dict[str, Any]:
    """A thousand processes are killed, a third of them on each store, while 8 say turns on one conversation."""
    wanted, turns = max(2, int(_KILLS * scale / len(_SHARED)) + 1), max(6, min(40, int(4000 * scale)))
    found: list[dict[str, Any]] = []
    for kind in _SHARED:
        with ExitStack() as stack:
            url, killed = stack.enter_context(opened(kind)), 0
            while killed < wanted:
                name = f"crowd-{token_hex(4)}"
                run = Crowd(url, members=8, turns=turns, lease=0.5, seed=killed + 1, name=name, latency=0.05)
                found.append(run.run(kills=min(60, wanted - killed)).found())
                killed += max(1, run.kills)
    return {"kills": sum(run["kills"] for run in found), **_told(found)}


def _told(found: list[dict[str, Any]]) -> dict[str, Any]:
    problems = [f"{run['store']}: {problem}" for run in found for problem in run["problems"]]
    return {"runs": found, "problems": problems}
