"""
Virtual time, and a limiter driven through it.

A simulated hour takes seconds: a clock is a heap of what happens next.  `drive` sends calls of mixed sizes through one
`Scope` to one simulated provider, with noise in the estimates and in the network, and reports what came of it.  Several
processes have a scope each over one shared state, which is bytes between any two decisions, as in reality.  The same
arguments give the same result.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

import msgspec

from dragoman.errors import RateLimitError
from dragoman.policy.limit import codec
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.grants import Decision, Grant, Refuse, Ticket
from dragoman.policy.limit.headers import dialect_of, snapshots
from dragoman.policy.limit.peers import Peers
from dragoman.policy.limit.refusals import refusal
from dragoman.policy.limit.scope import Scope
from dragoman.policy.limit.state import State
from dragoman.policy.limit.turns import Priority
from dragoman.testing.quota import Answer, Quota
from dragoman.wire.status import retry_after

_SIZES: Final = ((200, 0.4), (500, 0.3), (900, 0.2), (2000, 0.1))
_DIALECTS: Final = {"azure": "azure", "anthropic": "anthropic"}
_ALONE: Final[Mapping[int, float]] = {}


class VirtualClock:
    """
    Time that passes only when nothing is left to do.

    Attributes:
        now: Seconds since the start.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._next: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, when: float, act: Callable[[], None]) -> None:
        """Have something done at a time; what is past is done next."""
        self._count += 1
        heapq.heappush(self._next, (max(when, self.now), self._count, act))

    def run(self, until: float = float("inf")) -> None:
        """Do everything in its order, until nothing is left or the time is over."""
        while self._next and self._next[0][0] <= until:
            self.now, _, act = heapq.heappop(self._next)
            act()


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """
    Calls that come.

    Attributes:
        count: How many.
        priority: Their class.
        every: Mean seconds between two; 0 for all at once.
        noise: By which part estimates are off, either way.
        deadline: Seconds after which a call gives up, or None.
        size: Tokens of each; None for mixed sizes.
        process: Number of the process that they come to.
        start: When the first comes, in seconds.
    """

    count: int
    priority: Priority = "normal"
    every: float = 0.0
    noise: float = 0.3
    deadline: float | None = None
    size: int | None = None
    process: int = 0
    start: float = 0.0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """
    What came of it.

    Attributes:
        answered: Calls with an answer.
        given_up: Calls without one.
        refused: 429s.
        sent: Requests that reached the provider.
        seconds: Until the last call was admitted.
        ideal: What a client that knows everything needs, in seconds.
        waits: Seconds until a call was first let go, in their order, by class.
        served: When each process had a request admitted, by number of the process.
        killed: Calls of processes that were killed.
    """

    answered: int
    given_up: int
    refused: int
    sent: int
    seconds: float
    ideal: float
    waits: dict[str, list[float]]
    served: dict[int, list[float]]
    killed: int = 0

    @property
    def share(self) -> float:
        """Part of the possible rate."""
        return self.ideal / self.seconds if self.seconds > 0 else 1.0

    @property
    def refused_part(self) -> float:
        """429s per answered call."""
        return self.refused / max(1, self.answered)

    def wait(self, priority: Priority, part: float) -> float:
        """A quantile of the waits of a class, in seconds."""
        waits = sorted(self.waits[priority])
        return waits[max(0, math.ceil(part * len(waits)) - 1)]


class Call:
    """One simulated call."""

    __slots__ = ("estimate", "load", "real", "waited")

    def __init__(self, load: Load, rng: random.Random) -> None:
        self.load = load
        mean = load.size or rng.choices([size for size, _ in _SIZES], [weight for _, weight in _SIZES])[0]
        tokens = max(1, round(mean if load.size else mean * rng.uniform(0.7, 1.3)))
        split = rng.uniform(0.75, 0.95)
        self.real = {"requests": 1.0, "tokens": float(tokens), "input": tokens * split, "output": tokens * (1 - split)}
        off = 1 + rng.uniform(-load.noise, load.noise)
        self.estimate = {unit: cost if unit == "requests" else cost * off for unit, cost in self.real.items()}
        self.waited = False


class _Process:
    """One process: a scope, and what of the shared state it last saw."""

    def __init__(self, run: _Drive, number: int, limits: Sequence[Limit], *, alone: bool) -> None:
        self.number = number
        self.dead = False
        self._run = run
        self._limits = limits
        self._alone = alone
        peers = None if alone else Peers(str(number), run.lives, quantum=0.002, grace=0.05, look=0.05)
        self._scope = Scope(limits, 0.0, peers)

    @contextmanager
    def scope(self) -> Generator[Scope]:
        """Have the scope for one decision."""
        run, now = self._run, self._run.clock.now
        if not self._alone:
            state = codec.decode(run.shared, "", now) if run.shared else State.fresh(self._limits, now)
            assert state is not None
            self._scope.attach(state, now)
        yield self._scope
        if not self._alone:
            self._scope.publish(now)
            run.shared = codec.encode(self._scope.state, "", now)


class _Drive:
    """One run: calls, processes, provider and clock."""

    def __init__(
        self, quota: Quota, limits: Sequence[Limit], seed: int, processes: int, killed: Mapping[int, float]
    ) -> None:
        self.clock = VirtualClock()
        self.quota = quota
        self.shared = b""
        self.processes = [_Process(self, number, limits, alone=processes == 1) for number in range(processes)]
        self.dialect = dialect_of(_DIALECTS.get(quota.kind, "openai"))
        self.rng = random.Random(seed)
        self.answered = self.given_up = self.refused = self.sent = 0
        self.last = 0.0
        self.waits: dict[str, list[float]] = {}
        self.served: dict[int, list[float]] = {}
        for number, when in killed.items():
            self.clock.at(when, partial(setattr, self.processes[number], "dead", True))

    def lives(self, name: str, seen: float, now: float) -> bool:
        """Whether a process was not killed."""
        return not self.processes[int(name)].dead

    def load(self, load: Load) -> list[Call]:
        calls = [Call(load, self.rng) for _ in range(load.count)]
        when = load.start
        for call in calls:
            self._later(when, call, partial(self._come, call))
            when += self.rng.expovariate(1 / load.every) if load.every else 0.0
        return calls

    def _process(self, call: Call) -> _Process:
        return self.processes[call.load.process]

    def _later(self, when: float, call: Call, act: Callable[[], None]) -> None:
        """What a process does later, if it still lives then."""
        process = self._process(call)
        self.clock.at(when, lambda: None if process.dead else act())

    def _come(self, call: Call) -> None:
        now = self.clock.now
        until = None if call.load.deadline is None else now + call.load.deadline
        with self._process(call).scope() as scope:
            decision = scope.reserve(call.estimate, now, call.load.priority, until)
            woken = scope.woken()
        self._follow(call, decision, woken)

    def _follow(self, call: Call, decision: Decision, woken: Sequence[Ticket]) -> None:
        """What a middleware does with a decision."""
        if isinstance(decision, Grant):
            self._send(call, decision)
        elif isinstance(decision, Refuse):
            self.given_up += 1
        else:
            decision.ticket.waiter = call
            if decision.until < float("inf"):
                self._later(decision.until, call, partial(self._ask, decision.ticket))
        for ticket in woken:
            self._later(self.clock.now, call, partial(self._ask, ticket))

    def _ask(self, ticket: Ticket) -> None:
        call = ticket.waiter
        if call is not None and (ticket.grant is not None or not ticket.left):
            ticket.waiter = None
            with self._process(call).scope() as scope:
                decision = scope.resume(ticket, self.clock.now)
                woken = scope.woken()
            self._follow(call, decision, woken)

    def _send(self, call: Call, grant: Grant) -> None:
        if not call.waited:
            call.waited = True
            self.waits.setdefault(call.load.priority, []).append(grant.waited)
        self.clock.at(self.clock.now + self.rng.uniform(0.01, 0.04), lambda: self._arrive(call, grant))

    def _arrive(self, call: Call, grant: Grant) -> None:
        self.sent += 1
        answer = self.quota.admit(call.real, self.clock.now)
        back = self.rng.uniform(0.01, 0.04)
        if answer.status == 200:
            self.last = self.clock.now
            self.served.setdefault(call.load.process, []).append(self.clock.now)
            back += self.rng.uniform(0.2, 0.8)
            self.clock.at(self.clock.now + back, lambda: self.quota.finish(call.real, self.clock.now))
        self._later(self.clock.now + back, call, partial(self._return, call, grant, answer))

    def _return(self, call: Call, grant: Grant, answer: Answer) -> None:
        now, told = self.clock.now, snapshots(self.dialect, answer.headers)
        decision: Decision | None = None
        with self._process(call).scope() as scope:
            if answer.status == 200:
                self.answered += 1
                scope.settle(grant, call.real, told, now)
            else:
                self.refused += 1
                error = RateLimitError(answer.message, status=429, retry_after=retry_after(answer.headers))
                said = refusal(error)
                assert said is not None
                decision = scope.rejected(grant, said, told, now, grant.ticket.deadline)
            woken = scope.woken()
        if decision is not None:
            self._follow(call, decision, woken)
            return
        for ticket in woken:
            self._ask(ticket)


def drive(
    quota: Quota,
    loads: Sequence[Load],
    *,
    limits: Sequence[Limit] = (),
    seed: int = 1,
    processes: int = 1,
    killed: Mapping[int, float] = _ALONE,
) -> Report:
    """
    Send calls through a limiter to a simulated provider.

    Args:
        quota: The provider, unused so far.
        loads: What calls come.
        limits: What the limiter is told beforehand; it learns the rest.
        seed: Of sizes, noise and network.
        processes: How many share the limiter.
        killed: When a process is killed, in seconds, by its number.
    """
    run = _Drive(quota, limits, seed, processes, killed)
    totals: dict[str, float] = {}
    count = 0
    for load in loads:
        for call in run.load(load):
            count += 1
            for unit, cost in call.real.items():
                totals[unit] = totals.get(unit, 0.0) + cost
    ideal = quota.ideal(totals)
    run.clock.run()
    return Report(
        answered=run.answered,
        given_up=run.given_up,
        refused=run.refused,
        sent=run.sent,
        seconds=run.last,
        ideal=ideal,
        waits=run.waits,
        served=run.served,
        killed=count - run.answered - run.given_up,
    )
