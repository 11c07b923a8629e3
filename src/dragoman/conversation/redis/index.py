"""
The list of names: which conversations a tenant has.

A list lies in one slot and its conversations lie in others, so no script sees both.  In this order they agree anyway:

- Who makes a conversation reads its mark, puts the name on the list (which gives the entry a new time), and makes it if
  the mark is still the same.
- Who takes a name off reads the entry's time, then finds (or makes) the conversation gone, which changes the mark, and
  takes the entry off if its time is still the same.

So the list holds every name of a conversation, and some of conversations that are gone; those go when a scan or a sweep
comes by.  Marks and times are forgotten after ten minutes, which is longer than anybody takes for two of these steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from dragoman.conversation.model import Listed, Ref
from dragoman.conversation.redis.keys import Keys, member_of, parse_member
from dragoman.conversation.redis.names import ENLIST, PAGE, UNLIST
from dragoman.conversation.redis.scripts import LOOK
from dragoman.conversation.redis.servers import Servers, mark
from dragoman.runtime import Runtime


class Entry(NamedTuple):
    """A name on the list, and when it was put there, if that was lately."""

    member: bytes
    time: bytes


class _Place(msgspec.Struct, array_like=True):
    """How far the last sweep came."""

    tenant: bytes = b""
    member: bytes = b""


class Index:
    """The lists of all tenants under one prefix."""

    def __init__(self, servers: Servers, keys: Keys) -> None:
        self._servers = servers
        self._keys = keys

    async def enlist(self, runtime: Runtime, ref: Ref, until: float) -> None:
        """Put a name on the list."""
        await self._servers.command(runtime, "ZADD", self._keys.tenants, 0, ref.tenant, until=until)
        member = member_of(ref.user, ref.conversation)
        await self._servers.run(runtime, ENLIST, self._keys.index(ref.tenant), [member], until, confirm=True)

    async def seen(self, runtime: Runtime, ref: Ref, until: float) -> Entry:
        """The entry of a conversation, as it is now."""
        member = member_of(ref.user, ref.conversation)
        _, fresh = self._keys.index(ref.tenant)
        return Entry(member, await self._servers.command(runtime, "ZSCORE", fresh, member, until=until) or b"")

    async def unlist(self, runtime: Runtime, tenant: str, entries: Sequence[Entry], until: float) -> int:
        """Take entries off that are as they were seen; how many were."""
        if not entries:
            return 0
        args = [part for entry in entries for part in entry]
        count: int = await self._servers.run(runtime, UNLIST, self._keys.index(tenant), args, until)
        return count

    async def scan(
        self, runtime: Runtime, tenant: str, user: str | None, after: tuple[str, str], limit: int, until: float
    ) -> list[Listed]:
        """See `Store.scan`."""
        first, end = b"(" + member_of(*after), b"+"
        if user is not None:
            whole = member_of(user, "")
            first, end = max(first, b"(" + whole), b"(" + whole[:-1] + b"\1"
        found: list[Listed] = []
        while len(found) < limit:
            wanted = limit - len(found)
            page = await self._page(runtime, tenant, first, end, wanted, until)
            there, gone = await self._looked(runtime, tenant, page, until)
            await self.unlist(runtime, tenant, gone, until)
            found += there
            if len(page) < wanted:
                break
            first = b"(" + page[-1].member
        return found

    async def sweep(self, runtime: Runtime, limit: int, until: float) -> int:
        """
        Look at most at `limit` names, from where the last sweep came to; how many were taken off.

        It begins again at the first tenant when it was through.
        """
        place = await self._swept(runtime, until)
        looked = count = 0
        while looked < limit:
            tenant = await self._tenant(runtime, place, until)
            if tenant is None:
                place = _Place()
                break
            first = b"(" + place.member if tenant == place.tenant and place.member else b"-"
            page = await self._page(runtime, tenant.decode(), first, b"+", limit - looked, until)
            _, gone = await self._looked(runtime, tenant.decode(), page, until)
            count += await self.unlist(runtime, tenant.decode(), gone, until)
            looked += len(page)
            full = looked >= limit
            place = _Place(tenant, page[-1].member) if full and page else _Place(tenant + b"\0")
        await self._servers.command(runtime, "SET", self._keys.swept, msgspec.msgpack.encode(place), until=until)
        return count

    async def _swept(self, runtime: Runtime, until: float) -> _Place:
        kept = await self._servers.command(runtime, "GET", self._keys.swept, until=until)
        return msgspec.msgpack.decode(kept, type=_Place) if kept else _Place()

    async def _tenant(self, runtime: Runtime, place: _Place, until: float) -> bytes | None:
        """The tenant at a place, or the next."""
        first = b"[" + place.tenant if place.tenant else b"-"
        names = await self._servers.command(
            runtime, "ZRANGEBYLEX", self._keys.tenants, first, "+", "LIMIT", 0, 1, until=until
        )
        found: bytes | None = names[0] if names else None
        return found

    async def _page(
        self, runtime: Runtime, tenant: str, first: bytes, end: bytes, limit: int, until: float
    ) -> list[Entry]:
        rows = await self._servers.run(runtime, PAGE, self._keys.index(tenant), [first, end, limit], until)
        return [Entry(*row) for row in rows]

    async def _looked(
        self, runtime: Runtime, tenant: str, page: Sequence[Entry], until: float
    ) -> tuple[list[Listed], list[Entry]]:
        """Which of the names are there, and which are gone."""
        refs = [Ref(tenant, name, user=user) for user, name in (parse_member(entry.member) for entry in page)]
        answers = await self._servers.each(runtime, LOOK, [(self._keys.of(ref), [mark()]) for ref in refs], until)
        there = [_listed(ref, answer) for ref, answer in zip(refs, answers, strict=True) if answer is not None]
        return there, [entry for entry, answer in zip(page, answers, strict=True) if answer is None]


def _listed(ref: Ref, answer: Sequence[bytes]) -> Listed:
    made, changed, expires, turns = (int(part) for part in answer)
    return Listed(
        tenant=ref.tenant,
        user=ref.user,
        name=ref.conversation,
        made=made / 1e6,
        changed=changed / 1e6,
        expires=expires / 1e6 if expires else None,
        turns=turns,
    )
