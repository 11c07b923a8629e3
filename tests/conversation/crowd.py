"""
Many processes on one conversation, some of which are killed or stopped, and what must hold afterwards.

The provider answers with the number of messages that it was sent, so each answer tells on which history it was given:
the list of turns is a list-append history, and an order of the turns in which every answer is right is a proof that it
is linearizable.  The clocks of the processes are one, so it is also checked that a turn which was acknowledged before
another was begun stands before it.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from dragoman import ChatRequest, Client
from dragoman.testing import Server, Step, calls, says


class Crowd:
    """
    A run.

    Attributes:
        kills: Processes that were killed.
        pauses: Processes that were stopped beyond their lease, and went on.
        begun: When each turn was first begun.
        done: When somebody was first told that it is done.
        problems: What does not hold.
    """

    def __init__(
        self,
        store: str,
        *,
        members: int,
        turns: int,
        again: float = 0.5,
        lease: float = 30.0,
        seed: int = 1,
        name: str = "crowd",
        latency: float = 0.0,
    ):
        """
        Args:
            store: URL.
            members: Processes.
            turns: Of each.
            again: Share of the turns that are said twice at once; and as many are said by two members.
            lease: Of their conversations.
            seed: Of chance.
            name: Of the conversation.
            latency: Seconds that the model takes.
        """
        self.store, self.members, self.turns, self.again, self.lease = store, members, turns, again, lease
        self.name = name
        self.chance = random.Random(seed)
        self.kills = self.pauses = 0
        self.begun: dict[str, float] = {}
        self.done: dict[str, float] = {}
        self.problems: list[str] = []
        self._lock = threading.Lock()
        self._living: dict[int, subprocess.Popen[str]] = {}
        self._tasks = [self._turns_of(member) for member in range(members)]
        self._latency = latency
        self._asking = -1
        self._server = Server(default=calls(self._counts))

    def run(self, *, kills: int = 0, pauses: int = 0) -> Crowd:
        """Have all turns said, and check what came of it."""
        with self._server:
            threads = [threading.Thread(target=self._member, args=(n,)) for n in range(self.members)]
            for thread in threads:
                thread.start()
            harm = threading.Thread(target=self._harm, args=(threads, kills, pauses))
            harm.start()
            for thread in (*threads, harm):
                thread.join()
            self._check()
        return self

    # --- members ------------------------------------------------------------------------------------------------------

    def _turns_of(self, member: int) -> list[str]:
        """Its own, and some of its neighbour's, who says them at the same time."""
        own = [f"{member}.{n}" for n in range(self.turns)]
        shared = [f"{(member + 1) % self.members}.{n}" for n in range(self.turns)]
        return [
            key for pair in zip(own, shared, strict=True) for key in pair[: 1 + (self.chance.random() < self.again)]
        ]

    def _member(self, number: int) -> None:
        """One member; it is started again when it was killed."""
        left = self._tasks[number]
        while left:
            process = self._start(number, left)
            assert process.stdout is not None
            for line in process.stdout:
                what, key, moment = json.loads(line)
                if what == "done":
                    left = left[left.index(key) + 1 :]
                with self._lock:
                    self._living[number] = process  # one that only starts is not worth a kill
                    moments = self.done if what == "done" else self.begun
                    moments[key] = min(moment, moments.get(key, moment))
            code = process.wait()
            err = process.stderr.read() if process.stderr else ""
            with self._lock:
                self._living.pop(number, None)
            process.stdout.close()
            if process.stderr:
                process.stderr.close()
            if code not in (0, -signal.SIGKILL):
                self.problems.append(f"member {number} ended with {code}: {err[-600:]}")
                return

    def _start(self, number: int, left: list[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.conversation.member"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        task = {
            "provider": self._server.base_url("openai-chat"),
            "store": self.store,
            "name": self.name,
            "turns": left,
            "again": self.again,
            "lease": self.lease,
            "seed": self.chance.random(),
        }
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it was killed already
            process.stdin.write(json.dumps(task))
            process.stdin.close()
        return process

    def _harm(self, threads: list[threading.Thread], kills: int, pauses: int) -> None:
        """Kill and stop members by chance, all along the way, until the counts are reached or all is said."""
        each = self.members * self.turns / (kills + pauses + 1)
        while (self.kills < kills or self.pauses < pauses) and any(thread.is_alive() for thread in threads):
            time.sleep(self.chance.uniform(0.001, 0.02))
            with self._lock:
                living = dict(self._living)
            if not living or len(self.done) < (self.kills + self.pauses + 0.5) * each:
                continue
            victim = self._victim(living)
            if self.kills < kills and (self.pauses >= pauses or self.chance.random() < 0.7):
                victim.kill()
                self.kills += 1
            else:
                victim.send_signal(signal.SIGSTOP)
                time.sleep(self.lease * 1.5)
                victim.send_signal(signal.SIGCONT)
                self.pauses += 1

    def _victim(self, living: dict[int, subprocess.Popen[str]]) -> subprocess.Popen[str]:
        """Half of the time who was heard by the model last, and may wait for its answer."""
        asking = living.get(self._asking)
        if asking is not None and self.chance.random() < 0.5:
            return asking
        return living[self.chance.choice(sorted(living))]

    # --- what must hold -----------------------------------------------------------------------------------------------

    def _check(self) -> None:
        with Client() as client:
            talk = client.conversation(self.name, model="sim/echo", store=self.store, window=None)
            texts = [message.text for message in talk.history]
            open_turns = talk.interrupted()
        order = texts[::2]
        expected = {f"turn {member}.{n}" for member in range(self.members) for n in range(self.turns)}
        self._expect(len(set(order)) == len(order), "a turn is there twice")
        self._expect(set(order) == expected, f"{len(expected - set(order))} turns are missing")
        self._expect(not open_turns, f"{len(open_turns)} turns are left open")
        wrong = [i for i in range(0, len(texts), 2) if texts[i + 1 : i + 2] != [f"{i + 1}: {texts[i]}"]]
        self._expect(not wrong, f"{len(wrong)} answers were given on another history: {wrong[:3]}")
        self._check_times([text.removeprefix("turn ") for text in order])
        spare = self._server.calls - len(expected)
        self._expect(0 <= spare <= self.kills + self.pauses, f"the model was called {spare} times more than turns")

    def _check_times(self, order: list[str]) -> None:
        """Whoever was told that a turn is done before another was begun finds it before that one."""
        latest = 0.0
        for key in order:
            if key not in self.done:
                self.problems.append(f"nobody was told that {key} is done")
                continue
            # `latest` is the last begin of all turns before this one.
            self._expect(self.done[key] >= latest, f"{key} was done before a turn was begun that stands before it")
            latest = max(latest, self.begun[key])

    def _expect(self, holds: bool, problem: str) -> None:
        if not holds:
            self.problems.append(problem)

    def found(self) -> dict[str, Any]:
        """For the record."""
        return {
            "store": self.store.partition("://")[0],
            "members": self.members,
            "turns": self.members * self.turns,
            "calls": self._server.calls,
            "kills": self.kills,
            "pauses": self.pauses,
            "problems": self.problems,
        }

    def _counts(self, chat: ChatRequest) -> Step:
        self._asking = int(chat.messages[-1].text.removeprefix("turn ").partition(".")[0])
        return says(f"{len(chat.messages)}: {chat.messages[-1].text}", latency=self._latency)
