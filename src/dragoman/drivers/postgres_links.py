"""
One connection to Postgres on each face, over psycopg's.

psycopg waits for the server in one method, `wait`, which is where the deadline is held here.  What is given up is
closed at once, and the server is asked in the background to cancel it: else a statement that waits for a lock would go
on waiting, and be done long after everybody has forgotten it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any, Final

from dragoman import background
from dragoman.drivers.base import Clockout, left, library

Parameters = Sequence[Any] | Mapping[str, Any]
Rows = list[tuple[Any, ...]]

# Seconds after which a wait looks whether Ctrl-C was pressed.
_TICK: Final = 0.1
# Seconds that the request to cancel may take.
_CANCEL: Final = 2.0


class Link:
    """What both faces share."""

    def __init__(self) -> None:
        self.connection: Any = None
        self.status = ""  # what the server said to have done last: "COMMIT"

    @property
    def idle(self) -> bool:
        """Whether it is open, and no statement and no transaction is under way."""
        return bool(self.connection.pgconn.transaction_status == _psycopg().idle)

    def fileno(self) -> int:
        """Its descriptor, -1 once closed."""
        pgconn = self.connection.pgconn
        return int(pgconn.socket) if pgconn.status == _psycopg().ok else -1

    async def close(self) -> None:
        """End it now."""
        self.connection.pgconn.finish()

    def drop(self) -> None:
        """End it now: psycopg needs no loop for that."""
        self.connection.pgconn.finish()


class BlockingLink(Link):
    """A connection that one thread uses at a time."""

    def __init__(self, conninfo: str, until: float) -> None:
        """Open it.  A name that does not resolve may keep this beyond `until`: call it in a thread of its own."""
        super().__init__()
        self.connection = _psycopg().blocking.connect(conninfo, **_options(until))

    async def execute(self, sql: str, parameters: Parameters, until: float) -> Rows:
        """
        Do one statement.

        Raises:
            Clockout: `until` passed; the link is closed.
            psycopg.Error: The server refused it, or the connection broke.
        """
        self.connection.until = until
        cursor = self.connection.execute(sql, parameters or None)
        self.status = cursor.statusmessage
        return cursor.fetchall() if cursor.description else []


class AsyncLink(Link):
    """A connection that one task of one loop uses at a time."""

    async def open(self, conninfo: str, until: float) -> None:
        """
        Connect, in the running loop.

        Raises:
            TimeoutError: `until` passed.
        """
        async with asyncio.timeout(left(until)):
            self.connection = await _psycopg().suspending.connect(conninfo, **_options(until))

    async def execute(self, sql: str, parameters: Parameters, until: float) -> Rows:
        """As on the blocking face."""
        self.connection.until = until
        cursor = await self.connection.execute(sql, parameters or None)
        self.status = cursor.statusmessage
        return await cursor.fetchall() if cursor.description else []


def _options(until: float) -> dict[str, Any]:
    # No prepared statements: behind pgbouncer the next statement may reach another server process.
    # libpq's own clock for connecting is in whole seconds, 2 at least; it ends a thread whose call is over.
    return {"autocommit": True, "prepare_threshold": None, "connect_timeout": max(2, math.ceil(left(until)))}


@lru_cache
def _psycopg() -> SimpleNamespace:
    """psycopg's connections with a deadline, and the constants that are looked at."""
    psycopg = library("psycopg", "postgres")
    waiting = library("psycopg.waiting", "postgres")
    out_of_time: type[Exception] = library("psycopg.errors", "postgres")._WaitTimeout

    def wait(self: Any, gen: Any, interval: float = _TICK, **_: Any) -> Any:
        try:
            return waiting.wait(gen, self.pgconn.socket, interval=_TICK, timeout=left(self.until))
        except out_of_time:
            _give_up(self.pgconn)
            raise Clockout from None
        except psycopg.Error:
            raise
        except BaseException:  # Ctrl-C
            _give_up(self.pgconn)
            raise

    async def wait_async(self: Any, gen: Any, interval: float = _TICK, **_: Any) -> Any:
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval=_TICK, timeout=left(self.until))
        except out_of_time:
            _give_up(self.pgconn)
            raise Clockout from None
        except psycopg.Error:
            raise
        except BaseException:  # the task is cancelled
            _give_up(self.pgconn)
            raise

    # psycopg complains of a connection that is dropped while open, unless it belongs to a pool: ours does.
    ours: dict[str, Any] = {"until": 0.0, "_pool": None}
    return SimpleNamespace(
        blocking=type("DeadlineConnection", (psycopg.Connection,), {**ours, "wait": wait}),
        suspending=type("AsyncDeadlineConnection", (psycopg.AsyncConnection,), {**ours, "wait": wait_async}),
        idle=psycopg.pq.TransactionStatus.IDLE,
        active=psycopg.pq.TransactionStatus.ACTIVE,
        ok=psycopg.pq.ConnStatus.OK,
        can_cancel=psycopg.capabilities.has_cancel_safe(),
    )


def _give_up(pgconn: Any) -> None:
    """Close, and have the server told."""
    if pgconn.transaction_status == _psycopg().active and _psycopg().can_cancel:
        background.submit(partial(_cancel, pgconn.cancel_conn()))
    pgconn.finish()


def _cancel(request: Any) -> None:
    """Ask the server to cancel what a closed connection was doing."""
    generators = library("psycopg.generators", "postgres")
    errors: type[Exception] = library("psycopg", "postgres").Error
    try:
        request.start()
        library("psycopg.waiting", "postgres").wait_conn(generators.cancel(request), interval=_TICK, timeout=_CANCEL)
    except errors:
        pass  # the server is gone, and with it what it did
    finally:
        request.finish()
