"""
What a chat is about: the conversation, the model, what goes with the next message.

Rule: the store decides.  What was said, and what has no answer, is asked of it each time, because other terminals may
write to the same conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Final

import msgspec

from dragoman.cli.chat.tree import Said, begun, branches, listed, turns
from dragoman.cli.choose import Choice
from dragoman.cli.conv.place import Place
from dragoman.client import Client
from dragoman.conversation.model import Ref
from dragoman.conversation.store import Store
from dragoman.errors import BusyError, ConversationError
from dragoman.types.messages import Message, Part
from dragoman.types.requests import Settings
from dragoman.types.responses import ChatResponse
from dragoman.types.turns import Turn
from dragoman.verbs.conversations.blocking import Conversation
from dragoman.verbs.conversations.capability import OnBusy

_LEASE: Final = 10.0  # seconds after which a terminal that died holds up no other


class Spent(msgspec.Struct):
    """What a session used: turns, tokens, US dollars; `unknown` is how many turns have no known cost."""

    turns: int = 0
    input: int = 0
    output: int = 0
    cost: Decimal = Decimal(0)
    unknown: int = 0

    def add(self, answer: ChatResponse) -> None:
        """Count a turn."""
        self.turns += 1
        self.input += answer.usage.input_tokens or 0
        self.output += answer.usage.output_tokens or 0
        self.cost += answer.cost or 0
        self.unknown += answer.cost is None


class Desk:
    """
    The state of a chat.

    Attributes:
        store: Where conversations are.
        place: Which, and whose.
        name: Of the conversation.
        branch: Of it.
        choice: The model.
        system: Instructions from the next turn on; None for those that there are.
        settings: Of every turn.
        parts: What goes with the next message.
        attached: Their names.
        tools: Functions that the model may call.
        schema: Form of the answers; None for text.
        spent: So far.
    """

    def __init__(
        self,
        place: Place,
        store: Store,
        client_of: Callable[[Choice], Client],
        choice: Choice,
        *,
        name: str,
        branch: str,
        settings: Settings,
    ) -> None:
        """
        Args:
            place: Whose.
            store: Open.
            client_of: Makes the client for a model.
            choice: The model.
            name: Of the conversation.
            branch: Of it.
            settings: Of every turn.
        """
        self.place, self.store = place, store
        self.name, self.branch = name, branch
        self.choice, self.settings = choice, settings
        self.system: str | None = None
        self.parts: list[Part] = []
        self.attached: list[str] = []
        self.tools: Sequence[Callable[..., Any]] = ()
        self.schema: Any = None
        self.spent = Spent()
        self._client_of = client_of
        self._open = ExitStack()
        self._client = self._open.enter_context(client_of(choice))

    def close(self) -> None:
        """Close the clients."""
        self._open.close()

    def ask_another(self, choice: Choice) -> None:
        """Talk to another model from now on."""
        self._client = self._open.enter_context(self._client_of(choice))
        self.choice = choice

    def talk(self, on_busy: OnBusy = "reject") -> Conversation:
        """The conversation, on its branch."""
        return self._client.conversation(
            self.name,
            model=self.choice.model,
            store=self.store,
            system=self.system,
            tenant=self.place.tenant,
            owner=self.place.owner or "",
            branch=self.branch,
            on_busy=on_busy,
            lease=_LEASE,
            settings=self.settings,
        )

    def conversation(self, name: str) -> Conversation:
        """Another conversation of the same owner."""
        return self._client.conversation(
            name, model=self.choice.model, store=self.store, tenant=self.place.tenant, owner=self.place.owner or ""
        )

    @property
    def ref(self) -> Ref:
        """The conversation, for its store."""
        return Ref(self.place.tenant, self.name, self.branch, self.place.owner or "")

    def turns(self) -> list[Said]:
        """What was said on this branch."""
        return turns(self.store, self.ref)

    def branches(self) -> list[str]:
        """The branches that there are."""
        return branches(self.store, self.ref)

    def has(self, name: str) -> bool:
        """Whether there is a conversation of that name."""
        return bool(branches(self.store, self.ref._replace(conversation=name)))

    def running(self) -> bool:
        """Whether a turn runs on this branch, or its process died so little ago that nobody knows."""
        return any(one.name == self.branch and one.running for one in listed(self.store, self.ref))

    def open_turn(self) -> Turn | None:
        """The turn at the end of this branch that has no whole answer, if there is one."""
        mine = [turn for turn in self.talk().interrupted() if turn.branch == self.branch]
        if not mine:
            return None
        said = self.turns()
        return mine[-1] if not said or mine[-1].begun > begun(self.store, self.ref, said[-1].id) else None

    def message(self, text: str) -> Message:
        """The message of a text and what is attached; nothing is attached any more then."""
        from dragoman.types.messages import Text

        parts: tuple[Part, ...] = (*((Text(text),) if text else ()), *self.parts)
        self.parts, self.attached = [], []
        return Message("user", parts)

    def waited(self, ask: Callable[[Conversation], Any], waits: Callable[[], None]) -> Any:
        """Ask, and if another turn runs say so, and ask in line."""
        try:
            return ask(self.talk("reject"))
        except BusyError:
            waits()
            return ask(self.talk("wait"))

    def rewind(self, key: str) -> None:
        """
        Take turns back, until one is out of the history.

        Raises:
            ConversationError: The history has no such turn.
        """
        said = [one.id for one in self.turns()]
        if key not in said:
            raise ConversationError(f"the history of {self.name!r} has no turn {key!r}", field="turn_id")
        for _ in said[said.index(key) :]:
            self.talk().undo()
