"""
The values behind the placeholders of a ticket.

By default they are in memory, for as long as the session lives.  Only who asks for it (`keep_personal=True`) has them
kept, in a conversation of their own beside the ticket's, under the same owner, lifetime and encryption.

Rule: they are never sent to a model: that conversation has no turns, and nothing here asks anybody.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from dragoman.client import AsyncClient, Client
from dragoman.errors import BusyError
from dragoman.kits.support.answering import Answering
from dragoman.verbs.conversations.aio import AsyncConversation

_SUFFIX: Final = "#personal"
# Two processes of one ticket may both have something to keep.
_TRIES: Final = 5


class Vault:
    """
    Args:
        client: Whose stores.
        ticket: Name of the conversation.
        talk: How the ticket's conversation is kept.
        kept: Whether the values are, too.
    """

    def __init__(self, client: Client | AsyncClient, ticket: str, talk: dict[str, Any], *, kept: bool) -> None:
        self._values: dict[str, str] = {}
        self._talk: AsyncConversation | None = None
        self._read = False
        if kept:
            talk = {**talk, "window": None}
            self._talk = Answering(client).conversation(f"{ticket}{_SUFFIX}", model="sim/echo", **talk)

    def __repr__(self) -> str:
        return f"<Vault of {len(self._values)} values>"

    async def add(self, values: dict[str, str]) -> dict[str, str]:
        """Add values, and return all that are known."""
        if self._talk is not None and not self._read:
            for message in await self._talk.history():
                self._values |= msgspec.json.decode(message.text, type=dict[str, str])
            self._read = True
        new = {name: value for name, value in values.items() if name not in self._values}
        if new and self._talk is not None:
            text = msgspec.json.encode(new).decode()
            await self._keep(self._talk, text)
        self._values |= new
        return dict(self._values)

    async def _keep(self, talk: AsyncConversation, text: str) -> None:
        for left in reversed(range(_TRIES)):
            try:
                await talk.import_([{"role": "user", "content": text}], "openai")
            except BusyError:
                if not left:
                    raise
            else:
                return

    async def erase(self) -> None:
        """Forget them, also where they are kept."""
        self._values.clear()
        if self._talk is not None:
            await self._talk.erase()
