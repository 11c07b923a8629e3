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

from dragoman.conversation.model import (
    ROOT,
    Ask,
    Busy,
    Done,
    Go,
    Kept,
    Known,
    Locked,
    Mark,
    Node,
    Path,
    Place,
    Record,
    Ref,
    encoded,
    read_events,
)
from dragoman.conversation.store import Store
from dragoman.conversation.transcript import read_transcript, written
from dragoman.conversation.turns import Held, Spoken, Told, decode_answer
from dragoman.conversation.view import history, node_of, nodes_of, planned
from dragoman.conversation.window import TokenBudget
from dragoman.errors import BusyError, ConfigError, ConversationError, DragomanError, StoreError
from dragoman.policy.base import Opened
from dragoman.types.fold import fold
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest, OutputFormat, Settings, settings_from
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import RunResponse
from dragoman.types.turns import Turn
from dragoman.verbs.conversations import Form, OnBusy, Window
from dragoman.verbs.run import Rounds
from dragoman.verbs.talking import Options, Voice

if TYPE_CHECKING:
    import asyncio

    from dragoman.client import Messages
    from dragoman.policy.route.plans import Plan
    from dragoman.policy.route.way import Way

T = TypeVar("T")

_BUSY: Final = ("wait", "reject", "fork", "interrupt")
# Seconds between two questions whether it is our turn: the first, and the longest.
_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.05


class Call:
    """
    A turn that has not begun.

    Attributes:
        key: Its id.
        request: What it says, with its settings.
        way: The plan by which it is asked.
        rounds: The run, if tools are run.
        edits: Id of the turn in whose place it comes.
        input: What it says, as JSON.
    """

    def __init__(
        self, key: str | None, request: ChatRequest, way: Way | None, rounds: Rounds | None, edits: str | None
    ) -> None:
        if key is not None:
            _check_text(key, "turn_id")
        self.named = key is not None
        self.key = key or token_hex(12)
        self.request = request
        self.way = way
        self.rounds = rounds
        self.edits = edits
        self.input = _input(request.messages)

    @property
    def output(self) -> OutputFormat | None:
        """The form of its answer."""
        return self.request.output


class Begun:
    """A turn that has its lease: what is sent, and the turn."""

    def __init__(self, held: Held, request: ChatRequest, seen: list[Kept], epoch: int) -> None:
        self.held = held
        self.request = request
        self.seen = seen
        self.epoch = epoch


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
        _check(options)
        self.id, self.branch, self.tenant = options.conversation, options.branch, options.tenant
        self._ref = Ref(self.tenant, self.id, self.branch, options.user)
        self._voice = voice
        self._options = options
        self._runtime = voice.plain.context(None).runtime
        self._store = cast("Store", options.store)
        self._system = None if options.system is None else _instructions(options.system)
        self._window: Window | None = TokenBudget() if options.window == "default" else options.window
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
            return await answering
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
        started, context = runtime.now(), self._context(call.request.model)
        go = await self._granted(ask, until, call)
        if isinstance(go, Done):
            return go
        held = Held(store, runtime, Mark(go.ref, call.key, go.fence), ask.ttl)
        try:
            path = [*seen[1], *go.path.nodes] if go.path.suffix else list(go.path.nodes)
            plan = planned(path, asked, system=self._system, window=self._window, context=context, depth=go.base.depth)
            held.nodes = (*plan.nodes, *(node_of(message) for message in asked))
            request = _timed(call.request.directed(messages=plan.messages), runtime.now() - started)
        except BaseException:  # a window may be the caller's
            held.left()
            raise
        return Begun(held, request, path, go.path.epoch)

    async def _granted(self, ask: Ask, until: float | None, call: Call) -> Go | Done:
        """Begin the turn when it may."""
        ref, started = self._ref, self._runtime.now()
        while True:
            got = await self._try(ref, ask, until)
            if not isinstance(got, Busy):
                return got
            if self._on_busy == "fork" and got.key != call.key and ref == self._ref:
                ref = await self._beside(call, until)
                continue
            now = self._runtime.now()
            pause = min(max((now - started) / 20, _FIRST_PAUSE), _LONGEST_PAUSE)
            if self._on_busy == "reject" or (until is not None and now + pause >= until):
                raise self._busy(got)
            await self._runtime.sleep(pause)
            ask = msgspec.structs.replace(ask, ticket=got.ticket)

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
        got = await self._store.begin(self._runtime, ref, ask, until)
        if isinstance(got, Locked):
            raise self._locked()
        return got

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

    def _context(self, ref: str) -> int | None:
        """Tokens that a model can read, if that is known."""
        routes = self._voice.plain.routes
        if ref in routes.plans:
            return None
        provider, model = routes.locate(ref)
        facts = routes.facts(provider.name, model)
        return facts.context if facts else None

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
            self._seen = (Known(begun.epoch, nodes[-1].place), [*begun.seen, *nodes])

    async def _path(self) -> Path:
        """The whole branch as it is now."""
        seen = self._seen
        path = await self._store.read(self._runtime, self._ref, seen[0])
        if path is None:
            return Path(0, 0, ROOT, ())
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
        return list(
            planned(path.nodes, (), system=self._system, window=None, context=None, depth=path.leaf.depth).messages
        )

    async def turn(self, turn_id: str) -> Turn | None:
        """See `Conversation.turn`."""
        found = await self._store.turn(self._runtime, self._ref, turn_id)
        return _shown(found) if found else None

    async def interrupted(self) -> list[Turn]:
        """See `Conversation.interrupted`."""
        return [_shown(record) for record in await self._store.recover(self._runtime, self._ref)]

    async def resume(self, turn_id: str | None) -> ChatResponse:
        """See `Conversation.resume`."""
        open_turns = await self.interrupted()
        found = [turn for turn in open_turns if turn_id in (None, turn.id)]
        if not found:
            which = f"turn {turn_id!r}" if turn_id else "turn"
            raise ConversationError(
                f"the conversation {self.id!r} has no {which} that lacks an answer", field="turn_id"
            )
        return await self.say(self.call(found[-1].messages, found[-1].id, None, None, {}))

    # --- the tree -----------------------------------------------------------------------------------------------------

    async def undo(self) -> None:
        """See `Conversation.undo`."""
        path = await self._path()
        last = path.nodes[-1].turn if path.nodes else None
        if last is None:
            raise ConversationError(f"the history of {self.id!r} does not end with a turn", field="turn_id")
        base = await self._base(last)
        await self._append(path, base, ())

    async def fork(self, name: str | None, at: str | None) -> Talk:
        """See `Conversation.fork`."""
        name = f"fork-{token_hex(6)}" if name is None else _check_text(name, "name")
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
        return written(self.id, await self.history(), form)

    async def take(self, data: str | bytes | Sequence[Any], form: Form) -> int:
        """See `Conversation.import_`."""
        messages = read_transcript(data, form)
        nodes = nodes_of(messages)
        path = await self._path()
        if nodes:
            await self._append(path, path.leaf, nodes)
        return len(nodes)

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


def _shown(record: Record) -> Turn:
    """A turn as its caller sees it."""
    events = [event for piece in record.pieces for event in read_events(piece.events)]
    return Turn(
        id=record.key,
        state=record.state,
        branch=record.branch,
        messages=msgspec.json.decode(record.input, type=tuple[Message, ...]) if record.input else (),
        text=fold(events).text if record.state != "done" else "",
        error=record.error.decode() or None,
        begun=record.begun,
        ended=record.ended,
    )


def _end_of(path: Path, turn_id: str) -> Place | None:
    """The last node of a turn."""
    return next((node.place for node in reversed(path.nodes) if node.turn == turn_id), None)


def _run_of(done: Done, answer: ChatResponse) -> RunResponse:
    facts = {name: getattr(answer, name) for name in ChatResponse.__struct_fields__}
    return RunResponse(**facts, messages=tuple(history(done.path.nodes)))


def _check(options: Options) -> None:
    for field in ("conversation", "tenant", "branch"):
        _check_text(getattr(options, field), field)
    if options.user:
        _check_text(options.user, "user")
    _check_ttl(options.ttl)
    if options.on_busy not in _BUSY:
        raise ConfigError(f"on_busy is {options.on_busy!r}: give one of {', '.join(_BUSY)}", field="on_busy")
    if isinstance(options.lease, bool) or not isinstance(options.lease, int | float) or not 0 < options.lease < 1e9:
        raise ConfigError(f"lease is {options.lease!r}: give a number of seconds", field="lease")
    if not callable(getattr(options.store, "begin", None)):
        raise ConfigError(f"store is {options.store!r}: give a URL, such as sqlite:///talk.db", field="store")
    window: object = options.window
    if window not in (None, "default") and not callable(getattr(window, "leave_out", None)):
        raise ConfigError(f"window is {window!r}: give TokenBudget(), LastTurns(20) or None", field="window")
    if options.system is not None and not isinstance(options.system, str | Message):
        raise ConfigError(f"system is {type(options.system).__name__}: give a text or a Message", field="system")
    if options.system is not None:
        _input((_instructions(options.system),))


def _check_ttl(ttl: object) -> None:
    if ttl is None:
        return
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or not 0 <= ttl < 1e11:
        raise ConfigError(f"ttl is {ttl!r}: give a number of seconds, or 0 to keep for ever", field="ttl")


def _instructions(system: str | Message) -> Message:
    return Message.system(system) if isinstance(system, str) else system


def _check_text(value: object, field: str) -> str:
    """A name that every store can hold."""
    if not isinstance(value, str) or not value or "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise ConfigError(f"{field} is {value!r}: give a text that is not empty", field=field)
    return value


def _input(messages: tuple[Message, ...]) -> bytes:
    try:
        return encoded(messages)
    except (UnicodeEncodeError, TypeError, ValueError) as error:
        raise ConfigError(f"what is said cannot be kept: {error}", field="messages") from error
