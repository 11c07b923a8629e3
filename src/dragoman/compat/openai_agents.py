"""
The `Session` of `openai-agents`, kept in a store of ours.

    session = Session("ticket-42", "postgresql:///talks")
    await Runner.run(agent, "Hello", session=session)

Each item is a node of the conversation: a message of ours, with what only the item says beside it.  So
`Client.conversation` opens the same conversation, under any provider, and `get_items` gives back every item as it was.

Rule: nothing of openai-agents is imported; its protocol has four methods.

Source: openai-agents 0.24, `memory/session.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

import msgspec

from dragoman.compat.keeping import TRIES, Branch, branch_of
from dragoman.compat.likeness import difference, restored
from dragoman.conversation.model import MAIN
from dragoman.conversation.nodes import ROOT, Kept, Node
from dragoman.conversation.store import Store
from dragoman.conversation.transcripts.wires import item_of, messages_of
from dragoman.conversation.view import node_of
from dragoman.errors import ConfigError
from dragoman.types.jsonable import check_json
from dragoman.types.messages import Message

_NAME: Final = "openai-agents"

Item = dict[str, Any]


class Session:
    """
    What an agent remembers.

    Attributes:
        session_id: Name of the conversation.
        session_settings: Of openai-agents; its `limit` is how many items `get_items` gives by default.
    """

    session_settings: Any = None

    def __init__(
        self,
        session_id: str,
        store: str | Store,
        *,
        tenant: str = "default",
        user: str = "",
        branch: str = MAIN,
        session_settings: Any = None,
    ) -> None:
        """
        Args:
            session_id: Name of the conversation, yours.
            store: Its URL (`sqlite:///talk.db`, `postgresql://...`, `redis://...`), or a store that is shared.
            tenant: Whose it is.
            user: And which user's.
            branch: The branch to go on with.
            session_settings: `SessionSettings` of openai-agents.

        Raises:
            ConfigError: There is no such store, or a name is empty.
        """
        self.session_id = session_id
        self.session_settings = session_settings
        self._branch = Branch(store, branch_of(session_id, tenant, user, branch))

    async def get_items(self, limit: int | None = None) -> list[Any]:
        """
        All items, or the last `limit`, oldest first.

        Raises:
            StoreError: The store failed.
        """
        if limit is None:
            limit = getattr(self.session_settings, "limit", None)
        if limit is not None and limit <= 0:
            return []
        path = await self._branch.path()
        said = [kept for kept in path.nodes if _is_item(kept)]
        return [item_in(kept) for kept in (said if limit is None else said[-limit:])]

    async def add_items(self, items: Sequence[Any]) -> None:
        """
        Add items to the end: all or none, behind those that others add at the same time.

        Raises:
            ConfigError: Something is no item; `.field` says which.
            BusyError: A turn runs on the branch, and does not end.
            StoreError: The store failed.
        """
        nodes = [node_of_item(item, f"items[{i}]") for i, item in enumerate(items)]
        if nodes:
            await self._branch.add(nodes)

    async def pop_item(self) -> Any | None:
        """
        Take the last item out, and return it; None if there is none.  It stays in the tree.

        Raises:
            BusyError: A turn runs on the branch, and does not end.
            StoreError: The store failed.
        """
        for again in range(TRIES):
            path = await self._branch.path()
            at = next((i for i in reversed(range(len(path.nodes))) if _is_item(path.nodes[i])), None)
            if at is None:
                return None
            parent = path.nodes[at - 1].place if at else ROOT
            if await self._branch.put(path, parent, ()) is not None:
                return item_in(path.nodes[at])
            await self._branch.pause(again)
        raise self._branch.busy()

    async def clear_session(self) -> None:
        """Delete the conversation, with all its branches."""
        await self._branch.erase()

    async def aclose(self) -> None:
        """Close the store."""
        await self._branch.aclose()


def _is_item(kept: Kept) -> bool:
    return kept.kind in ("message", "system")


def node_of_item(item: Any, field: str) -> Node:
    """
    The node of an item.

    Raises:
        ConfigError: It is none; `.field` says so.
    """
    dump = getattr(item, "model_dump", None)
    given = dump(mode="json", exclude_unset=True) if callable(dump) else item
    if not isinstance(given, dict):
        raise ConfigError(f"{field} is {type(item).__name__}: give an item of the Responses API", field=field)
    told = cast("Item", given)
    check_json(told, field)
    messages = messages_of([told], field)
    message = messages[0] if len(messages) == 1 else Message("assistant")
    rest = difference(told, item_of(message))
    if rest is not None:
        message = msgspec.structs.replace(message, native={**(message.native or {}), _NAME: rest})
    return node_of(message)


def item_in(kept: Kept) -> Item:
    """The item of a node."""
    message = kept.value
    assert isinstance(message, Message)  # `_is_item` looked at its kind
    native = dict(message.native or {})
    rest = native.pop(_NAME, None)
    if rest is not None:
        message = msgspec.structs.replace(message, native=native or None)
    found: Item = restored(item_of(message), rest)
    return found
