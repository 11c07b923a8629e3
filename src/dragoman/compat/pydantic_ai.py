"""
The conversation store of pydantic-ai's harness, on a store of ours.

    store = ConversationStore("postgresql:///talks")
    saved = await store.get(conversation_id="42")
    summary = await store.save(summary=saved.summary, messages=result.all_messages())

It has the methods of `pydantic_ai_harness.step_persistence.conversations.SqliteConversationStore`, for processes of any
number of hosts.  A save writes what is new, not the whole history.  The messages are the branch `main`, as messages of
ours with what only theirs say beside them, so `Client.conversation` opens the same conversation; the summary is on a
branch of its own, so that a new title does not touch the messages.

Rule: `revision` is the version of `main`.  A save that follows another revision is a `ConversationConflict`.

Source: pydantic-ai-harness 0.62, `step_persistence/conversations.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import msgspec

from dragoman.compat.keeping import TRIES, Branch, branch_of
from dragoman.compat.likeness import difference, restored
from dragoman.conversation.model import Path
from dragoman.conversation.nodes import ROOT, Kept, Node, Place
from dragoman.conversation.store import Store, open_store
from dragoman.conversation.transcripts.pydantic_ai import FORM, read_message, written_messages
from dragoman.conversation.view import node_of
from dragoman.errors import ConfigError
from dragoman.runtime import AsyncRuntime
from dragoman.types.messages import Message

_SUMMARY: Final = "summary"
# Fields of a summary that naming changes, and a save keeps.
_NAMING: Final = ("title", "subtitle", "tags", "title_source", "naming_version", "named_revision", "naming_tokens")
_PAGE: Final = 200


class ConversationStore:
    """Conversations of pydantic-ai agents."""

    def __init__(self, store: str | Store, *, tenant: str = "default", user: str = "") -> None:
        """
        Args:
            store: Its URL (`sqlite:///talk.db`, `postgresql://...`, `redis://...`), or a store that is shared.
            tenant: Whose conversations.
            user: And which user's.

        Raises:
            ConfigError: There is no such store, or pydantic-ai's harness is not installed.
        """
        self._store = open_store(store) if isinstance(store, str) else store
        self._tenant = tenant
        self._user = user
        self._runtime = AsyncRuntime()
        self._theirs = _harness()

    async def save(self, *, summary: Any, messages: Sequence[Any]) -> Any:
        """
        Keep the messages of a conversation, if its revision is that of the summary.

        Returns:
            The summary with its new revision.

        Raises:
            ConversationConflict: Another writer was first, or deleted it.
            StoreError: The store failed.
        """
        branch = self._branch(summary.id)
        path = await branch.path()
        if path.version != summary.revision:
            raise self._theirs.ConversationConflict(
                "Session changed in another process. Resume it again before continuing."
                if path.version
                else "Session was deleted. Start a new session before saving."
            )
        raw: list[Any] = _adapter().dump_python(list(messages), mode="json")
        parent, same = _shared(path, raw)
        nodes = [node for message in raw[same:] for node in _nodes(message)]
        if await branch.put(path, parent, nodes) is None:
            raise self._theirs.ConversationConflict("Session changed in another process. Resume it again.")
        now = await branch.path()
        tokens = sum(_tokens(message) for message in messages)
        updated = replace(
            summary,
            revision=now.version,
            updated_at=datetime.now(UTC),
            message_count=len(messages),
            total_tokens=tokens,
        )
        return await self._summarised(summary.id, partial(_saved, updated))

    async def get(self, *, conversation_id: str) -> Any:
        """
        Load a conversation: its summary and its messages.

        Raises:
            LookupError: There is none of that id.
            StoreError: The store failed.
        """
        path = await self._branch(conversation_id).path()
        summary = await self._summary(conversation_id)
        if summary is None or not path.version:
            raise LookupError(f"No saved session: {conversation_id}")
        raw = [message for _, message in _messages(path.nodes)]
        messages = _adapter().validate_python(raw)
        # A process that died between its two writes left an older summary.
        summary = replace(summary, revision=path.version, message_count=len(messages))
        return self._theirs.SavedConversation(summary=summary, messages=messages)

    async def listing(
        self, *, query: str = "", limit: int = 200, offset: int = 0, archived: bool | None = None
    ) -> list[Any]:
        """
        Summaries, the last changed first.  Reads every summary of the tenant, and with `query` every conversation.

        Args:
            query: Words that the summary or the conversation must have, whatever their case.
            limit: How many, 1 or more.
            offset: How many to pass over.
            archived: Only those that are, or are not; None for all.
        """
        if limit < 1 or offset < 0:
            raise ValueError("limit must be positive and offset nonnegative")
        found = [
            summary
            async for summary in self._summaries()
            if archived in (None, summary.archived_at is not None) and (not query or await self._has(summary, query))
        ]
        found.sort(key=lambda summary: summary.id)
        found.sort(key=lambda summary: summary.updated_at, reverse=True)
        return found[offset : offset + limit]

    async def name(
        self,
        *,
        source: Any,
        title: str,
        subtitle: str = "",
        tags: tuple[str, ...] = (),
        manual: bool = False,
        tokens: int = 0,
    ) -> bool:
        """Give a title, unless the conversation changed or the user named it; False then, and if it is gone."""
        named = False

        def change(prior: Any) -> Any:
            nonlocal named
            current = replace(prior, naming_tokens=prior.naming_tokens + tokens)
            fits = (prior.revision, prior.naming_version) == (source.revision, source.naming_version)
            named = fits and (manual or prior.title_source != "user")
            if not named:
                return current
            return replace(
                current,
                title=title,
                subtitle=subtitle,
                tags=tags,
                title_source="user" if manual else "generated",
                naming_version=prior.naming_version + 1,
                named_revision=prior.revision,
            )

        if await self._summary(source.id) is None:
            return False
        await self._summarised(source.id, change)
        return named

    async def set_archived(self, *, conversation_id: str, archived: bool) -> Any:
        """
        Archive a conversation, or bring it back.

        Raises:
            LookupError: There is none of that id.
        """
        if await self._summary(conversation_id) is None:
            raise LookupError(f"No saved session: {conversation_id}")

        def change(prior: Any) -> Any:
            if archived == (prior.archived_at is not None):
                return prior
            return replace(prior, archived_at=datetime.now(UTC) if archived else None)

        return await self._summarised(conversation_id, change)

    async def delete(self, *, source: Any) -> None:
        """
        Delete a conversation that has the revision of `source`.

        Raises:
            ConversationConflict: It changed, or is gone.
        """
        self._theirs.ensure_inactive(source)
        branch = self._branch(source.id)
        path = await branch.path()
        # The version grows, so that whoever saves meanwhile comes too late.
        if not path.version or path.version != source.revision or await branch.put(path, path.leaf, ()) is None:
            raise self._theirs.ConversationConflict("Session changed or was deleted. Refresh the browser.")
        await branch.erase()

    async def aclose(self) -> None:
        """Close the store."""
        await self._store.aclose()

    # --- the summary, on a branch of its own --------------------------------------------------------------------------

    def _branch(self, name: str, branch: str = "main") -> Branch:
        return Branch(self._store, branch_of(name, self._tenant, self._user, branch))

    async def _summary(self, name: str) -> Any | None:
        return self._read((await self._branch(name, _SUMMARY).path()).nodes)

    def _read(self, nodes: Sequence[Kept]) -> Any | None:
        value = nodes[-1].value if nodes else None
        told = value.native.get(_SUMMARY) if isinstance(value, Message) and value.native else None
        return _validated(self._theirs.ConversationSummary, told) if told is not None else None

    async def _summarised(self, name: str, change: Any) -> Any:
        """Change the summary; `change` makes the new one of the present one, which may be None."""
        branch = self._branch(name, _SUMMARY)
        for again in range(TRIES):
            path = await branch.path()
            summary = change(self._read(path.nodes))
            told = _dumped(self._theirs.ConversationSummary, summary)
            if await branch.put(path, ROOT, [node_of(Message("developer", (), native={_SUMMARY: told}))]) is not None:
                return summary
            await branch.pause(again)
        raise branch.busy()

    async def _summaries(self) -> AsyncIterator[Any]:
        after = ("", "")
        while True:
            page = await self._store.scan(self._runtime, self._tenant, user=self._user, after=after, limit=_PAGE)
            for listed in page:
                summary = await self._summary(listed.name)
                if summary is not None:
                    yield summary
            if len(page) < _PAGE:
                return
            after = (page[-1].user, page[-1].name)

    async def _has(self, summary: Any, query: str) -> bool:
        """Whether a conversation has some words."""
        path = await self._branch(summary.id).path()
        texts = [kept.value.text for kept in path.nodes if isinstance(kept.value, Message)]
        told = msgspec.json.encode(_dumped(self._theirs.ConversationSummary, summary)).decode()
        return query.casefold() in "\n".join([*texts, told]).casefold()


def _saved(updated: Any, prior: Any | None) -> Any:
    """A summary after a save: a name that was given meanwhile stays, and it is archived no more."""
    if prior is None:
        return updated
    return replace(updated, archived_at=None, **{name: getattr(prior, name) for name in _NAMING})


# --- messages ---------------------------------------------------------------------------------------------------------


def _nodes(raw: dict[str, Any]) -> list[Node]:
    """One of their messages as ours; the first says how many they are, and what they do not say."""
    plain = {name: value for name, value in raw.items() if name != "instructions"}  # they repeat them in each request
    messages = read_message(plain, "messages") or [Message("user")]
    told = {"nodes": len(messages), "rest": difference(raw, _rendered(messages))}
    first = msgspec.structs.replace(messages[0], native={**(messages[0].native or {}), FORM: told})
    return [node_of(message) for message in (first, *messages[1:])]


def _rendered(messages: Sequence[Message]) -> Any:
    written = written_messages(messages)
    return written[0] if len(written) == 1 else {}


def _messages(nodes: Sequence[Kept]) -> list[tuple[Place, Any]]:
    """Their messages in a path, each with the place of its last node."""
    said = [kept for kept in nodes if kept.kind in ("message", "system")]
    found: list[tuple[Place, Any]] = []
    at = 0
    while at < len(said):
        first = said[at].value
        assert isinstance(first, Message)  # its kind says so
        native = dict(first.native or {})
        told = native.pop(FORM, None)
        count = told["nodes"] if told else 1
        ours = [
            msgspec.structs.replace(first, native=native or None),
            *(kept.value for kept in said[at + 1 : at + count]),
        ]
        rendered = _rendered([message for message in ours if isinstance(message, Message)])
        raw = restored(rendered, told["rest"]) if told else rendered
        at += count
        if raw:
            found.append((said[at - 1].place, raw))
    return found


def _shared(path: Path, raw: Sequence[Any]) -> tuple[Place, int]:
    """Where what is saved and what is to be saved part, and how many messages are the same."""
    place, same = ROOT, 0
    for (at, kept), wanted in zip(_messages(path.nodes), raw, strict=False):
        if difference(wanted, kept) is not None:
            break
        place, same = at, same + 1
    return (path.leaf if same and place == path.leaf else place), same


def _tokens(message: Any) -> int:
    usage = getattr(message, "usage", None)
    return int(usage.total_tokens) if usage is not None else 0


# --- the library ------------------------------------------------------------------------------------------------------


def _harness() -> Any:
    try:
        from pydantic_ai_harness.step_persistence import conversations
    except ImportError as error:
        raise ConfigError("pydantic-ai's harness is missing: pip install pydantic-ai-harness", field="store") from error
    return conversations


def _adapter() -> Any:
    from pydantic_ai.messages import ModelMessagesTypeAdapter  # `_harness` has looked for it

    return ModelMessagesTypeAdapter


def _dumped(kind: Any, value: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind).dump_python(value, mode="json")


def _validated(kind: Any, value: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind).validate_python(value)
