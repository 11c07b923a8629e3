"""
A conversation to which anything happens in any order, beside a plain model of what must be there.

Two workers (clients of their own, with windows of their own) talk to three providers over one store.  Where decisions
come from is a `Chooser`: a property test that shrinks them, or a seed that makes a hundred thousand steps.

What must hold: the history is what was said; a worker that lost its lease writes nothing; a turn that is done asks no
model; every request is of the form that its provider takes, and has the instructions; and a request begins with all of
the one before, byte for byte, unless a window cut between them.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from dragoman import (
    ChatRequest,
    Client,
    DropOldToolResults,
    LastTurns,
    LeaseLostError,
    Message,
    Pin,
    ProviderNative,
    ServerError,
    TokenBudget,
    background,
)
from dragoman.conversation.checks import input_of
from dragoman.conversation.model import Ask, Go, Mark, Outcome, Piece, Ref, write_events
from dragoman.conversation.nodes import Node
from dragoman.conversation.store import Store, open_store
from dragoman.conversation.turns import encode_answer
from dragoman.conversation.view import node_of
from dragoman.runtime import BlockingRuntime, drive
from dragoman.testing import Received, Server, Step, calls, says, status
from dragoman.types.events import TextDelta
from dragoman.types.responses import ChatResponse
from dragoman.wire.validate import problems
from tests.conversation.views import Two
from tests.histories import Chooser

RUNTIME: Final = BlockingRuntime()
SYSTEM: Final = "Be brief."
WINDOWS: Final = (
    *(None, LastTurns(3), TokenBudget(80), [Pin(first=1), TokenBudget(60, low=0.3)]),
    *(DropOldToolResults(keep=1, at_least=1), ProviderNative(high=1000), Two()),
)


class Asked(NamedTuple):
    """Whom a turn asks, and where its dialect has instructions and messages."""

    model: str
    wire: str
    system: str
    messages: str


PROVIDERS: Final = (
    Asked("openai/gpt-4o", "openai-chat", "messages", "messages"),
    Asked("anthropic/claude-haiku-4-5", "anthropic-messages", "system", "messages"),
    Asked("gemini/gemini-2.5-flash", "gemini-generate", "systemInstruction", "contents"),
)


class Said(NamedTuple):
    """A turn, or an import: its id, and the words of its messages."""

    key: str | None
    words: tuple[str, ...]


class Open(NamedTuple):
    """A turn that lacks its answer: its branch, what was said, and the turn in whose place."""

    branch: str
    words: str
    edits: Said | None = None


class Lost(NamedTuple):
    """A worker that was never heard of again: what it held, and the branch's version then."""

    mark: Mark
    version: int
    words: str
    life: int


def look(at: int) -> str:
    """What is there."""
    return f"nothing at {at}"


class World:
    """
    A conversation, and what must be there.

    Attributes:
        steps: What happened, in order.
    """

    def __init__(self, url: str, chooser: Chooser, name: str = "x") -> None:
        """
        Args:
            url: Of an empty store; `memory://` is one client's, so both workers are then of one.
            chooser: Decides everything.
            name: Of the conversation.
        """
        self._below = chooser.below
        self._name = name
        self._server = Server(default=calls(self._answer)).start()
        rows = {
            asked.model.partition("/")[0]: {"base_url": self._server.base_url(asked.wire), "api_key": "test-key-0001"}
            for asked in PROVIDERS
        }
        self._url = url
        self._store: Store = open_store(url)
        shared = self._store if url == "memory://" else url
        self._clients = [Client(providers=rows, retry=None) for _ in range(2)]
        self._windows = [WINDOWS[self._below(len(WINDOWS))] for _ in range(2)]
        self._stores = [shared, shared]
        self._talks: list[dict[str, Any]] = [{}, {}]
        self.steps: list[str] = []
        self._number = self._looked = self._life = 0
        self._asked: dict[str, tuple[str, bool, list[str]]] = {}  # turn: provider, whether with tools, its messages
        self._lost: list[Lost] = []
        self._begin_again()

    def _begin_again(self) -> None:
        self._life += 1
        self._expected: dict[str, list[Said]] = {"main": []}
        self._done: dict[str, tuple[str, str]] = {}  # turn: what was said, and the answer
        self._open: dict[str, Open] = {}
        self._asked.clear()

    def close(self) -> None:
        """End it."""
        background.flush(5)
        self._store.close()
        for client in self._clients:
            client.close()
        self._server.stop()

    # --- steps --------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Let something happen, and check."""
        rules = [rule for rule, weight in _RULES for _ in range(weight)]
        rule = rules[self._below(len(rules))]
        self.steps.append(rule.__name__)
        rule(self)
        self._check_requests()
        self.check(sorted(self._expected)[self._below(len(self._expected))], self._below(2))

    def check_all(self) -> None:
        """Look at every branch with both workers."""
        for branch in sorted(self._expected):
            for worker in (0, 1):
                self.check(branch, worker)

    def check(self, branch: str, worker: int) -> None:
        """The history is what was said, and what would be sent begins with the instructions."""
        talk = self._talk(worker, branch)
        said = [message.text for message in talk.history if message.role in ("user", "assistant") and message.text]
        _same([word for turn in self._expected[branch] for word in turn.words], said)
        view = talk.view()
        _true(view[0] == Message.system(SYSTEM), "the instructions are not the first message")

    def _talk(self, worker: int, branch: str) -> Any:
        if branch not in self._talks[worker]:
            self._talks[worker][branch] = self._clients[worker].conversation(
                self._name,
                model=PROVIDERS[0].model,
                store=self._stores[worker],
                branch=branch,
                system=SYSTEM,
                window=self._windows[worker],
            )
        return self._talks[worker][branch]

    def _some(self) -> tuple[Any, str]:
        branch = sorted(self._expected)[self._below(len(self._expected))]
        return self._talk(self._below(2), branch), branch

    def _provider(self) -> Asked:
        return PROVIDERS[self._below(len(PROVIDERS))]

    def _next(self) -> tuple[str, str]:
        self._number += 1
        return f"t{self._number}", f"words {self._number}"

    def _turn_of(self, branch: str) -> Said | None:
        """One of its turns."""
        turns = [said for said in self._expected[branch] if said.key is not None]
        return turns[self._below(min(64, len(turns)))] if turns else None

    def _is_done(self, branch: str, key: str, words: str, answer: str) -> None:
        self._open.pop(key, None)
        self._done[key] = (words, answer)
        self._expected[branch].append(Said(key, (words, answer)))

    def _replace(self, branch: str, said: Said | None) -> None:
        """A turn was said in the place of another: that one is gone, and what came after it; unless it was gone."""
        turns = self._expected[branch]
        if said in turns:
            del turns[turns.index(said) :]

    def say(self) -> None:
        """Ask, in one piece or as a stream."""
        (talk, branch), (key, words), asked = self._some(), self._next(), self._provider()
        if self._below(2):
            answer = talk.say(words, key, model=asked.model)
        else:
            answer = talk.stream(words, key, model=asked.model).drain()
        self._is_done(branch, key, words, answer.text)
        self._stable(talk, key, asked, tools=False)

    def run(self) -> None:
        """Ask, and run the tool that the model calls."""
        (talk, branch), (key, words), asked = self._some(), self._next(), self._provider()
        answer = talk.run(words, key, model=asked.model, tools=[look])
        _true(len(answer.rounds) == 2, "the tool was not run")
        self._is_done(branch, key, words, answer.text)
        self._stable(talk, key, asked, tools=True)

    def edit(self) -> None:
        """Say something else in the place of a turn."""
        talk, branch = self._some()
        said = self._turn_of(branch)
        if said is None:
            return
        (key, words), asked = self._next(), self._provider()
        answer = talk.edit(said.key, words, key, model=asked.model)
        self._replace(branch, said)
        self._is_done(branch, key, words, answer.text)
        self._stable(talk, key, asked, tools=False)

    def again(self) -> None:
        """A turn that is done gives its answer, anywhere, and asks nobody."""
        if not self._done:
            return
        key = sorted(self._done)[self._below(min(64, len(self._done)))]
        words, text = self._done[key]
        before, (talk, _), how = self._server.calls, self._some(), self._below(3)
        if how == 2:
            with talk.watch(key) as stream:
                _same(text, stream.drain().text)
        else:
            answer = talk.say(words, key) if how else talk.stream(words, key).drain()
            _same(text, answer.text)
        _same(before, self._server.calls)

    def fail(self) -> None:
        """The provider fails."""
        (talk, branch), (key, words) = self._some(), self._next()
        self._server.script(status(500, "no"))
        try:
            talk.say(words, key, model=self._provider().model)
        except ServerError:
            self._open[key] = Open(branch, words)
        else:
            raise AssertionError("it was answered")

    def leave(self) -> None:
        """The reader of a stream goes away; what was said may have been an edit."""
        (talk, branch), (key, words), count = self._some(), self._next(), 1 + self._below(6)
        said = None if self._below(3) else self._turn_of(branch)
        self._server.script(says(_reply(words), pace=0.001))
        edits = said.key if said else None
        with talk.stream(words, key, model=self._provider().model, edits=edits) as stream:
            for _ in range(count):
                next(stream)
        background.flush(5)
        turn = talk.turn(key)
        if turn.state == "done":  # the end had come with what was read
            self._replace(branch, said)
            self._is_done(branch, key, words, _reply(words))
            return
        _same("interrupted", turn.state)
        _true(_reply(words).startswith(turn.text), f"what had come is {turn.text!r}")
        _same(edits, turn.edits)
        self._open[key] = Open(branch, words, said)

    def die(self) -> None:
        """A worker begins, writes some text, and is never heard of again."""
        branch, (key, words) = sorted(self._expected)[self._below(len(self._expected))], self._next()
        data, ref = input_of((Message.user(words),)), Ref("default", self._name, branch)
        go = drive(self._store.begin(RUNTIME, ref, Ask(key=key, input=data, digest=_digest(data), ttl=30.0)))
        _true(isinstance(go, Go), f"it was not begun: {go}")
        assert isinstance(go, Go)
        mark = Mark(go.ref, key, go.fence)
        events = write_events([TextDelta(_reply(words)[:9])])
        _true(drive(self._store.emit(RUNTIME, mark, Piece(0, events), 0.001)), "its lease was lost")
        self._lost.append(Lost(mark, go.path.version, words, self._life))
        self._open[key] = Open(branch, words)
        time.sleep(0.003)

    def late(self) -> None:
        """It is heard of all the same; what it says counts only if nobody has gone on."""
        if not self._lost:
            return
        lost = self._lost.pop(self._below(min(64, len(self._lost))))
        branch, key = lost.mark.ref.branch, lost.mark.key
        found = {branch.name: branch for branch in drive(self._store.branches(RUNTIME, lost.mark.ref))}
        may = lost.life == self._life and found[branch].version == lost.version
        try:
            self._commit(lost)
        except LeaseLostError:
            _true(not may, "it had its lease")
            return
        _true(may, "it had no lease")
        self._is_done(branch, key, lost.words, "late")

    def _commit(self, lost: Lost) -> None:
        answer = ChatResponse(message=Message.assistant("late"), finish_reason="stop")
        nodes: tuple[Node, ...] = (
            node_of(Message.system(SYSTEM), "system"),
            node_of(Message.user(lost.words)),
            node_of(answer.message),
        )
        outcome = Outcome(state="done", nodes=nodes, answer=encode_answer(answer))
        drive(self._store.commit(RUNTIME, lost.mark, outcome))

    def resume(self) -> None:
        """A turn that lacks an answer gets one."""
        if not self._open:
            return
        key = sorted(self._open)[self._below(min(64, len(self._open)))]
        lacking, (talk, _), how = self._open[key], self._some(), ("again", "continue")[self._below(2)]
        _true(key in [turn.id for turn in talk.interrupted()], f"{key} cannot be resumed")
        text = talk.turn(key).text
        answer = talk.resume(key, how=how)
        _true(answer.text.startswith(text if how == "continue" else "answer to"), f"it goes on with {answer.text!r}")
        self._replace(lacking.branch, lacking.edits)
        self._is_done(lacking.branch, key, lacking.words, answer.text)

    def undo(self) -> None:
        """The last turn goes."""
        talk, branch = self._some()
        turns = self._expected[branch]
        if turns and turns[-1].key is not None:
            talk.undo()
            turns.pop()

    def fork(self) -> None:
        """Another branch, from here or from an earlier turn."""
        talk, branch = self._some()
        if len(self._expected) > 5:
            return
        said = self._turn_of(branch) if self._below(2) else None
        name = talk.fork(at=said.key if said else None).branch
        turns = self._expected[branch]
        self._expected[name] = turns[: turns.index(said) + 1] if said else list(turns)

    def pin(self) -> None:
        """A turn is pinned, or is not any more."""
        talk, branch = self._some()
        said = self._turn_of(branch)
        if said is not None:
            (talk.pin if self._below(2) else talk.unpin)(said.key)

    def take(self) -> None:
        """Messages come from elsewhere."""
        (talk, branch), (_, words) = self._some(), self._next()
        given = [{"role": "user", "content": words}, {"role": "assistant", "content": f"from elsewhere {words}"}]
        talk.import_(given, "openai")
        self._expected[branch].append(Said(None, (words, f"from elsewhere {words}")))

    def sweep(self) -> None:
        """What is over is deleted; nothing of this is."""
        drive(self._store.sweep(RUNTIME))

    def erase(self) -> None:
        """All of it goes."""
        self._some()[0].erase()
        self._begin_again()

    def expire(self) -> None:
        """Its time is over."""
        ref = Ref("default", self._name)
        if drive(self._store.keep(RUNTIME, ref, 0.001)):
            time.sleep(0.004)
            _true(drive(self._store.read(RUNTIME, ref)) is None, "it is there after its time")
            self._begin_again()

    # --- what was sent ------------------------------------------------------------------------------------------------

    def _answer(self, chat: ChatRequest) -> Step:
        last = chat.messages[-1]
        if chat.tools and not any(type(part).__name__ == "ToolResult" for part in last.parts):
            return says(tools=[("look", {"at": len(chat.messages)})])
        return says(_reply(last.text), reasoning="why not" if len(chat.messages) % 3 == 0 else None)

    def _check_requests(self) -> None:
        requests = self._server.requests
        for request in requests[self._looked :]:
            asked = _asked_of(request)
            model = asked.model.partition("/")[2]
            _same([], [str(problem) for problem in problems(asked.wire, request.json, model=model)])
            _true(SYSTEM in json.dumps(request.json.get(asked.system)), "the instructions were not sent")
        self._looked = len(requests)

    def _stable(self, talk: Any, key: str, asked: Asked, *, tools: bool) -> None:
        """What was sent begins with what the turn before had sent to the same provider, unless there was a cut."""
        now = _messages(self._server.requests[-1])
        path = drive(talk._talk._bough.path()).nodes
        for kept in reversed(path):
            if kept.kind not in ("message", "system"):
                break
            before = self._asked.get(kept.turn or "")
            if kept.turn != key and before is not None and before[:2] == (asked.wire, tools):
                _same(before[2], now[: len(before[2])])
                break
        self._asked[key] = (asked.wire, tools, now)


_RULES: Final[tuple[tuple[Callable[[World], None], int], ...]] = (
    *((World.say, 10), (World.run, 5), (World.edit, 3), (World.again, 4), (World.fail, 2), (World.leave, 3)),
    *((World.die, 4), (World.late, 3), (World.resume, 5), (World.undo, 3), (World.fork, 2), (World.pin, 3)),
    *((World.take, 3), (World.sweep, 1), (World.erase, 1), (World.expire, 1)),
)


def _reply(words: str) -> str:
    return f"answer to {words} and no more than that"


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _asked_of(request: Received) -> Asked:
    return next(asked for asked in PROVIDERS if asked.wire == request.wire)


def _messages(request: Received) -> list[str]:
    """Its messages as they were sent, without the marks of the cache, which move on."""
    found = [json.dumps(message, sort_keys=True) for message in request.json[_asked_of(request).messages]]
    return [re.sub(r'"cache_control": \{[^}]*\}, ', "", message) for message in found]


def _same(expected: object, found: object) -> None:
    if expected != found:
        raise AssertionError(f"expected {expected!r}, found {found!r}")


def _true(holds: object, why: str) -> None:
    if not holds:
        raise AssertionError(why)


def lived(url: str, chooser: Chooser, steps: int, name: str = "x") -> Iterator[str]:
    """What is wrong in so many steps; what happened before stands with it."""
    world = World(url, chooser, name)
    try:
        for _ in range(steps):
            world.step()
        world.check_all()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
        yield f"{type(error).__name__}: {error}; after {', '.join(world.steps[-12:])}"
    finally:
        world.close()
