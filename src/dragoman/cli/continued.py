"""
`dragoman ask -c` and `--cid`: a question that is a turn of a conversation.

The conversation is in the store of `dragoman conv` and `dragoman chat`, and any of them goes on with it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from secrets import token_hex

from dragoman.cli.conv.place import Place, usual_store
from dragoman.cli.last import Last, last, remember
from dragoman.cli.output import talk as tell
from dragoman.cli.words import t
from dragoman.client import Client
from dragoman.stream import Stream
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest, Settings
from dragoman.types.responses import ChatResponse
from dragoman.verbs.conversations.blocking import Conversation


class Continued:
    """
    Asks as a client does, and keeps question and answer as a turn.

    Args:
        talk: The conversation.
    """

    def __init__(self, talk: Conversation) -> None:
        self._talk = talk

    def send(self, request: ChatRequest) -> ChatResponse:
        """Ask for a whole answer."""
        return self._talk.say(_said(request))

    def open(self, request: ChatRequest) -> Stream:
        """Ask for a stream."""
        return self._talk.stream(_said(request))


def _said(request: ChatRequest) -> list[Message]:
    """What is said in this turn: the instructions are the conversation's."""
    return [message for message in request.messages if message.role != "system"]


def new_name() -> str:
    """A name for a conversation that nobody named; it sorts by time."""
    return f"chat-{time.strftime('%Y%m%d-%H%M%S')}-{token_hex(2)}"


def usual_place() -> Place:
    """Where the conversations of this user are."""
    return Place(
        store=usual_store(os.environ),
        tenant=os.environ.get("DRAGOMAN_TENANT") or "default",
        owner=os.environ.get("DRAGOMAN_OWNER"),
        keys=tuple(os.environ.get("DRAGOMAN_ENCRYPTION", "").split()),
    )


@contextmanager
def continued(
    client: Client, model: str, *, name: str | None, system: str | None, settings: Settings
) -> Generator[Continued]:
    """
    The conversation that the question belongs to.

    Args:
        client: Who asks.
        model: Whom.
        name: Of the conversation; None for the last one of the command line.
        system: Instructions from this turn on; None for those that it has.
        settings: Of this turn.
    """
    place = usual_place()
    had = Last(name, "main") if name else last(place, os.environ)
    if had is None:
        had = Last(new_name(), "main")
        tell(t("conv.begins", name=had.name))
    with place.opened() as store:
        talk = client.conversation(
            had.name,
            model=model,
            store=store,
            system=system,
            tenant=place.tenant,
            owner=place.owner or "",
            branch=had.branch,
            settings=settings,
        )
        remember(place, had, os.environ)
        yield Continued(talk)
