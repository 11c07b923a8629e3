"""A hundred thousand steps in the lives of conversations, on every store; `tests/conversation/anyorder.py` has them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from tests.conversation.anyorder import lived
from tests.histories import Seeded
from tests.services import PostgresServer, RedisServer

_STEPS = 100_000
_LIFE = 200


def anyorder(scale: float = 1.0) -> dict[str, Any]:
    """Turns, tools, crashes, cuts, pins, edits, forks, imports, erasures and other providers, in any order."""
    lives = max(1, int(_STEPS * scale / _LIFE / len(STORES)))
    problems: list[str] = []
    for kind in STORES:
        with opened(kind) as url:
            for life in range(lives):
                found = lived(url, Seeded(life), _LIFE, f"life-{life}")
                problems += [f"{kind}, seed {life}: {line[:2000]}" for line in found]
    return {"steps": lives * _LIFE * len(STORES), "stores": list(STORES), "problems": problems[:50]}


STORES = ("memory", "sqlite", "postgres", "redis")


@contextmanager
def opened(kind: str) -> Iterator[str]:
    """The URL of a store of that kind, with a server of its own if it needs one."""
    if kind == "memory":
        yield "memory://"
    elif kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="dragoman-anyorder-") as folder:
            yield f"sqlite:///{folder}/talk.db"
    else:
        with closing(PostgresServer() if kind == "postgres" else RedisServer()) as server:
            yield server.url
