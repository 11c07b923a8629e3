"""
How a turn waits in line until it may begin.

    ask the store -> busy? -> wait a little -> ask again, with the place in the line

Rule: whoever stops waiting leaves nothing behind.  Nobody asks whose answer would come too late, and who is cancelled
gives back what the store may have given meanwhile.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from dragoman.conversation.bough import Bough
from dragoman.conversation.calls import Call
from dragoman.conversation.model import Ask, Began, Busy, Done, Go, Locked, Mark, Ref
from dragoman.conversation.nodes import ROOT
from dragoman.conversation.turns import Held
from dragoman.errors import BusyError, ConfigError, StoreError
from dragoman.verbs.conversations.capability import OnBusy

if TYPE_CHECKING:
    import asyncio

# Seconds between two questions whether it is our turn: the first, and the longest.
_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.05
# How often a store that fails is asked to begin a turn, for how many seconds, and seconds between two tries.
_TRIES: Final = 4
_PATIENCE: Final = 10.0
_PAUSE: Final = 0.1


class Line:
    """The line before a branch."""

    def __init__(self, bough: Bough, on_busy: OnBusy) -> None:
        """
        Args:
            bough: The branch.
            on_busy: What a turn does while another runs.
        """
        self._bough = bough
        self._store = bough.store
        self._runtime = bough.runtime
        self._on_busy: OnBusy = on_busy

    async def granted(self, ask: Ask, until: float | None, call: Call) -> Go | Done:
        """Begin the turn when it may."""
        ref, started = self._bough.ref, self._runtime.now()
        before: Busy | None = None
        while True:
            sent = self._runtime.now()
            got = await self._in_time(ref, ask, until, before)
            if not isinstance(got, Busy):
                return got
            if self._on_busy == "fork" and got.key != call.key and ref == self._bough.ref:
                ref = await self._beside(call, until)
                continue
            now = self._runtime.now()
            pause = min(max((now - started) / 20, _FIRST_PAUSE), _LONGEST_PAUSE)
            # Nobody is asked whose answer would come too late: the turn might have begun, and nobody would know.
            if self._on_busy == "reject" or (until is not None and now + pause + 2 * (now - sent) >= until):
                raise self._busy(got)
            await self._runtime.sleep(pause)
            before, ask = got, msgspec.structs.replace(ask, ticket=got.ticket)

    async def _in_time(self, ref: Ref, ask: Ask, until: float | None, before: Busy | None) -> Go | Busy | Done:
        """Ask the store once.  Who has waited, and whose time ends while the store is asked, has waited in vain."""
        try:
            return await self._try(ref, ask, until)
        except StoreError as error:
            if before is None or until is None or self._runtime.now() + _LONGEST_PAUSE < until:
                raise
            raise self._busy(before) from error

    async def _try(self, ref: Ref, ask: Ask, until: float | None) -> Go | Busy | Done:
        """Ask the store once.  Whoever is cancelled meanwhile gives back what it may have been given."""
        beginning = self._opened(ref, ask, until)
        if not self._runtime.suspends:
            return await beginning
        import asyncio  # only the asyncio face pays for it

        task = asyncio.ensure_future(beginning)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(partial(self._give_back, ask))
            raise

    async def _opened(self, ref: Ref, ask: Ask, until: float | None) -> Go | Busy | Done:
        got = await self._asked(ref, ask, until)
        if isinstance(got, Locked):
            raise self._bough.locked()
        return got

    async def _asked(self, ref: Ref, ask: Ask, until: float | None) -> Began:
        """Ask a store, which may fail a few times.  If it may have begun the turn, nobody knows by which fence."""
        started = self._runtime.now()
        for again in range(1, _TRIES):
            try:
                return await self._store.begin(self._runtime, ref, ask, until)
            except StoreError as error:
                ask = msgspec.structs.replace(ask, retake=ask.retake or error.outcome_unknown)
                now, pause = self._runtime.now(), _PAUSE * again
                end = started + _PATIENCE if until is None else min(until, started + _PATIENCE)
                if not (error.outcome_unknown or error.retryable) or now + pause >= end:
                    raise
            await self._runtime.sleep(pause)
        return await self._store.begin(self._runtime, ref, ask, until)

    def _give_back(self, ask: Ask, task: asyncio.Task[Go | Busy | Done]) -> None:
        if not task.cancelled() and task.exception() is None and isinstance(go := task.result(), Go):
            Held(self._store, self._runtime, Mark(go.ref, ask.key, go.fence), ask.ttl).left()

    async def _beside(self, call: Call, until: float | None) -> Ref:
        """A branch for a turn that does not wait; if it is there, the turn began on it before."""
        if not call.named:
            raise ConfigError("on_busy='fork' needs a turn_id: the new branch is called as the turn", field="turn_id")
        path = await self._store.read(self._runtime, self._bough.ref, None, until)
        await self._store.fork(self._runtime, self._bough.ref, call.key, path.leaf if path else ROOT, until)
        return self._bough.ref._replace(branch=call.key)

    def _busy(self, busy: Busy) -> BusyError:
        who = f"the turn {busy.key!r} runs" if busy.key else "other turns wait"
        return BusyError(
            f"{who} in the conversation {self._bough.ref.conversation!r}",
            retryable=True,
            retry_after=round(busy.seconds, 3) or None,
        )
