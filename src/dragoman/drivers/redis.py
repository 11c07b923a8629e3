"""
Redis and Valkey, for both faces.

Commands and scripts go out once.  A connection that the server has closed while it was idle is noticed before anything
is sent, and another is opened; what was sent and not answered is an error that says so (`outcome_unknown`), because a
script that ran twice has reserved, counted or appended twice.

Answers are those of RESP2, whatever the server: bytes, int, None or lists of these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from dragoman.drivers.base import Clockout, Lost, deadline, library, too_late, unknown
from dragoman.drivers.pool import Pool, Pools
from dragoman.drivers.redis_address import parse_address
from dragoman.drivers.redis_failures import code_of, no_connection, refused
from dragoman.drivers.redis_links import AsyncLink, BlockingLink, Command, Refused
from dragoman.errors import StoreError
from dragoman.runtime import Runtime

_Link = BlockingLink | AsyncLink
_Value = str | bytes | int | float


class Redis:
    """
    One server.  Shared by any number of threads, tasks, loops and forked children.

    Attributes:
        place: Where it is, for people; without credentials.
    """

    def __init__(self, url: str) -> None:
        """
        Nothing is opened yet.

        Args:
            url: `redis://`, `rediss://` or `unix://`, as `redis_address` says.

        Raises:
            ConfigError: The URL is none, or redis-py is missing.
        """
        self._address = parse_address(url)
        self._errors: type[Exception] = library("redis.exceptions", "redis").RedisError
        self._pools: Pools[_Link] = Pools(self._address.most)
        self.place = self._address.place

    def __repr__(self) -> str:
        return f"<{self.place}>"

    async def command(self, runtime: Runtime, *args: _Value, until: float | None = None) -> Any:
        """
        Send one command and return its answer: `await r.command(runtime, "SET", "key", b"value", "PX", 1000)`.

        Raises:
            StoreError: The server refused it (`code` is the first word of its error), or there was no answer.
        """
        return (await self.pipeline(runtime, [args], until))[0]

    async def pipeline(self, runtime: Runtime, commands: Sequence[Command], until: float | None = None) -> list[Any]:
        """
        Send commands together and return their answers, in order.  It is no transaction: a script is.

        Raises:
            StoreError: As for one command.  The server did the others, even if one was refused.
        """
        answers: list[Any] = await self._with_link(runtime, deadline(until), partial(self._ask, commands))
        return answers

    async def script(
        self,
        runtime: Runtime,
        source: str,
        keys: Sequence[str | bytes],
        args: Sequence[_Value],
        until: float | None = None,
    ) -> Any:
        """
        Run a Lua script and return its answer.  The server keeps the source; only its hash is sent, if it has it.

        Raises:
            StoreError: As for a command.  A script's own error has its first word as `code`.
        """
        rest: Command = [len(keys), *keys, *args]
        return await self._with_link(runtime, deadline(until), partial(self._run, source, rest))

    def close(self) -> None:
        """Close all connections that are idle; those of loops soon, in their loops."""
        self._pools.close()

    async def aclose(self) -> None:
        """Close all, those of the running loop before this returns."""
        await self._pools.aclose()

    # --- one use of a connection ---

    async def _with_link(self, runtime: Runtime, until: float, use: Any) -> Any:
        pool = self._pools.current(runtime)
        if not await pool.enter(runtime, until):
            raise too_late(self.place, sent=False)
        try:
            link = await self._link(runtime, pool, until)
            try:
                result = await use(link, until)
            except BaseException as error:
                await (pool.give(link) if isinstance(error, StoreError) else link.close())
                raise
            await pool.give(link)
            return result
        except (Clockout, Lost, Refused) as error:
            raise self._failed(error) from error.__cause__
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
                link = AsyncLink(self._address)
                await link.open(until)
                return link
            return await runtime.run_blocking(partial(BlockingLink, self._address, until), until)
        except (Clockout, TimeoutError):
            raise too_late(self.place, sent=False) from None
        except (self._errors, OSError) as error:
            raise no_connection(self.place, error) from error

    async def _ask(self, commands: Sequence[Command], link: _Link, until: float) -> list[Any]:
        answers = await link.exchange(commands, until)
        for answer in answers:
            if isinstance(answer, self._errors):
                raise refused(self.place, answer)
        return answers

    async def _run(self, source: str, rest: Command, link: _Link, until: float) -> Any:
        (answer,) = await link.exchange([["EVALSHA", _sha(source), *rest]], until)
        if isinstance(answer, self._errors) and code_of(answer) == "NOSCRIPT":
            (answer,) = await link.exchange([["EVAL", source, *rest]], until)
        if isinstance(answer, self._errors):
            raise refused(self.place, answer)
        return answer

    def _failed(self, error: Exception) -> StoreError:
        if isinstance(error, Refused):
            return refused(self.place, error.__cause__ or error)
        if isinstance(error, Clockout):
            return too_late(self.place, sent=True)
        return unknown(f"the connection to {self.place} broke ({error})")


@lru_cache(256)
def _sha(source: str) -> str:
    # Redis' name for a script; nothing is secured by it.
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
