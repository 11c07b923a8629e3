"""
A conversation, for both faces: it begins turns, has them answered, and commits them.

    call -> begin (wait in line) -> plan what is sent -> ask -> commit

Rule: the store decides.  What this object remembers of a branch only saves reading it again; what is sent follows from
what the store gave when the turn began.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import msgspec

from dragoman.conversation.calls import Begun, Call, shown
from dragoman.conversation.checks import check, check_text, instructions
from dragoman.conversation.following import Followed
from dragoman.conversation.model import (
    ROOT,
    Ask,
    Began,
    Busy,
    Done,
    Go,
    Kept,
    Known,
    Locked,
    Mark,
    Node,
    Note,
    Path,
    Place,
    Record,
    Ref,
)
from dragoman.conversation.store import Store
from dragoman.conversation.transcripts.moving import exported, imported
from dragoman.conversation.turns import Held, Spoken, Told, decode_answer
from dragoman.conversation.view import history, node_of, node_of_decision
from dragoman.conversation.windows.aside import Branch
from dragoman.conversation.windows.outline import outline
from dragoman.conversation.windows.sending import Base, Sending, noted
from dragoman.errors import BusyError, ConfigError, ConversationError, DragomanError, StoreError
from dragoman.observe.belonging import belonging_to
from dragoman.policy.base import Opened
from dragoman.types.events import TextDelta
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest, Settings, settings_from
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import RunResponse
from dragoman.types.turns import Turn
from dragoman.types.windows import Explanation
from dragoman.verbs.conversations.capability import Form, Given, OnBusy, Resume, Source
from dragoman.verbs.talking import Options, Voice

if TYPE_CHECKING:
    import asyncio

    from dragoman.client import Messages
    from dragoman.policy.route.plans import Plan

T = TypeVar("T")

# Seconds between two questions whether it is our turn: the first, and the longest.
_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.05
# How often a store that fails is asked to begin a turn, for how many seconds, and seconds between two tries.
_TRIES: Final = 4
_PATIENCE: Final = 10.0
_PAUSE: Final = 0.1


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
        self._ref = Ref(self.tenant, self.id, self.branch, options.owner)
        self._voice = voice
        self._options = options
        self._runtime = voice.plain.context(None).runtime
        self._store = cast("Store", options.store)
        self._system = None if options.system is None else instructions(options.system)
        self._sending = Sending(voice, options, Branch(self.id, self._path, self._append), self._runtime)
        self._on_busy: OnBusy = options.on_busy
        self._seen: tuple[Known | None, list[Kept]] = (None, [])

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
            values = values.override(settings)
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
        asked, seen = call.request.messages, self._seen
        ask = Ask(
            key=call.key,
            input=call.input,
            digest=hashlib.sha256(call.input).digest(),
            ttl=self._options.lease,
            known=seen[0],
            base=await self._base(call.edits) if call.edits is not None else None,
            interrupt=self._on_busy == "interrupt",
            wait=self._on_busy == "wait",
            keep=self._options.ttl,
        )
        started, to = runtime.now(), self._sending.target(call.request, call.way)
        go = await self._granted(ask, until, call)
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

    async def _granted(self, ask: Ask, until: float | None, call: Call) -> Go | Done:
        """Begin the turn when it may."""
        ref, started = self._ref, self._runtime.now()
        before: Busy | None = None
        while True:
            sent = self._runtime.now()
            got = await self._in_time(ref, ask, until, before)
            if not isinstance(got, Busy):
                return got
            if self._on_busy == "fork" and got.key != call.key and ref == self._ref:
                ref = await self._beside(call, until)
                continue
            now = self._runtime.now()
            pause = min(max((now - started) / 20, _FIRST_PAUSE), _LONGEST_PAUSE)
            # Nobody is asked whose answer would come too late: the turn might have begun, and nobody would know.
            if self._on_busy == "reject" or (until is not None and now + pause + 2 * (now - sent) >= until):
                raise self._busy(got)
            await self._runtime.sleep(pause)
            before, ask = got, msgspec.structs.replace(ask, ticket=got.ticket)

    async def _in_time(self, ref: Ref, ask: Ask, until: float | None, before: Busy | None) -> Go | Busy | Done:
        """Ask the store once.  Who has waited, and whose time ends while the store is asked, has waited in vain."""
        try:
            return await self._try(ref, ask, until)
        except StoreError as error:
            if before is None or until is None or self._runtime.now() + _LONGEST_PAUSE < until:
                raise
            raise self._busy(before) from error

    async def _try(self, ref: Ref, ask: Ask, until: float | None) -> Go | Busy | Done:
        """Ask the store once.  Whoever is cancelled meanwhile gives back what it may have been given."""
        beginning = self._opened(ref, ask, until)
        if not self._runtime.suspends:
            return await beginning
        import asyncio  # only the asyncio face pays for it

        task = asyncio.ensure_future(beginning)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(partial(self._give_back, ask))
            raise

    async def _opened(self, ref: Ref, ask: Ask, until: float | None) -> Go | Busy | Done:
        got = await self._asked(ref, ask, until)
        if isinstance(got, Locked):
            raise self._locked()
        return got

    async def _asked(self, ref: Ref, ask: Ask, until: float | None) -> Began:
        """Ask a store, which may fail a few times.  If it may have begun the turn, nobody knows by which fence."""
        started = self._runtime.now()
        for again in range(1, _TRIES):
            try:
                return await self._store.begin(self._runtime, ref, ask, until)
            except StoreError as error:
                ask = msgspec.structs.replace(ask, retake=ask.retake or error.outcome_unknown)
                now, pause = self._runtime.now(), _PAUSE * again
                end = started + _PATIENCE if until is None else min(until, started + _PATIENCE)
                if not (error.outcome_unknown or error.retryable) or now + pause >= end:
                    raise
            await self._runtime.sleep(pause)
        return await self._store.begin(self._runtime, ref, ask, until)

    def _give_back(self, ask: Ask, task: asyncio.Task[Go | Busy | Done]) -> None:
        if not task.cancelled() and task.exception() is None and isinstance(go := task.result(), Go):
            Held(self._store, self._runtime, Mark(go.ref, ask.key, go.fence), ask.ttl).left()

    async def _beside(self, call: Call, until: float | None) -> Ref:
        """A branch for a turn that does not wait; if it is there, the turn began on it before."""
        if not call.named:
            raise ConfigError("on_busy='fork' needs a turn_id: the new branch is called as the turn", field="turn_id")
        path = await self._store.read(self._runtime, self._ref, None, until)
        await self._store.fork(self._runtime, self._ref, call.key, path.leaf if path else ROOT, until)
        return self._ref._replace(branch=call.key)

    def _busy(self, busy: Busy) -> BusyError:
        who = f"the turn {busy.key!r} runs" if busy.key else "other turns wait"
        return BusyError(
            f"{who} in the conversation {self.id!r}", retryable=True, retry_after=round(busy.seconds, 3) or None
        )

    def _replayed(self, done: Done, call: Call) -> ChatResponse:
        messages = history(done.path.nodes)
        answer = decode_answer(done.answer, messages[-1])
        form = call.output
        if form is not None and form.type is not None:
            from dragoman.structured.following import Following  # who asks for text need not load this

            return msgspec.structs.replace(answer, output=Following(form).concluded(answer))
        return answer

    # --- what is known of the branch ----------------------------------------------------------------------------------

    def _learn(self, begun: Begun, nodes: list[Kept]) -> None:
        """The turn was committed: its nodes follow what was read when it began."""
        if begun.held.mark.ref == self._ref:
            path = [*begun.seen, *nodes]
            self._seen = (Known(begun.epoch, nodes[-1].place), path)
            self._sending.done(path, begun.ready.room)

    async def _path(self) -> Path:
        """The whole branch as it is now."""
        seen = self._seen
        path = await self._store.read(self._runtime, self._ref, seen[0])
        if path is None:
            return Path(0, 0, ROOT, ())
        if path.seal:
            raise self._locked()
        whole = [*seen[1], *path.nodes] if path.suffix else list(path.nodes)
        self._seen = (Known(path.epoch, path.leaf), whole)
        return Path(path.epoch, path.version, path.leaf, tuple(whole))

    async def _base(self, turn_id: str) -> Place:
        """The place that a turn of this branch hangs under."""
        path = await self._path()
        found = await self._store.turn(self._runtime, self._ref, turn_id)
        if found is None or not any(node.turn == turn_id for node in path.nodes):
            raise ConversationError(f"the history of {self.id!r} has no turn {turn_id!r}", field="turn_id")
        return found.base

    async def history(self) -> list[Message]:
        """See `Conversation.history`."""
        return history((await self._path()).nodes)

    async def view(self) -> list[Message]:
        """See `Conversation.view`."""
        path = await self._path()
        return list(self._sending.view(Base(path.nodes, self._system, path.leaf.depth)))

    async def explain(self, said: Messages | None, model: str | Plan | None) -> Explanation:
        """See `Conversation.explain`."""
        call = self.call("?" if said is None else said, None, model, None, {})
        to, path = self._sending.target(call.request, call.way), await self._path()
        base = Base(path.nodes, self._system, path.leaf.depth)
        return self._sending.explained(base, call.request, to, said=said is not None)

    async def pin(self, turn_id: str, pinned: bool) -> None:
        """See `Conversation.pin` and `unpin`."""
        path = await self._path()
        found = outline(path.nodes)
        depth = found.begin_of(turn_id)
        if depth is None:
            raise ConversationError(f"the history of {self.id!r} has no turn {turn_id!r}", field="turn_id")
        if found.pins.get(depth, False) is not pinned:
            note = Note(pin=(depth,)) if pinned else Note(unpin=(depth,))
            await self._append(path, path.leaf, (node_of_decision(note),))

    async def settle(self, within: float | None) -> bool:
        """See `Conversation.settle`."""
        return await self._sending.settle(None if within is None else self._runtime.now() + within)

    async def turn(self, turn_id: str) -> Turn | None:
        """See `Conversation.turn`."""
        found = await self._store.turn(self._runtime, self._ref, turn_id)
        return self._shown(found) if found else None

    async def interrupted(self) -> list[Turn]:
        """See `Conversation.interrupted`."""
        return [self._shown(record) for record in await self._store.recover(self._runtime, self._ref)]

    async def resume(self, turn_id: str | None, how: Resume) -> ChatResponse:
        """See `Conversation.resume`."""
        if how not in ("again", "continue"):
            raise ConfigError(f"how is {how!r}: give 'again' or 'continue'", field="how")
        open_turns = await self.interrupted()
        found = [turn for turn in open_turns if turn_id in (None, turn.id)]
        if not found:
            which = f"turn {turn_id!r}" if turn_id else "turn"
            raise ConversationError(
                f"the conversation {self.id!r} has no {which} that lacks an answer", field="turn_id"
            )
        turn = found[-1]
        call = self.call(turn.messages, turn.id, None, None, {})
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
        if turn_id is None:
            branches = await self._store.branches(self._runtime, self._ref)
            turn_id = next((branch.running for branch in branches if branch.name == self.branch), None)
        if turn_id is None:
            raise ConversationError(f"no turn runs on {self.branch!r} of {self.id!r}", field="turn_id")
        until = None if within is None else self._runtime.now() + within
        return Followed(self._store, self._runtime, self._ref, turn_id, until)

    # --- the tree -----------------------------------------------------------------------------------------------------

    async def undo(self) -> None:
        """See `Conversation.undo`."""
        path = await self._path()
        # What came behind it without a turn, a summary or a pin, hangs on it, and goes with it.
        last = next((node.turn for node in reversed(path.nodes) if node.kind == "message"), None)
        if last is None:
            raise ConversationError(f"the history of {self.id!r} does not end with a turn", field="turn_id")
        base = await self._base(last)
        await self._append(path, base, ())

    async def fork(self, name: str | None, at: str | None) -> Talk:
        """See `Conversation.fork`."""
        name = f"fork-{token_hex(6)}" if name is None else check_text(name, "name")
        path = await self._path()
        leaf = path.leaf if at is None else _end_of(path, at)
        if leaf is None:
            raise ConversationError(f"the history of {self.id!r} has no turn {at!r}", field="at")
        other = Talk(self._voice, msgspec.structs.replace(self._options, branch=name))
        if not path.epoch:
            await self._append(path, ROOT, ())
        if not await self._store.fork(self._runtime, self._ref, name, leaf):
            raise ConversationError(f"the conversation {self.id!r} has a branch {name!r} already", field="name")
        return other

    # --- from and to elsewhere ----------------------------------------------------------------------------------------

    async def export(self, form: Form) -> str:
        """See `Conversation.export`."""
        return await exported(self._store, self._runtime, self._ref, form)

    async def take(self, data: Given, form: Source) -> int:
        """See `Conversation.import_`."""
        return await imported(self._store, self._runtime, self._ref, data, form, self._options.ttl)

    def _shown(self, record: Record) -> Turn:
        if record.seal:
            raise self._locked()
        return shown(record)

    async def _append(self, path: Path, parent: Place, nodes: Sequence[Node]) -> None:
        ttl = self._options.ttl
        leaf = await self._store.append(self._runtime, self._ref, path.version, parent, nodes, keep=ttl)
        if leaf is None:
            raise self._changed()
        if isinstance(leaf, Locked):
            raise self._locked()

    def _locked(self) -> StoreError:
        return StoreError(
            f"the conversation {self.id!r} is encrypted with a key that was not given: give encryption=, or the one "
            "that it was begun with"
        )

    def _changed(self) -> BusyError:
        return BusyError(
            f"the conversation {self.id!r} was changed meanwhile, or a turn runs: try again", retryable=True
        )

    async def erase(self) -> tuple[int, int]:
        """See `Conversation.erase`."""
        receipt = await self._store.erase(self._runtime, self._ref)
        self._seen = (None, [])
        return receipt.nodes, receipt.turns


def talk(voice: Voice, options: Options) -> Talk:
    """What `verbs/talking.py` asks for."""
    return Talk(voice, options)


def _timed(request: ChatRequest, spent: float) -> ChatRequest:
    """The same request, with what the wait has left of its time."""
    if request.timeout is None:
        return request
    return msgspec.structs.replace(request, timeout=max(0.001, request.timeout - spent))


def _end_of(path: Path, turn_id: str) -> Place | None:
    """The last node of a turn."""
    return next((node.place for node in reversed(path.nodes) if node.turn == turn_id), None)


def _run_of(done: Done, answer: ChatResponse) -> RunResponse:
    facts = {name: getattr(answer, name) for name in ChatResponse.__struct_fields__}
    return RunResponse(**facts, messages=tuple(history(done.path.nodes)))
