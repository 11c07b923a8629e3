"""
A conversation as its caller has it, on either face.

Rule: here stand signatures and words, and nothing else; what is done is a coroutine that both share.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, Unpack

from dragoman.policy.base import Opened
from dragoman.runtime import drive
from dragoman.stream import AsyncStream, Stream
from dragoman.types.messages import Message
from dragoman.types.requests import OutputFormat, Settings, SettingsDict
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import RunDict, RunResponse
from dragoman.types.turns import Turn
from dragoman.types.windows import Explanation

if TYPE_CHECKING:
    from dragoman.client import Messages
    from dragoman.policy.route.plans import Plan

OnBusy = Literal["wait", "reject", "fork", "interrupt"]
"""What a turn does while another runs; see `Client.conversation`."""

Resume = Literal["again", "continue"]
"""What becomes of an answer that broke off: it is asked for again, or gone on with."""

Form = Literal["json", "openai", "responses", "anthropic", "sharegpt", "markdown", "langgraph", "pydantic-ai"]
"""How a conversation is written outside of its store."""

Source = Form | Literal["openai-agents", "chatgpt", "llm"]
"""What a conversation is read from."""

Given = str | bytes | os.PathLike[str] | Mapping[str, Any] | Sequence[Any]
"""How it is given: a text or bytes, the path of a file, or values."""


class Window(Protocol):
    """What decides how much of a conversation is sent: `TokenBudget`, `LastTurns`, or your own."""

    def leave_out(self, turns: Sequence[int], fixed: int, context: int | None) -> int:
        """
        Say how many of the oldest turns are not sent from now on.

        Args:
            turns: Tokens of each turn that would be sent, as estimated; the last is the one that is asked.
            fixed: Tokens of the instructions.
            context: Tokens that the model can read, or None if it is not known.
        """
        ...


class Policy(Protocol):
    """What decides what of a conversation is sent: `Pin`, `Summarise`, `DropOldToolResults`, `ProviderNative`..."""

    def decide(self, view: Any, room: Any) -> Sequence[Any]:
        """See `dragoman.conversation.windows.deciding.Policy`."""
        ...


Windows = Window | Policy | Sequence[Window | Policy] | Literal["default"] | None
"""What may be given as `window=`."""


class Call(Protocol):
    """A turn that has not begun."""

    @property
    def output(self) -> OutputFormat | None:
        """The form of its answer."""
        ...


class Talk(Protocol):
    """What the capability gives."""

    id: str
    branch: str
    tenant: str

    def call(
        self,
        said: Messages,
        turn_id: str | None,
        model: str | Plan | None,
        settings: Settings | None,
        keywords: Mapping[str, Any],
        *,
        edits: str | None = None,
        runs: bool = False,
    ) -> Call: ...

    async def say(self, call: Call) -> ChatResponse: ...

    async def parse(self, call: Call, attempts: int | None) -> ChatResponse: ...

    async def open(self, call: Call) -> Opened: ...

    async def run(self, call: Call) -> RunResponse: ...

    async def history(self) -> list[Message]: ...

    async def view(self) -> list[Message]: ...

    async def explain(self, said: Messages | None, model: str | Plan | None) -> Explanation: ...

    async def pin(self, turn_id: str, pinned: bool) -> None: ...

    async def settle(self, within: float | None) -> bool: ...

    async def turn(self, turn_id: str) -> Turn | None: ...

    async def interrupted(self) -> list[Turn]: ...

    async def resume(self, turn_id: str | None, how: Resume) -> ChatResponse: ...

    async def watch(self, turn_id: str | None, within: float | None) -> Opened: ...

    async def undo(self) -> None: ...

    async def fork(self, name: str | None, at: str | None) -> Talk: ...

    async def export(self, form: Form) -> str: ...

    async def take(self, data: Given, form: Source) -> int: ...

    async def erase(self) -> tuple[int, int]: ...


class _Named:
    """What both faces of a conversation show without asking the store."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    @property
    def id(self) -> str:
        """The conversation's name."""
        return self._talk.id

    @property
    def branch(self) -> str:
        """The branch that turns are said on."""
        return self._talk.branch

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id!r} on {self.branch!r}>"


class Conversation(_Named):
    """
    A conversation on the blocking face.  Made by `Client.conversation`; used from any number of threads.

    >>> from dragoman import Client
    >>> talk = Client().conversation("ticket-42", model="sim/echo")
    >>> talk.say("Hello").text
    'Hello'
    >>> [message.text for message in talk.history]
    ['Hello', 'Hello']
    """

    def say(
        self,
        said: Messages,
        turn_id: str | None = None,
        *,
        model: str | Plan | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> ChatResponse:
        """
        Say something, and return the whole answer, which is kept before it is returned.

        Args:
            said: A text, one message, or several (results of tools).
            turn_id: Your id of this turn.  The same id again gives the kept answer and asks no model.
            model: Another model, from this turn on or for it alone.
            settings: For this turn, over those of the conversation; the keywords win.
            **keywords: As `Settings` describes them.  `timeout` holds for the wait for other turns, too.

        Raises:
            BusyError: Another turn runs, and did not end in time (or `on_busy` is `"reject"`).
            TurnIdReusedError: The id was used with other words.
            LeaseLostError: Another took the conversation over meanwhile; nothing was kept, `.partial` has the answer.
            StoreError: The store failed.  If an answer was there, `.partial` has it.
            DragomanError: As `Client.chat`; then nothing joins the history.
        """
        return drive(self._talk.say(self._talk.call(said, turn_id, model, settings, keywords)))

    def stream(
        self,
        said: Messages,
        turn_id: str | None = None,
        *,
        edits: str | None = None,
        model: str | Plan | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> Stream:
        """
        Say something, and return a stream of the answer.

        What comes is kept as it comes.  Before the last event is handed out the turn is committed; a stream that is
        left earlier, or breaks, leaves an interrupted turn, which is no part of the history.  As `say` otherwise.

        Args:
            said: As `say`.
            turn_id: As `say`.
            edits: Id of the turn in whose place this one comes; as `edit`.
            model: As `say`.
            settings: As `say`.
            **keywords: As `say`.
        """
        call = self._talk.call(said, turn_id, model, settings, keywords, edits=edits)
        return Stream(drive(self._talk.open(call)), call.output)

    def run(
        self,
        said: Messages,
        turn_id: str | None = None,
        *,
        model: str | Plan | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[RunDict],
    ) -> RunResponse:
        """
        Say something, run the tools that the model calls, and keep the whole exchange as one turn.

        Args:
            said: As `say`.
            turn_id: As `say`.
            model: As `say`.
            settings: As `say`.
            **keywords: As `Client.run`.
        """
        return drive(self._talk.run(self._talk.call(said, turn_id, model, settings, keywords, runs=True)))

    def parse(
        self,
        said: Messages,
        turn_id: str | None = None,
        *,
        attempts: int | None = None,
        model: str | Plan | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> ChatResponse:
        """
        Say something, and have it answered by a value of a type; it is the `.output` of the answer.

        Only the answer that fits joins the history.

        Args:
            said: As `say`.
            turn_id: As `say`.
            attempts: Most answers that the model may give; 3 by default.
            model: As `say`.
            settings: As `say`.
            **keywords: As `Client.parse`.

        Raises:
            SchemaError: No answer satisfies the type; nothing joins the history.
            DragomanError: As `say` and `Client.parse`.
        """
        return drive(self._talk.parse(self._talk.call(said, turn_id, model, settings, keywords), attempts))

    def edit(
        self,
        edits: str,
        said: Messages,
        turn_id: str | None = None,
        *,
        model: str | Plan | None = None,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> ChatResponse:
        """
        Say something else instead of an earlier turn, and go on from there.

        What came after it is no part of the history any more; it stays in the tree, and `fork(at=...)` finds it.

        Args:
            edits: Id of that turn.
            said: As `say`, and so is everything else.
            turn_id: Id of the new turn.
            model: As `say`.
            settings: As `say`.
            **keywords: As `say`.

        Raises:
            ConversationError: There is no such turn in the history.
        """
        return drive(self._talk.say(self._talk.call(said, turn_id, model, settings, keywords, edits=edits)))

    @property
    def history(self) -> list[Message]:
        """All that was said on this branch: the instructions, then every turn that is done.  Read from the store."""
        return drive(self._talk.history())

    def _repr_markdown_(self) -> str:
        """What a notebook shows; it is read from the store."""
        from dragoman.types.shown import history_markdown  # who has no notebook need not load this

        return history_markdown(self.id, self.history)

    def view(self) -> list[Message]:
        """What of the history the next turn will send, unless its window cuts."""
        return drive(self._talk.view())

    def explain(self, said: Messages | None = None, *, model: str | Plan | None = None) -> Explanation:
        """
        Say what the next turn will send, what it will leave out and why, and what that does to the prompt cache.

        Nothing is sent, and nothing is written.

        Args:
            said: What the turn will say; None to look at the history alone.
            model: As `say`.
        """
        return drive(self._talk.explain(said, model))

    def pin(self, turn_id: str) -> None:
        """
        Have a turn sent always, whatever a window leaves out, with its calls and results.

        Raises:
            ConversationError: The history has no such turn.
            BusyError: A turn runs.
        """
        drive(self._talk.pin(turn_id, True))

    def unpin(self, turn_id: str) -> None:
        """Let windows leave a turn out again.  Errors as `pin`."""
        drive(self._talk.pin(turn_id, False))

    def settle(self, timeout: float | None = None) -> bool:
        """
        Wait for a summary that is being written.

        Args:
            timeout: Seconds at most; None for as long as it takes.

        Returns:
            Whether none is being written any more.
        """
        return drive(self._talk.settle(timeout))

    def turn(self, turn_id: str) -> Turn | None:
        """Look a turn up; None if there is none of that id."""
        return drive(self._talk.turn(turn_id))

    def interrupted(self) -> list[Turn]:
        """The turns that have no answer: failed, left, or their worker died.  The oldest first."""
        return drive(self._talk.interrupted())

    def resume(self, turn_id: str | None = None, *, how: Resume = "again") -> ChatResponse:
        """
        Have a turn answered that has no whole answer.

        Args:
            turn_id: Its id; None for the last one.
            how: `"again"` asks anew; `"continue"` keeps what had come, and asks for the rest of it.

        Raises:
            ConversationError: There is none.
        """
        return drive(self._talk.resume(turn_id, how))

    def watch(self, turn_id: str | None = None, *, timeout: float | None = None) -> Stream:
        """
        Read the answer of a turn that another thread, process or host asks, while it comes.

        Args:
            turn_id: Its id; None for the turn that runs now.
            timeout: Seconds in all; None for as long as it runs.

        Returns:
            A stream of the same events in the same order, a quarter of a second behind.  Leaving it ends nothing else.
            While it is read: `StreamInterrupted`, if the turn ends without a whole answer.

        Raises:
            ConversationError: No turn runs.
        """
        return Stream(drive(self._talk.watch(turn_id, timeout)))

    def undo(self) -> None:
        """
        Take the last turn out of the history; it stays in the tree.

        Raises:
            ConversationError: The history does not end with a turn.
            BusyError: A turn runs.
        """
        drive(self._talk.undo())

    def fork(self, name: str | None = None, *, at: str | None = None) -> Conversation:
        """
        Make another branch, which shares all that was said, and has its own turns from here.  It copies nothing.

        Args:
            name: Of the branch; one is made by default.
            at: Id of the turn after which it goes on; None for the last.

        Raises:
            ConversationError: There is such a branch, or no such turn in the conversation.
        """
        return Conversation(drive(self._talk.fork(name, at)))

    def export(self, form: Form = "json") -> str:
        """
        Write the conversation as text.

        Args:
            form: `json` has all branches and turns, for `import_`.  The others have this branch, as far as they can
                say it: `openai`, `responses`, `anthropic`, `sharegpt`, `markdown` (to read and to edit), `langgraph`,
                `pydantic-ai`.

        Raises:
            ConfigError: There is no such form.
        """
        return drive(self._talk.export(form))

    def import_(self, data: Given, form: Source = "json") -> int:
        """
        Add a conversation from elsewhere to the end of the branch.

        A conversation that has nothing yet takes all branches and turns of what comes, one that has something the
        messages of its main branch.

        Args:
            data: What `export` gave, the path of a file, or a list of messages in that form.
            form: Those of `export`, and `openai-agents`, `chatgpt` and `llm`.

        Returns:
            How many messages, and other nodes.

        Raises:
            ConfigError: It is not of that form, or holds several conversations (`import_all` takes them); `.field`
                says where, and nothing was added.
            BusyError: A turn runs.
        """
        return drive(self._talk.take(data, form))

    def erase(self) -> tuple[int, int]:
        """Delete the whole conversation, with all branches.  Returns the numbers of nodes and turns deleted."""
        return drive(self._talk.erase())


class AsyncConversation(_Named):
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
        return await self._talk.say(self._talk.call(said, turn_id, model, settings, keywords, edits=edits))

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
