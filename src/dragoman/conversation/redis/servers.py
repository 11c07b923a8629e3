"""
One server, or the nodes of a cluster, and what is asked of them.

A cluster is noticed by its first redirection; from then on each key is asked for at the node that has its slot.  While
a slot moves, or a node fails over, what was surely not done is asked again, until the call's deadline.

Rule: what was sent and not answered is never sent again here: the store's caller knows what that would mean.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from secrets import token_hex
from typing import Any, Final, NamedTuple

from dragoman.conversation.redis.keys import Wish, origin_of, slot_of, url_at
from dragoman.conversation.redis.rows import Script
from dragoman.conversation.redis.scripts import REFUSALS
from dragoman.drivers.base import deadline, left, unknown
from dragoman.drivers.redis import Redis
from dragoman.errors import ConfigError, StoreError
from dragoman.runtime import Runtime

# Errors of a cluster after which nothing was done, and another try may do it.
_ELSEWHERE: Final = ("MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "READONLY")
# Seconds before it is asked again, and the longest that a write waits for its replicas.
_PAUSE: Final = 0.05
_CONFIRMED: Final = 1.0
# Scripts in one message.
_MANY: Final = 100

_log = logging.getLogger("dragoman.conversation")


_Call = tuple[Sequence[str], Sequence[Any]]  # the keys and arguments of a script


class _Slots(NamedTuple):
    """A range of slots, and who has it."""

    first: int
    last: int
    server: Redis


class Servers:
    """
    Runs scripts where their keys are.

    Attributes:
        place: For people, without credentials.
    """

    def __init__(self, wish: Wish) -> None:
        """
        Raises:
            ConfigError: The URL is none, or redis-py is missing.
        """
        self._url = wish.url
        self._wait = wish.wait
        self._first = Redis(wish.url)
        self._nodes: dict[tuple[str, int], Redis] = {origin_of(wish.url): self._first}
        self._slots: tuple[_Slots, ...] = ()
        self._checked: set[str] = set()
        self.place = self._first.place

    async def run(
        self,
        runtime: Runtime,
        script: Script,
        keys: Sequence[str],
        args: Sequence[Any],
        until: float | None,
        *,
        confirm: bool = False,
    ) -> Any:
        """
        Run one script.

        Args:
            confirm: Whether the replicas that the URL asks for must have what it wrote.

        Raises:
            StoreError: It was not done, or (`outcome_unknown`) nobody knows, or too few replicas have it.
        """
        until = deadline(until)
        waits = self._wait if confirm else 0
        rest: list[Any] = [len(keys), *keys, *args]
        try:
            answers = await self._ask(runtime, keys[0], _sent("EVALSHA", script.sha, rest, waits, until), until)
        except StoreError as error:
            if error.code != "NOSCRIPT":
                raise
            answers = await self._ask(runtime, keys[0], _sent("EVAL", script.source, rest, waits, until), until)
        answer = answers[0]
        if waits and answers[1] < waits and answer and answer[0] not in REFUSALS:
            raise unknown(f"only {answers[1]} of {waits} replicas of {self.place} have confirmed the write (wait=)")
        return answer

    async def each(self, runtime: Runtime, script: Script, calls: Sequence[_Call], until: float | None) -> list[Any]:
        """Run a script that may run twice, for many keys: one message for each node, or several if there are many."""
        until = deadline(until)
        answers: list[Any] = [None] * len(calls)
        for server, numbers in self._grouped(calls):
            commands = [["EVALSHA", script.sha, len(calls[n][0]), *calls[n][0], *calls[n][1]] for n in numbers]
            try:
                found = await server.pipeline(runtime, commands, until)
            except StoreError as error:
                if error.code not in ("NOSCRIPT", *_ELSEWHERE):
                    raise
                found = [await self.run(runtime, script, *calls[n], until) for n in numbers]
            for number, answer in zip(numbers, found, strict=True):
                answers[number] = answer
        return answers

    async def command(self, runtime: Runtime, name: str, key: str, *args: Any, until: float | None = None) -> Any:
        """Send one command about one key."""
        return (await self._ask(runtime, key, [[name, key, *args]], deadline(until)))[0]

    def close(self) -> None:
        """Close what is idle."""
        for server in list(self._nodes.values()):
            server.close()

    async def aclose(self) -> None:
        """Likewise, and return when what the running loop has is closed."""
        for server in list(self._nodes.values()):
            await server.aclose()

    # --- who has a key ---

    def _server(self, key: str) -> Redis:
        if not self._slots:
            return self._first
        slot = slot_of(key)
        return next((range.server for range in self._slots if range.first <= slot <= range.last), self._first)

    def _grouped(self, calls: Sequence[_Call]) -> Iterable[tuple[Redis, list[int]]]:
        groups: dict[Redis, list[int]] = {}
        for number, (keys, _) in enumerate(calls):
            groups.setdefault(self._server(keys[0]), []).append(number)
        for server, numbers in groups.items():
            for begin in range(0, len(numbers), _MANY):
                yield server, numbers[begin : begin + _MANY]

    async def _ask(self, runtime: Runtime, key: str, commands: Sequence[Sequence[Any]], until: float) -> list[Any]:
        while True:
            server = self._server(key)
            try:
                await self._check(runtime, server, until)
                return await server.pipeline(runtime, commands, until)
            except StoreError as error:
                if not self._again(error) or left(until) <= _PAUSE:
                    raise _explained(error) from error.__cause__
                await self._map(runtime, server, until)
            if self._server(key) is server:
                await runtime.sleep(_PAUSE)

    def _again(self, error: StoreError) -> bool:
        """Whether it was surely not done, and may be done elsewhere or soon."""
        if error.code == "READONLY" or error.code is None:
            return bool(self._slots) and error.retryable and not error.outcome_unknown
        return error.code in _ELSEWHERE

    async def _map(self, runtime: Runtime, asked: Redis, until: float) -> None:
        """Learn which node has which slots, from the first that says."""
        for (host, _), server in sorted(self._nodes.items(), key=lambda node: node[1] is not asked):
            try:
                rows = await server.command(runtime, "CLUSTER", "SLOTS", until=until)
            except StoreError as error:
                if left(until) <= 0:
                    raise
                _log.debug("%s does not tell the slots of the cluster: %s", server.place, error)
                continue
            self._slots = tuple(_Slots(first, last, self._node(primary, host)) for first, last, primary, *_ in rows)
            return

    def _node(self, primary: Sequence[Any], asked: str) -> Redis:
        host, port = (primary[0] or b"").decode() or asked, primary[1]
        known = self._nodes.get((host, port))
        # Two threads may learn of it at once: both take the one that was first.
        return known or self._nodes.setdefault((host, port), Redis(url_at(self._url, host, port)))

    # --- what a server must be like ---

    async def _check(self, runtime: Runtime, server: Redis, until: float) -> None:
        """Look at a server when it is first used."""
        if server.place in self._checked:
            return
        try:
            said = await server.pipeline(runtime, [["INFO", "memory"], ["INFO", "persistence"]], until)
        except StoreError as error:
            if error.code not in ("NOPERM", "ERR"):
                raise
            _log.warning("%s does not say its maxmemory-policy: it must be noeviction (%s)", server.place, error)
        else:
            self._judge(server, _facts(b"\n".join(said)))
        self._checked.add(server.place)

    def _judge(self, server: Redis, facts: dict[str, str]) -> None:
        policy = facts.get("maxmemory_policy", "noeviction")
        if policy != "noeviction" and not policy.startswith("volatile-"):
            raise ConfigError(
                f"{server.place} has maxmemory-policy {policy}: when it is full, it evicts parts of conversations; "
                "set it to noeviction, or use another server than that of a cache",
                field="store",
            )
        if facts.get("aof_enabled") == "0":
            _log.warning(
                "%s has appendonly no: what it was told since its last snapshot is lost when it stops; "
                "set appendonly yes, or keep elsewhere what must last",
                server.place,
            )


def _sent(verb: str, script: str, rest: Sequence[Any], replicas: int, until: float) -> list[list[Any]]:
    """A script, and the wait for its replicas behind it on the same connection: the server counts by connection."""
    command = [verb, script, *rest]
    if not replicas:
        return [command]
    return [command, ["WAIT", replicas, max(1, int(min(_CONFIRMED, left(until) * 0.8) * 1000))]]


def _facts(info: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in info.decode("utf-8", "replace").splitlines())
    return {name: value.strip() for name, _, value in lines}


def _explained(error: StoreError) -> StoreError:
    if error.code != "TORN":
        return error
    text = "part of the conversation was evicted, because the server was full: erase it, and set noeviction"
    return StoreError(f"{text} ({error.message})", code="TORN")


def mark() -> str:
    """Text that nobody else has."""
    return token_hex(8)
