"""Many processes on one conversation, on every store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from tests.conversation.crowd import Crowd
from tests.services import PostgresServer, RedisServer


def crowd(scale: float = 1.0) -> dict[str, Any]:
    """
    24 processes say 200 turns each on one conversation, half of them again, and 200 of them are killed on the way.

    The same on SQLite, Postgres and Redis; then with processes that are stopped beyond their lease.
    """
    members, turns = max(2, int(24 * min(1.0, scale * 4))), max(4, int(200 * scale))
    found: list[dict[str, Any]] = []
    for kills, pauses, lease in ((0, 0, 30.0), (int(200 * scale), int(20 * scale), 1.0)):
        for url in _stores():
            run = Crowd(url, members=members, turns=turns, lease=lease)
            found.append(run.run(kills=kills, pauses=pauses).found())
    problems = [f"{run['store']}: {problem}" for run in found for problem in run["problems"]]
    return {"runs": found, "problems": problems}


def _stores() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="dragoman-crowd-") as folder:
        yield f"sqlite:///{folder}/talk.db"
    for make in (PostgresServer, RedisServer):
        with closing(make()) as server:
            yield server.url
