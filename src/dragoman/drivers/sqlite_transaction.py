"""
One transaction on one connection, before a deadline.

All waiting for others happens in three places: to begin, to get the first page for reading, and to commit.  There it
is done in slices, so that the deadline holds and Ctrl-C is heard.  The work in between never meets a lock.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from dragoman.drivers.sqlite_failures import BUSY, primary
from dragoman.errors import StoreError

T = TypeVar("T")

# Steps of SQLite's machine between two looks at the clock: about a millisecond.
_STEPS = 20_000


class CommitFailed(Exception):
    """
    The commit itself failed.

    Attributes:
        reason: What SQLite says.
    """

    def __init__(self, reason: sqlite3.Error) -> None:
        super().__init__(str(reason))
        self.reason = reason


def patiently(action: Callable[[], T], until: float) -> T:
    """Do `action` again while others hold the lock, until then; the last `sqlite3.OperationalError` comes out."""
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if primary(error) not in BUSY or time.monotonic() >= until:
                raise


def transact(
    connection: sqlite3.Connection,
    work: Callable[[sqlite3.Connection], T],
    *,
    write: bool,
    wait_until: float,
    until: float | None,
) -> T:
    """
    Do `work` in a transaction: committed when it returns, undone when it raises.

    Args:
        connection: Without a transaction.
        work: Gets the connection.
        write: Whether it may write; the lock for that is taken at once.
        wait_until: When to give up waiting for others.
        until: When to interrupt the work itself, or None.

    Raises:
        sqlite3.Error: From beginning or from the work.
        CommitFailed: From the commit.
        StoreError: The work has forked, and this is the child: the transaction is its parent's.
    """
    process = os.getpid()
    if not write:
        work = _reading(work, wait_until)
    patiently(lambda: connection.execute("BEGIN IMMEDIATE" if write else "BEGIN"), wait_until)
    try:
        result = _watched(connection, work, until)
        if os.getpid() != process:
            raise StoreError("the work has forked: its transaction belongs to the parent, and the child must not go on")
        if not connection.in_transaction:
            raise RuntimeError("the work has ended its transaction by itself: no COMMIT, ROLLBACK or executescript")
        try:
            patiently(lambda: connection.execute("COMMIT"), wait_until)
        except sqlite3.Error as error:
            raise CommitFailed(error) from error
        return result
    except BaseException:
        if os.getpid() == process and connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _reading(work: Callable[[sqlite3.Connection], T], wait_until: float) -> Callable[[sqlite3.Connection], T]:
    """`work` that cannot write: to get the lock for it in the middle of reading may be impossible."""

    def read(connection: sqlite3.Connection) -> T:
        patiently(lambda: connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone(), wait_until)
        connection.execute("PRAGMA query_only = ON")
        try:
            return work(connection)
        except sqlite3.OperationalError as error:
            if primary(error) == sqlite3.SQLITE_READONLY:
                raise RuntimeError("the work writes: run it with write=True") from error
            raise
        finally:
            connection.execute("PRAGMA query_only = OFF")

    return read


def _watched(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T], until: float | None) -> T:
    if until is None:
        return work(connection)
    watch = _Watch(until)
    connection.set_progress_handler(watch, _STEPS)
    try:
        return work(connection)
    except sqlite3.OperationalError as error:
        if primary(error) == sqlite3.SQLITE_INTERRUPT and not watch.passed:
            raise KeyboardInterrupt from None
        raise
    finally:
        connection.set_progress_handler(None, 0)


class _Watch:
    """
    Called by SQLite now and then; ends a statement when the deadline has passed.

    Python's handlers of signals run here, too.  What they raise ends the statement, but sqlite3 drops it: a statement
    that was ended before its deadline was ended by Ctrl-C.

    Attributes:
        passed: Whether the deadline has.
    """

    def __init__(self, until: float) -> None:
        self._until = until
        self.passed = False

    def __call__(self) -> bool:
        self.passed = time.monotonic() >= self._until
        return self.passed
