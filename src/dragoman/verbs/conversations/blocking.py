"""
A conversation on the blocking face.

Rule: here stand signatures and words, and nothing else; what is done is a coroutine that both faces share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from dragoman.runtime import drive
from dragoman.stream import Stream
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


class Conversation(Named):
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
        return drive(self._talk.say(self._talk.call(said, turn_id, model, settings, keywords, edits=edits or "")))

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
