"""A desk against a scripted provider, on either face, and what its tests say to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from dragoman import AsyncClient, Client
from dragoman.kits import SupportReply
from dragoman.kits.support.checks import Source
from dragoman.kits.support.faces import AsyncSupport, Support
from dragoman.kits.support.kit import Fixed
from dragoman.testing import Server, Step, says


class InOrder(Fixed):
    """Passages that are found in the order in which they stand, whatever is asked."""

    def search(self, query: str, k: int, /) -> list[Source]:
        """The first `k`."""
        return sorted(super().search(query, 99), key=lambda one: ORDER.index(one.source))[:k]


ORDER = ("returns.md", "shipping.md", "support.md")
SHOP = InOrder(
    {
        "returns.md": "Returns are free within 30 days of delivery. Write to returns@acme.example.",
        "shipping.md": "Standard shipping costs 4.90 € and takes 3 working days. Track it on https://acme.example/track.",
        "support.md": "We answer from 9:00 to 17:00. Our telephone is +49 30 5550100.",
    }
)


def draft(text: str, *quotes: tuple[int, str], **more: Any) -> Step:
    """What a model answers."""
    citations = [{"passage": number, "quote": quote} for number, quote in quotes]
    value = {"text": text, "citations": citations, "answered": True, "escalate": None, "summary": "", **more}
    return says(json.dumps(value, ensure_ascii=False))


def rows(server: Server) -> dict[str, Any]:
    """The provider that a scripted server is."""
    return {"fake": {"base_url": server.base_url("openai-chat"), "api_key": "fake-key-0001"}}


class Both:
    """One desk on one of the faces, with the same verbs for a test."""

    def __init__(self, face: str, server: Server, **options: Any) -> None:
        self.face = face
        self._options = {"model": "fake/m", "knowledge": SHOP, **options}
        self._rows = rows(server)
        if face == "blocking":
            self._client: Any = Client(providers=self._rows, retry=None)
            self.support: Any = Support(client=self._client, **self._options)
        else:
            self._loop = asyncio.new_event_loop()
            self._client = AsyncClient(providers=self._rows, retry=None)
            self.support = AsyncSupport(client=self._client, **self._options)
        self._sessions: dict[str, Any] = {}

    def session(self, ticket: str, names: Iterable[str] = ()) -> Any:
        """The session of a ticket, opened once."""
        if ticket not in self._sessions:
            self._sessions[ticket] = self.support.open(ticket, names=tuple(names))
        return self._sessions[ticket]

    def reply(self, text: str, message_id: str | None = None, ticket: str = "t1") -> SupportReply:
        """Say something."""
        return self._done(self.session(ticket).reply(text, message_id))

    def transcript(self, ticket: str = "t1") -> list[str]:
        """What was said, in the clear."""
        return [message.text for message in self._done(self.session(ticket).transcript())]

    def kept(self, ticket: str = "t1") -> list[str]:
        """What was said, as it is kept."""
        session = self.session(ticket)
        history = session.history if self.face == "blocking" else self._done(session.history())
        return [message.text for message in history]

    def simulate(self, scenario: Any) -> Any:
        """Play a scenario."""
        return self._done(self.support.simulate(scenario))

    def erase(self, ticket: str = "t1") -> tuple[int, int]:
        """Delete a ticket."""
        return self._done(self.session(ticket).erase())

    def close(self) -> None:
        """Close the client."""
        if self.face == "blocking":
            self._client.close()
        else:
            self._loop.run_until_complete(self._client.aclose())
            self._loop.close()

    def _done(self, given: Any) -> Any:
        return given if self.face == "blocking" else self._loop.run_until_complete(given)
