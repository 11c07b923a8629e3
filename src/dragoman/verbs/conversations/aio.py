"""
A conversation on the async face.

Rule: here stand signatures and words, and nothing else; what is done is a coroutine that both faces share.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Unpack

from dragoman.stream import AsyncStream
from dragoman.types.messages import Message
from dragoman.types.requests import Settings, SettingsDict
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import RunDict, RunResponse
from dragoman.types.turns import Turn
from dragoman.types.windows import Explanation
from dragoman.verbs.conversations.capability import Form, Given, Named, Resume, Source

if TYPE_CHECKING:
    from dragoman.client import Messages
    from dragoman.policy.route.plans import Plan


class AsyncConversation(Named):
    """A conversation on the async face.  Made by `AsyncClient.conversation`; as `Conversation`."""

    async def say(
        self,
        said: Messages,
        turn_id: str | None = None,
        *,
        model: str | Plan | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> ChatResponse:
        """Say something, and return the whole answer.  As `Conversation.say`."""
        return await self._talk.say(self._talk.call(said, turn_id, model, settings, keywords))

    def stream(
        self,
        said: Messages,
        turn_id: str | None = None,
        *,
        edits: str | None = None,
        model: str | Plan | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> AsyncStream:
        """Return a stream of the answer; the turn begins when it is first read.  As `Conversation.stream`."""
        call = self._talk.call(said, turn_id, model, settings, keywords, edits=edits)
        return AsyncStream(partial(self._talk.open, call), call.output)

    async def run(
        self,
        said: Messages,
        turn_id: str | None = None,
        *,
        model: str | Plan | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[RunDict],
    ) -> RunResponse:
        """Say something, run the tools that the model calls, and keep the exchange.  As `Conversation.run`."""
        return await self._talk.run(self._talk.call(said, turn_id, model, settings, keywords, runs=True))

    async def parse(
        self,
        said: Messages,
        turn_id: str | None = None,
        *,
        attempts: int | None = None,
        model: str | Plan | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> ChatResponse:
        """Say something, and have it answered by a value of a type.  As `Conversation.parse`."""
        return await self._talk.parse(self._talk.call(said, turn_id, model, settings, keywords), attempts)

    async def edit(
        self,
        edits: str,
        said: Messages,
        turn_id: str | None = None,
        *,
        model: str | Plan | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> ChatResponse:
        """Say something else instead of an earlier turn.  As `Conversation.edit`."""
        return await self._talk.say(self._talk.call(said, turn_id, model, settings, keywords, edits=edits or ""))

    async def history(self) -> list[Message]:
        """All that was said on this branch.  As `Conversation.history`."""
        return await self._talk.history()

    async def view(self) -> list[Message]:
        """What of the history the next turn will send.  As `Conversation.view`."""
        return await self._talk.view()

    async def explain(self, said: Messages | None = None, *, model: str | Plan | None = None) -> Explanation:
        """Say what the next turn will send, and why.  As `Conversation.explain`."""
        return await self._talk.explain(said, model)

    async def pin(self, turn_id: str) -> None:
        """Have a turn sent always.  As `Conversation.pin`."""
        await self._talk.pin(turn_id, True)

    async def unpin(self, turn_id: str) -> None:
        """Let windows leave a turn out again.  As `Conversation.unpin`."""
        await self._talk.pin(turn_id, False)

    async def settle(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - the same on both faces
        """Wait for a summary that is being written.  As `Conversation.settle`."""
        return await self._talk.settle(timeout)

    async def turn(self, turn_id: str) -> Turn | None:
        """Look a turn up; None if there is none of that id."""
        return await self._talk.turn(turn_id)

    async def interrupted(self) -> list[Turn]:
        """The turns that have no answer, the oldest first.  As `Conversation.interrupted`."""
        return await self._talk.interrupted()

    async def resume(self, turn_id: str | None = None, *, how: Resume = "again") -> ChatResponse:
        """Have a turn answered that has no whole answer.  As `Conversation.resume`."""
        return await self._talk.resume(turn_id, how)

    def watch(self, turn_id: str | None = None, *, timeout: float | None = None) -> AsyncStream:
        """Read the answer of a turn that another asks, while it comes; not awaited.  As `Conversation.watch`."""
        return AsyncStream(partial(self._talk.watch, turn_id, timeout))

    async def undo(self) -> None:
        """Take the last turn out of the history.  As `Conversation.undo`."""
        await self._talk.undo()

    async def fork(self, name: str | None = None, *, at: str | None = None) -> AsyncConversation:
        """Make another branch, which shares all that was said.  As `Conversation.fork`."""
        return AsyncConversation(await self._talk.fork(name, at))

    async def export(self, form: Form = "json") -> str:
        """Write the branch as text.  As `Conversation.export`."""
        return await self._talk.export(form)

    async def import_(self, data: Given, form: Source = "json") -> int:
        """Add messages from elsewhere to the end of the branch.  As `Conversation.import_`."""
        return await self._talk.take(data, form)

    async def erase(self) -> tuple[int, int]:
        """Delete the whole conversation.  As `Conversation.erase`."""
        return await self._talk.erase()
