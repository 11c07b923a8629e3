"""The one timer of a loop: whoever waits too long is told, and nobody else."""

from __future__ import annotations

import asyncio
import time

import pytest

from dragoman.transport.aio import AsyncTransport
from dragoman.transport.base import Clockout
from dragoman.transport.deadlines import Deadlines
from dragoman.types.http import HttpRequest


class Waiting:
    """Something that waits, and notes when it was told."""

    def __init__(self, until: float | None) -> None:
        self.until = until
        self.told: list[float] = []

    def run_out(self) -> None:
        self.told.append(time.monotonic())
        self.until = None


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that takes everything and answers nothing."""
    while await reader.read(1024):
        pass
    writer.close()


def deadlines() -> Deadlines:
    loop = asyncio.get_running_loop()
    return Deadlines(loop, loop.time() - time.monotonic())


def test_each_is_told_at_its_own_time():
    """Deadlines that are given in any order are kept in theirs, each once, and none too early."""

    async def main() -> None:
        shared, now = deadlines(), time.monotonic()
        waits = [Waiting(now + after) for after in (0.06, 0.02, 0.04)]
        ends = [wait.until for wait in waits]
        for wait in waits:
            shared.hold(wait)
        await asyncio.sleep(0.2)
        assert [1, 1, 1] == [len(wait.told) for wait in waits]
        assert all(wait.told[0] >= end - 0.002 for wait, end in zip(waits, ends, strict=True))

    asyncio.run(main())


def test_who_is_done_is_not_told():
    """One that was dropped, one that does not wait any more, and one without a deadline hear nothing."""

    async def main() -> None:
        shared, now = deadlines(), time.monotonic()
        dropped, done, endless, last = Waiting(now + 0.01), Waiting(now + 0.01), Waiting(None), Waiting(now + 0.03)
        for wait in (dropped, done, endless, last):
            shared.hold(wait)
        shared.drop(dropped)
        done.until = None
        await asyncio.sleep(0.15)
        assert [0, 0, 0, 1] == [len(wait.told) for wait in (dropped, done, endless, last)]

    asyncio.run(main())


def test_a_deadline_that_moves_is_kept_where_it_is():
    """A later deadline holds from then on without a word; a sooner one when it is held again."""

    async def main() -> None:
        shared, now = deadlines(), time.monotonic()
        later, sooner = Waiting(now + 0.02), Waiting(now + 30)
        shared.hold(later)
        shared.hold(sooner)
        later.until = now + 0.1
        sooner.until = now + 0.04
        shared.hold(sooner)
        await asyncio.sleep(0.07)
        assert ([], 1) == (later.told, len(sooner.told))
        await asyncio.sleep(0.15)
        assert later.told[0] >= now + 0.098

    asyncio.run(main())


def test_ten_thousand_deadlines_are_no_work_for_themselves():
    """A storm of waits that end one after another is told in one go after the other, in time."""

    async def main() -> None:
        shared, now = deadlines(), time.monotonic()
        waits = [Waiting(now + 0.05 + i * 1e-5) for i in range(10_000)]
        for wait in waits:
            shared.hold(wait)
        spent = time.process_time()
        await asyncio.sleep(0.5)
        assert {1} == {len(wait.told) for wait in waits}
        assert time.process_time() - spent < 0.4

    asyncio.run(main())


def test_a_cancel_from_outside_is_not_taken_for_a_deadline():
    """A task that is cancelled while it opens ends as cancelled, and its cancel can be caught as ever."""

    async def main() -> None:
        server = await asyncio.start_server(_silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport = AsyncTransport()
        request = HttpRequest(url=f"http://127.0.0.1:{port}/", headers={}, body=b"{}")
        opening = asyncio.create_task(transport.open(request, connect_until=None, until=time.monotonic() + 30))
        await asyncio.sleep(0.05)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await transport.open(request, connect_until=None, until=time.monotonic() + 30)
        with pytest.raises(Clockout):
            await transport.open(request, connect_until=None, until=time.monotonic() + 0.05)
        assert 0 == asyncio.current_task().cancelling()
        await transport.aclose()
        await asyncio.sleep(0.05)
        server.close()

    asyncio.run(main())
