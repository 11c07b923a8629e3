"""
A conversation, for both faces: it begins turns, has them answered, and commits them.

    call -> begin (`line`: wait) -> plan what is sent (`windows.sending`) -> ask -> commit (`turns`)

What is known of the branch is in `bough`, what asks no model in `tree`.

Rule: the store decides.  What is sent follows from what the store gave when the turn began.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Mapping
from secrets import token_hex
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from dragoman.conversation import tree
from dragoman.conversation.bough import Bough
from dragoman.conversation.calls import Begun, Call
from dragoman.conversation.checks import check, check_text, check_wait, instructions
from dragoman.conversation.line import Line
from dragoman.conversation.model import Ask, Done, Mark, Ref
from dragoman.conversation.nodes import Kept
from dragoman.conversation.store import Store
from dragoman.conversation.transcripts.moving import exported, imported
from dragoman.conversation.turns import Held, Spoken, Told, decode_answer
from dragoman.conversation.view import history, node_of
from dragoman.conversation.windows.aside import Branch
from dragoman.conversation.windows.sending import Base, Sending, noted
from dragoman.errors import DragomanError
from dragoman.observe.belonging import belonging_to
from dragoman.policy.base import Opened
from dragoman.types.events import TextDelta
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest, Settings, settings_from, settings_of
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import RunResponse
from dragoman.types.turns import Turn
from dragoman.types.windows import Explanation
from dragoman.verbs.conversations.capability import Form, Given, Resume, Source
from dragoman.verbs.talking import Options, Voice

if TYPE_CHECKING:
    from dragoman.client import Messages
    from dragoman.policy.route.plans import Plan

T = TypeVar("T")


class Talk:
    """
    One branch of a conversation.

    Attributes:
        id: Name of the conversation.
        branch: Name of the branch.
        tenant: Whose it is.
    """

    def __init__(self, voice: Voice, options: Options) -> None:
        """
        Args:
            voice: The client.
            options: Of `Client.conversation`; its store is open.

        Raises:
            ConfigError: A value that cannot be.
        """
        check(options)
        self.id, self.branch, self.tenant = options.conversation, options.branch, options.tenant
        self._voice = voice
        self._options = options
        self._runtime = voice.plain.context(None).runtime
        ref = Ref(self.tenant, self.id, self.branch, options.owner)
        self._store, self._ref = cast("Store", options.store), ref
        self._bough = Bough(self._store, self._runtime, ref, options.ttl)
        self._line = Line(self._bough, options.on_busy)
        self._system = None if options.system is None else instructions(options.system)
        self._sending = Sending(voice, options, Branch(self.id, self._bough.path, self._bough.append), self._runtime)

    # --- turns --------------------------------------------------------------------------------------------------------

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
    ) -> Call:
        """Make a turn of a verb's arguments; nothing is begun."""
        values = self._options.settings
        if settings is not None:
            values = values.override(settings_of(settings))
        model = self._options.model if model is None else model
        if runs:
            rounds = self._voice.rounds(model, said, values, keywords)
            return Call(turn_id, rounds.request, None, rounds, edits)
        values = values.override(settings_from(keywords))
        request, way = self._voice.asked(model, said, values, {})
        return Call(turn_id, request, way, None, edits)

    async def say(self, call: Call) -> ChatResponse:
        """See `Conversation.say`."""
        begun = await self._begun(call)
        if isinstance(begun, Done):
            return self._replayed(begun, call)
        answer = await self._guarded(begun, self._voice.send(begun.request, call.way))
        self._learn(begun, await begun.held.done(answer, (answer.message,)))
        return answer

    async def parse(self, call: Call, attempts: int | None) -> ChatResponse:
        """See `Conversation.parse`."""
        begun = await self._begun(call)
        if isinstance(begun, Done):
            return self._replayed(begun, call)
        answer = await self._guarded(begun, self._voice.parsed((begun.request, call.way), attempts))
        self._learn(begun, await begun.held.done(answer, (answer.message,)))
        return answer

    async def open(self, call: Call) -> Opened:
        """See `Conversation.stream`."""
        begun = await self._begun(call)
        if isinstance(begun, Done):
            return Told(self._replayed(begun, call))
        opened = await self._guarded(begun, self._voice.open(begun.request, call.way))
        return Spoken(opened, begun.held, lambda nodes: self._learn(begun, nodes))

    async def run(self, call: Call) -> RunResponse:
        """See `Conversation.run`."""
        from dragoman.tools.runs import finished  # who runs no tools need not load this

        begun = await self._begun(call)
        if isinstance(begun, Done):
            return _run_of(begun, self._replayed(begun, call))
        rounds = call.rounds
        assert rounds is not None  # call(runs=True) made it
        rounds.request = begun.request
        answer = await self._guarded(begun, finished(rounds))
        self._learn(begun, await begun.held.done(answer, answer.messages[len(begun.request.messages) :]))
        return answer

    async def _guarded(self, begun: Begun, answering: Awaitable[T]) -> T:
        """Await an answer; if there is none, the turn ends here."""
        try:
            with belonging_to(self.id):
                return noted(await answering, begun.ready.notices)
        except DragomanError as error:
            await begun.held.failed(error)
            raise
        except BaseException:
            begun.held.left()
            raise

    async def _begun(self, call: Call) -> Begun | Done:
        runtime, store = self._runtime, self._store
        until = self._voice.plain.context(call.request.timeout).clocks.total_until
        asked, seen = call.request.messages, self._bough.seen
        ask = Ask(
            key=call.key,
            input=call.input,
            digest=hashlib.sha256(call.said).digest(),
            ttl=self._options.lease,
            known=seen[0],
            base=await self._bough.base(call.edits, call.key) if call.edits is not None else None,
            interrupt=self._options.on_busy == "interrupt",
            wait=self._options.on_busy == "wait",
            keep=self._options.ttl,
        )
        started, to = runtime.now(), self._sending.target(call.request, call.way)
        go = await self._line.granted(ask, until, call)
        if isinstance(go, Done):
            return go
        held = Held(store, runtime, Mark(go.ref, call.key, go.fence), ask.ttl)
        try:
            path = [*seen[1], *go.path.nodes] if go.path.suffix else list(go.path.nodes)
            ready = self._sending.ready(Base(path, self._system, go.base.depth), call.request, to)
            held.nodes = (*ready.nodes, *(node_of(message) for message in asked))
            request = _timed(ready.request, runtime.now() - started)
        except BaseException:  # a window may be the caller's
            held.left()
            raise
        return Begun(held, ready, request, path, go.path.epoch)

    def _replayed(self, done: Done, call: Call) -> ChatResponse:
        messages = history(done.path.nodes)
        answer = decode_answer(done.answer, messages[-1])
        form = call.output
        if form is not None and form.type is not None:
            from dragoman.structured.following import Following  # who asks for text need not load this

            return msgspec.structs.replace(answer, output=Following(form).concluded(answer))
        return answer

    def _learn(self, begun: Begun, nodes: list[Kept]) -> None:
        """The turn was committed: its nodes follow what was read when it began."""
        if begun.held.mark.ref == self._ref:
            path = [*begun.seen, *nodes]
            self._bough.grown(begun.epoch, path)
            self._sending.done(path, begun.ready.room)

    # --- what is known of the branch ----------------------------------------------------------------------------------

    async def history(self) -> list[Message]:
        """See `Conversation.history`."""
        return history((await self._bough.path()).nodes)

    async def view(self) -> list[Message]:
        """See `Conversation.view`."""
        path = await self._bough.path()
        return list(self._sending.view(Base(path.nodes, self._system, path.leaf.depth)))

    async def explain(self, said: Messages | None, model: str | Plan | None) -> Explanation:
        """See `Conversation.explain`."""
        call = self.call("?" if said is None else said, None, model, None, {})
        to, path = self._sending.target(call.request, call.way), await self._bough.path()
        base = Base(path.nodes, self._system, path.leaf.depth)
        return self._sending.explained(base, call.request, to, said=said is not None)

    async def pin(self, turn_id: str, pinned: bool) -> None:
        """See `Conversation.pin` and `unpin`."""
        await tree.pin(self._bough, turn_id, pinned)

    async def settle(self, within: float | None) -> bool:
        """See `Conversation.settle`."""
        return await self._sending.settle(check_wait(within, self._runtime))

    async def turn(self, turn_id: str) -> Turn | None:
        """See `Conversation.turn`."""
        return await self._bough.turn(turn_id)

    async def interrupted(self) -> list[Turn]:
        """See `Conversation.interrupted`."""
        return await self._bough.interrupted()

    async def resume(self, turn_id: str | None, how: Resume) -> ChatResponse:
        """See `Conversation.resume`."""
        turn = await tree.lacking(self._bough, turn_id, how)
        if turn.branch != self.branch:  # it goes on where it was begun
            return await self._beside(turn.branch).resume(turn.id, how)
        edits = turn.edits if turn.edits and await self._bough.has(turn.edits) else None
        call = self.call(turn.messages, turn.id, None, None, {}, edits=edits)
        return await (self._continued(call, turn.text) if how == "continue" and turn.text else self.say(call))

    async def _continued(self, call: Call, text: str) -> ChatResponse:
        """Ask for the rest of an answer."""
        from dragoman.conversation.resuming import joined, rest_asked  # who is never cut off need not load this

        begun = await self._begun(call)
        if isinstance(begun, Done):
            return self._replayed(begun, call)
        begun.held.heard([TextDelta(text)])
        rest = await self._guarded(begun, self._voice.send(rest_asked(begun.request, text), call.way))
        answer = joined(text, rest)
        self._learn(begun, await begun.held.done(answer, (answer.message,)))
        return answer

    async def watch(self, turn_id: str | None, within: float | None) -> Opened:
        """See `Conversation.watch`."""
        return await tree.watched(self._bough, turn_id, within)

    # --- the tree -----------------------------------------------------------------------------------------------------

    async def undo(self) -> None:
        """See `Conversation.undo`."""
        await tree.undo(self._bough)

    async def fork(self, name: str | None, at: str | None) -> Talk:
        """See `Conversation.fork`."""
        name = f"fork-{token_hex(6)}" if name is None else check_text(name, "name")
        other = self._beside(name)
        await tree.fork(self._bough, name, at)
        return other

    def _beside(self, branch: str) -> Talk:
        """Another branch of the same conversation."""
        return Talk(self._voice, msgspec.structs.replace(self._options, branch=branch))

    # --- from and to elsewhere ----------------------------------------------------------------------------------------

    async def export(self, form: Form) -> str:
        """See `Conversation.export`."""
        return await exported(self._store, self._runtime, self._ref, form)

    async def take(self, data: Given, form: Source) -> int:
        """See `Conversation.import_`."""
        return await imported(self._store, self._runtime, self._ref, data, form, self._options.ttl)

    async def erase(self) -> tuple[int, int]:
        """See `Conversation.erase`."""
        receipt = await self._store.erase(self._runtime, self._ref)
        self._bough.forget()
        return receipt.nodes, receipt.turns


def talk(voice: Voice, options: Options) -> Talk:
    """What `verbs/talking.py` asks for."""
    return Talk(voice, options)


def _timed(request: ChatRequest, spent: float) -> ChatRequest:
    """The same request, with what the wait has left of its time."""
    if request.timeout is None:
        return request
    return msgspec.structs.replace(request, timeout=max(0.001, request.timeout - spent))


def _run_of(done: Done, answer: ChatResponse) -> RunResponse:
    facts = {name: getattr(answer, name) for name in ChatResponse.__struct_fields__}
    return RunResponse(**facts, messages=tuple(history(done.path.nodes)))
