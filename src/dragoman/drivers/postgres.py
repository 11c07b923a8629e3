"""
Postgres, for both faces.

Each statement goes out once.  A connection that the server has closed while it was idle is noticed before anything is
sent, and another is opened.  What was sent and not answered is an error that says so (`outcome_unknown`); inside a
transaction only its COMMIT can be of unknown outcome, because what is not committed is undone.

Works behind pgbouncer in transaction mode: nothing is prepared, and nothing is set for the session.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, NoReturn, Protocol, TypeVar

from dragoman.drivers.base import Clockout, deadline, library, too_late, unknown
from dragoman.drivers.pool import Pool, Pools
from dragoman.drivers.postgres_address import parse_address
from dragoman.drivers.postgres_failures import no_connection, refused
from dragoman.drivers.postgres_links import AsyncLink, BlockingLink, Parameters, Rows
from dragoman.errors import StoreError
from dragoman.runtime import Runtime

T = TypeVar("T")
_Link = BlockingLink | AsyncLink

# Connections in use at once, in a process and in each of its loops: a server has 100 for all.
MOST: Final = 8


class Execute(Protocol):
    """Does one statement of a transaction and returns its rows."""

    def __call__(self, sql: str, params: Parameters = (), /) -> Awaitable[Rows]: ...


class Postgres:
    """
    One database.  Shared by any number of threads, tasks, loops and forked children.

    Attributes:
        place: Where it is, for people; without credentials.
    """

    def __init__(self, url: str, *, most: int = MOST) -> None:
        """
        Nothing is opened yet.

        Args:
            url: `postgresql://user:password@host:port/database`, as libpq reads it.
            most: Connections in use at once; more calls wait for their turn.

        Raises:
            ConfigError: The URL is none, or psycopg is missing.
        """
        self._conninfo, self.place = parse_address(url)
        psycopg = library("psycopg", "postgres")
        self._errors: type[Exception] = psycopg.Error
        self._line_errors: tuple[type[Exception], ...] = (psycopg.OperationalError, psycopg.InterfaceError)
        self._pools: Pools[_Link] = Pools(most)

    def __repr__(self) -> str:
        return f"<{self.place}>"

    async def run(self, runtime: Runtime, sql: str, params: Parameters = (), until: float | None = None) -> Rows:
        """
        Do one statement, which is its own transaction, and return its rows; none if it gives none.

        Args:
            sql: With `%s` or `%(name)s` where parameters go; without parameters, `%` is an ordinary character.
            until: When the call is over, on the runtime's clock; None for 30 seconds from now.

        Raises:
            StoreError: The server refused it (`code` is the SQLSTATE), or there was no answer.
        """
        return await self._with_link(runtime, deadline(until), partial(self._statement, sql, params))

    async def transaction(
        self, runtime: Runtime, work: Callable[[Execute], Awaitable[T]], until: float | None = None
    ) -> T:
        """
        Do `await work(execute)` in one transaction: committed when it returns, undone when it raises.

        Raises:
            StoreError: As `run` does.  `retryable` after a conflict with another transaction.
        """
        return await self._with_link(runtime, deadline(until), partial(self._transact, work))

    def close(self) -> None:
        """Close all connections that are idle; those of loops soon, in their loops."""
        self._pools.close()

    async def aclose(self) -> None:
        """Close all, those of the running loop before this returns."""
        await self._pools.aclose()

    # --- one use of a connection ---

    async def _with_link(self, runtime: Runtime, until: float, use: Callable[[_Link, float], Awaitable[T]]) -> T:
        pool = self._pools.current(runtime)
        if not await pool.enter(runtime, until):
            raise too_late(self.place, sent=False)
        try:
            link = await self._link(runtime, pool, until)
            try:
                return await use(link, until)
            finally:
                await (pool.give(link) if link.idle else link.close())
        finally:
            pool.leave()

    async def _link(self, runtime: Runtime, pool: Pool[_Link], until: float) -> _Link:
        link = await pool.take()
        if link is None:
            link = await self._open(runtime, until)
            pool.track(link)
        return link

    async def _open(self, runtime: Runtime, until: float) -> _Link:
        try:
            if runtime.suspends:
                link = AsyncLink()
                await link.open(self._conninfo, until)
                return link
            return await runtime.run_blocking(partial(BlockingLink, self._conninfo, until), until)
        except TimeoutError:
            raise too_late(self.place, sent=False) from None
        except self._errors as error:
            raise no_connection(self.place, error) from error

    async def _statement(self, sql: str, params: Parameters, link: _Link, until: float) -> Rows:
        try:
            return await link.execute(sql, params, until)
        except (Clockout, self._errors) as error:
            self._raise(error, final=True)

    async def _transact(self, work: Callable[[Execute], Awaitable[T]], link: _Link, until: float) -> T:
        over = False

        async def execute(sql: str, params: Parameters = (), /) -> Rows:
            if over:
                raise RuntimeError("the transaction is over: execute belongs to the work that it was given to")
            try:
                return await link.execute(sql, params, until)
            except (Clockout, self._errors) as error:
                self._raise(error, final=False)

        await execute("BEGIN")
        try:
            result = await work(execute)
        except Exception:
            await self._roll_back(link, until)
            raise
        finally:
            over = True
        await self._statement("COMMIT", (), link, until)
        if link.status != "COMMIT":  # the answer to COMMIT after an error that the work has caught
            raise StoreError(f"{self.place} undid the transaction: a statement in it had failed, and was not raised")
        return result

    async def _roll_back(self, link: _Link, until: float) -> None:
        if link.fileno() < 0:
            return
        try:
            await link.execute("ROLLBACK", (), until)
        except (Clockout, self._errors):
            await link.close()  # so the server does it

    def _raise(self, error: Any, *, final: bool) -> NoReturn:
        """
        Raise the error for a statement that failed.

        Args:
            error: psycopg's, or that the deadline has passed.
            final: Whether the statement may have been committed.
        """
        if isinstance(error, Clockout):
            raise (too_late(self.place, sent=True) if final else self._undone("no answer in time")) from None
        if error.sqlstate is not None:
            raise refused(self.place, error) from error
        why = str(error).strip().partition("\n")[0]
        if not isinstance(error, self._line_errors):
            raise StoreError(f"the statement for {self.place} cannot be sent: {why}") from error
        raise (unknown(f"the connection to {self.place} broke ({why})") if final else self._undone(why)) from error

    def _undone(self, what: str) -> StoreError:
        return StoreError(f"{self.place}: {what}; the transaction is undone", retryable=True)
