"""Whatever happens in whatever order, the history is what it must be."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dragoman import Client, LastTurns, Message, ServerError
from dragoman.conversation.model import Ask, Go, Mark, Ref
from dragoman.runtime import BlockingRuntime, drive
from dragoman.testing import Server, calls, status
from dragoman.wire.turns import settle
from tests.conversation.conftest import repeats, rows_of

_RUNTIME = BlockingRuntime()


class Talking(RuleBasedStateMachine):
    """One conversation of some branches, said to by two workers, beside a model of what must be there."""

    server: Server

    def __init__(self) -> None:
        super().__init__()
        self.server = Server(default=calls(repeats)).start()
        self.client = Client(providers=rows_of(self.server), retry=None)
        self.expected: dict[str, list[tuple[str, str]]] = {"main": []}  # branch: turn id and words
        self.done: dict[str, tuple[str, str]] = {}  # turn id: words and answer
        self.lost: list[tuple[Mark, str]] = []
        self.number = 0
        self.workers = [{"main": self._open("main")}, {"main": self._open("main")}]

    def teardown(self) -> None:
        self.client.close()
        self.server.stop()

    def _open(self, branch: str) -> Any:
        return self.client.conversation(
            "x",
            model="openai/any",
            store="memory://",
            branch=branch,
            system="Be brief.",
            window=LastTurns(3),
            lease=0.01,
        )

    def _talk(self, worker: int, branch: str) -> Any:
        return self.workers[worker].setdefault(branch, self._open(branch))

    def _branch(self, pick: int) -> str:
        return sorted(self.expected)[pick % len(self.expected)]

    def _next(self) -> tuple[str, str]:
        self.number += 1
        return f"t{self.number}", f"words {self.number}"

    @rule(worker=st.integers(0, 1), pick=st.integers(0, 9))
    def say(self, worker: int, pick: int) -> None:
        branch, (key, words) = self._branch(pick), self._next()
        answer = self._talk(worker, branch).say(words, key)
        self.expected[branch].append((key, words))
        self.done[key] = (words, answer.text)

    @rule(worker=st.integers(0, 1), pick=st.integers(0, 9), how=st.sampled_from(["say", "stream"]))
    @precondition(lambda self: self.done)
    def retry(self, worker: int, pick: int, how: str) -> None:
        key = sorted(self.done)[pick % len(self.done)]
        words, text = self.done[key]
        before, talk = self.server.calls, self._talk(worker, "main")
        answer = talk.say(words, key) if how == "say" else talk.stream(words, key).drain()
        assert text == answer.text
        assert before == self.server.calls

    @rule(worker=st.integers(0, 1), pick=st.integers(0, 9))
    def fail(self, worker: int, pick: int) -> None:
        key, words = self._next()
        self.server.script(status(500, "no"))
        try:
            self._talk(worker, self._branch(pick)).say(words, key)
            raise AssertionError("it was answered")
        except ServerError:
            pass

    @rule(pick=st.integers(0, 9))
    def die(self, pick: int) -> None:
        """A worker begins a turn and is never heard of again; or it is, when it is too late."""
        key, _ = self._next()
        talk = self._talk(0, self._branch(pick))._talk
        ask = Ask(key=key, input=b"[]", digest=b"x", ttl=0.001)
        go = drive(talk._store.begin(_RUNTIME, Ref("default", "x", talk.branch), ask))
        assert isinstance(go, Go)
        self.lost.append((Mark(go.ref, key, go.fence), go.ref.branch))
        time.sleep(0.002)

    @rule(worker=st.integers(0, 1), pick=st.integers(0, 9))
    def fork(self, worker: int, pick: int) -> None:
        branch = self._branch(pick)
        name = self._talk(worker, branch).fork().branch
        self.expected[name] = list(self.expected[branch])

    @rule(worker=st.integers(0, 1), pick=st.integers(0, 9))
    def undo(self, worker: int, pick: int) -> None:
        branch = self._branch(pick)
        if self.expected[branch]:
            self._talk(worker, branch).undo()
            self.expected[branch].pop()

    @rule(worker=st.integers(0, 1), pick=st.integers(0, 9), which=st.integers(0, 9))
    def edit(self, worker: int, pick: int, which: int) -> None:
        branch = self._branch(pick)
        turns = self.expected[branch]
        if turns:
            at, (key, words) = which % len(turns), self._next()
            answer = self._talk(worker, branch).edit(turns[at][0], words, key)
            self.expected[branch] = [*turns[:at], (key, words)]
            self.done[key] = (words, answer.text)

    @invariant()
    def histories_are_what_was_said(self) -> None:
        for branch, turns in self.expected.items():
            for worker in (0, 1):
                talk = self._talk(worker, branch)
                said = [message.text for message in talk.history if message.role == "user"]
                assert [words for _, words in turns] == said

    @invariant()
    def what_is_sent_is_valid(self) -> None:
        for branch in self.expected:
            view = self._talk(0, branch).view()
            sent = (*view, Message.user("next"))
            assert settle(sent)[0] is sent
            assert "system" == view[0].role
            assert len(view) <= 7


Talking.TestCase.settings = settings(
    max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTalking = Talking.TestCase
