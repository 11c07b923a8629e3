"""
SQLite, for both faces: the one module that opens such files.

Each process has one connection to a file, used by one thread at a time; who waits is served in order.  On the asyncio
face the work is done in a thread that belongs to the database.  Several processes share a file through SQLite's own
locks.

**Fork.**  SQLite keeps in the memory of a process which locks it holds; a child would believe in locks that only its
parent has.  So before a fork the transaction under way is waited for and the connection closed, in both.
(sqlite.org/howtocorrupt.html, section 2.6)
"""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from collections.abc import Callable
from functools import partial
from typing import Final, NoReturn, TypeVar

from dragoman.drivers.base import deadline, unknown
from dragoman.drivers.sqlite_failures import BUSY, locked, primary, translate
from dragoman.drivers.sqlite_file import MEMORY, connect, identity, prepare, scrub, set_journal
from dragoman.drivers.sqlite_here import Here, NotBegun, NotEnded
from dragoman.drivers.sqlite_transaction import CommitFailed, patiently, transact
from dragoman.errors import ConfigError, StoreError
from dragoman.runtime import Runtime

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

# Seconds that a fork waits for the transaction under way.
_FORK_PATIENCE: Final = 10.0
# Seconds that the interpreter's end waits for it.
_END_PATIENCE: Final = 1.0


class Sqlite:
    """
    One file.  Shared by any number of threads, tasks, loops and forked children.

    Attributes:
        path: Absolute, or `:memory:` for a database that only this object has; a forked child has an empty one.
        in_memory: Whether it is that.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        durable: bool = True,
        schema: Callable[[sqlite3.Connection], object] | None = None,
    ) -> None:
        """
        Nothing is opened yet.

        Args:
            path: Of the file; it is made when it is first used, with mode 0600, its folder with 0700.
            durable: Whether a commit outlives a power cut; if not, it outlives the end of the process only.
            schema: Called in a transaction each time the file is opened, to bring it to the present version: a
                `Schema`.

        Raises:
            ConfigError: It is no path.
        """
        if not os.fspath(path) or "\0" in os.fspath(path):
            raise ConfigError(f"{path!r} is no path of a database: choose another", field="path")
        self.in_memory = path == MEMORY
        self.path = MEMORY if self.in_memory else os.path.abspath(path)
        self._durable = durable
        self._schema = schema
        self._spoiled = False
        self._file: tuple[int, int] | None = None
        self._here = Here()
        # A database that is dropped without being closed leaves nothing open.
        weakref.finalize(self, self._here.end, _END_PATIENCE)
        _all.add(self)

    def __repr__(self) -> str:
        return f"<Sqlite {self.path!r}>"

    async def run(self, runtime: Runtime, work: Work[T], until: float | None = None, write: bool = True) -> T:
        """
        Do `work(connection)` in one transaction: committed when it returns, undone when it raises.

        A task that is cancelled stops waiting; work that has begun is still done to its end, work that has not is not.

        Args:
            runtime: Of the call.
            work: Must be short, and must not end the transaction.  What it returns must not need the connection.
            until: When the call is over, on the runtime's clock; None for 30 seconds of waiting for others.
            write: Whether it may write.

        Raises:
            StoreError: The file cannot be used, or not in time.  Unless `outcome_unknown`, nothing was changed.
        """

        def use(connection: sqlite3.Connection, wait_until: float) -> T:
            return transact(connection, work, write=write, wait_until=wait_until, until=until)

        return await self._in_turn(runtime, use, until)

    async def scrub(self, runtime: Runtime, until: float | None = None) -> None:
        """Let nothing that was deleted stand in the journal any more; as `run`."""
        await self._in_turn(runtime, scrub, until)

    def close(self) -> None:
        """Close the file, after the work under way.  Idempotent; a later call opens it again."""
        if self._here.mine:
            raise RuntimeError("the work must not close its database")
        self._here.end()

    async def aclose(self) -> None:
        """Like `close`, without blocking the loop."""
        import asyncio  # only the asyncio face pays for it

        await asyncio.wrap_future(self._here.submit(self.close))

    # --- one piece of work ---

    async def _in_turn(self, runtime: Runtime, use: Callable[[sqlite3.Connection, float], T], until: float | None) -> T:
        job = partial(self._perform, use, until)
        if not runtime.suspends:
            return job()
        try:
            return await self._here.in_thread(job, until)
        except NotBegun:
            raise locked(self.path) from None
        except NotEnded:
            raise unknown(f"the database {self.path!r} is not done in time") from None

    def _perform(self, use: Callable[[sqlite3.Connection, float], T], until: float | None) -> T:
        if self._here.mine:
            raise RuntimeError("the work must not use its own database again: it has the connection")
        wait_until = deadline(until)
        if not self._here.enter(wait_until):
            raise locked(self.path)
        try:
            connection = self._opened(wait_until)
            return use(connection, wait_until)
        except CommitFailed as failed:
            # When the last sync fails, what is on the disk is known only when it is read again.
            self._raise(failed.reason, outcome_unknown=primary(failed.reason) == sqlite3.SQLITE_IOERR)
        except sqlite3.Error as error:
            self._raise(error)
        finally:
            self._here.leave()

    def _raise(self, error: sqlite3.Error, *, outcome_unknown: bool = False) -> NoReturn:
        """Raise a `StoreError` if the file or the machine is to blame, else the error itself."""
        translated = translate(self.path, error, outcome_unknown=outcome_unknown)
        if translated is None:
            raise error
        if primary(error) not in BUSY and not self.in_memory:
            self._here.disconnect()
        raise translated from error

    # --- the connection ---

    def _opened(self, until: float) -> sqlite3.Connection:
        if self._spoiled:
            raise StoreError(
                f"the database {self.path!r} was in use while this process was forked, and cannot be used in it: "
                "fork when no other thread uses it, or start processes by 'spawn'"
            )
        if self._here.connection is None:
            self._here.connection = self._open(until)
            self._file = None if self.in_memory else identity(self.path)
        elif not self.in_memory and identity(self.path) != self._file:
            self._abandon()
        return self._here.connection

    def _open(self, until: float) -> sqlite3.Connection:
        empty = not self.in_memory and prepare(self.path)
        connection = connect(self.path)
        try:
            if not self.in_memory:
                self._choose_journal(connection, empty, until)
            if self._schema is not None:
                transact(connection, self._schema, write=True, wait_until=until, until=None)
            # Not sooner: a migration may have to make a table anew (sqlite.org/lang_altertable.html).
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def _choose_journal(self, connection: sqlite3.Connection, empty: bool, until: float) -> None:
        try:
            patiently(partial(set_journal, connection, empty=empty, durable=self._durable), until)
        except sqlite3.OperationalError as error:
            if primary(error) not in BUSY:
                raise
            raise StoreError(
                f"the journal of the database {self.path!r} cannot be changed while others have it open.  The SQLite "
                f"of this process ({sqlite3.sqlite_version}) has the WAL-reset bug, which damages files that are in "
                "WAL mode: use SQLite 3.51.3 or newer here, or stop the others for a moment",
                retryable=True,
            ) from error

    def _abandon(self) -> None:
        """SQLite would go on writing to a file that was removed, where nobody finds it."""
        _kept_open.append(self._here.connection)  # closing it would remove the log of the file that is there now
        self._here.connection = None
        raise StoreError(
            f"the database {self.path!r} was removed or replaced while it was in use: what it held is gone unless "
            "there is a copy; the next call uses what is there now",
            retryable=True,
        )

    # --- fork ---

    def before_fork(self) -> None:
        """Let the transaction under way end, let no other begin, and close the file."""
        here = self._here
        here.stopped = not here.mine and here.enter(time.monotonic() + _FORK_PATIENCE)
        if here.stopped and not self.in_memory:
            here.disconnect()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self._here.stopped:
            self._here.stopped = False
            self._here.leave()

    def after_fork_in_child(self) -> None:
        """Start anew; if the parent was in a transaction, never."""
        here = self._here
        in_use = not here.stopped and (here.user is not None or here.connection is not None)
        self._spoiled = self._spoiled or (in_use and not self.in_memory)
        _kept_open.append(here.connection)
        here.reset()


def _before_fork() -> None:
    for database in list(_all):
        database.before_fork()


def _after_fork_in_parent() -> None:
    for database in list(_all):
        database.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for database in list(_all):
        database.after_fork_in_child()


_all: weakref.WeakSet[Sqlite] = weakref.WeakSet()
_kept_open: list[sqlite3.Connection | None] = []  # what must not be closed, because it is another's
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
