"""
The other processes that share a scope.

Each process keeps its own lines.  The head of each stands in the shared state, in the order in which it came there, and
leaves room for those before it: it goes when there is enough for them and for itself.  Who had his quantum stands at
the end again, so that each process that waits gets its turn, however much one of them has to do.

A process promises when it will look again.  One that broke its promise (it is stopped, dead, or slow) is passed until
it is back, so that it holds up nobody for longer than `grace`.  One that is gone is forgotten with what it had in
flight; what that took from the buckets stays taken, because the provider is likely to have counted it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from dragoman.policy.limit.state import Held, Stand, State
from dragoman.policy.limit.turns import PATIENCE, RANK, WEIGHTS, Fair, Turns

Alive = Callable[[str, float, float], bool]
"""Whether a process lives, by its name, when it was last seen, and now."""

MOST_HOLDERS: Final = 128
MOST_STANDS: Final = 48
PROMISE: Final = 5.0
"""Seconds within which a process that waits looks again, whatever it waits for; one that does not is passed."""
# Seconds between two looks at who lives, and within which a process counts as one that works.
_CHECK: Final = 0.25
_AT_WORK: Final = 60.0


class Peers:
    """
    One process among those that share a scope.

    Args:
        holder: Its name, different from that of any other.
        alive: Tells whether another lives.
        quantum: Seconds of the whole limit that those who wait share in one round.
        grace: Seconds by which a process may be late.
        look: Seconds until it is worth looking whether another has given something back.

    Attributes:
        exchange: Number of this process's exchanges so far, where they can fail.
    """

    __slots__ = ("_alive", "_checked", "_spent", "_stands", "exchange", "grace", "holder", "look", "quantum")

    def __init__(self, holder: str, alive: Alive, *, quantum: float, grace: float, look: float) -> None:
        self.holder = holder
        self.quantum = quantum
        self.grace = grace
        self.look = look
        self.exchange = 0
        self._alive = alive
        self._checked = float("-inf")
        self._spent: dict[str, float] = {}
        self._stands = False

    def ahead(self, state: State, priority: str, now: float) -> tuple[int, Mapping[str, float]]:
        """How many heads of other lines go before ours, and what they take."""
        count, sums, passed = 0, dict[str, float](), False
        for stand in state.stands:
            if stand.holder == self.holder:
                passed = passed or stand.priority == priority
            elif stand.until + self.grace >= now and (
                not passed if stand.priority == priority else _precedes(state.fair, stand.priority, priority)
            ):
                count += 1
                for unit, amount in stand.cost.items():
                    sums[unit] = sums.get(unit, 0.0) + amount
        return count, sums

    def beside(self, state: State, priority: str, before: Mapping[str, float], cost: Mapping[str, float]) -> None:
        """Add to what is served before a call what other processes get meanwhile."""
        assert isinstance(before, dict)
        mine = {unit: before.get(unit, 0.0) + amount for unit, amount in cost.items()}
        for stand in state.stands:
            if stand.holder != self.holder:
                share = WEIGHTS[stand.priority] / WEIGHTS[priority]
                for unit, amount in mine.items():
                    before[unit] = before.get(unit, 0.0) + min(stand.waiting.get(unit, 0.0), share * amount)

    def soon(self, state: State, now: float) -> float:
        """When it is worth looking again at the latest: soon where others may give something back."""
        others = state.stands and any(stand.holder != self.holder for stand in state.stands)
        if others or any(held.in_flight and name != self.holder for name, held in state.holders.items()):
            return now + self.look
        return now + PROMISE

    def served(self, state: State, priority: str, seconds: float) -> None:
        """One of ours goes that takes so much of the whole limit; who had his part stands at the end again."""
        if state.stands:
            spent = self._spent.get(priority, 0.0) + seconds
            if spent >= self.quantum / len({stand.holder for stand in state.stands}):
                spent = 0.0
                self._withdraw(state, priority)
            self._spent[priority] = spent

    def publish(self, state: State, turns: Turns, until: float, in_flight: int, now: float) -> None:
        """Let the others know who waits here, and what is in flight."""
        if turns.count or self._stands:
            for priority in WEIGHTS:
                self._stand(state, turns, priority, until)
            self._stands = bool(turns.count)
        state.holders[self.holder] = Held(now, in_flight, self.exchange)
        if len(state.holders) > MOST_HOLDERS:
            del state.holders[min(state.holders, key=lambda name: state.holders[name].seen)]
        if state.flight < float("inf"):
            state.in_flight = sum(held.in_flight for held in state.holders.values())

    def begin(self, state: State, turns: Turns, now: float) -> None:
        """The state is as others left it: forget who is gone."""
        if now >= self._checked + _CHECK or now < self._checked:
            self._checked = now
            self._forget(state, now)
        for priority in WEIGHTS:
            if turns.first(priority) is not None and all(stand.priority != priority for stand in state.stands):
                state.fair.begin(priority)

    def at_work(self, state: State, now: float) -> int:
        """How many processes took part of late, this one included."""
        others = [held for name, held in state.holders.items() if name != self.holder]
        return 1 + sum(1 for held in others if now - held.seen < _AT_WORK)

    def leave(self, state: State) -> None:
        """This process takes no more part."""
        state.holders.pop(self.holder, None)
        state.stands = [stand for stand in state.stands if stand.holder != self.holder]

    def _forget(self, state: State, now: float) -> None:
        gone = [
            name
            for name, held in state.holders.items()
            if name != self.holder and not self._alive(name, held.seen, now)
        ]
        for name in gone:
            state.in_flight -= state.holders.pop(name).in_flight
        if state.stands:
            state.stands = [stand for stand in state.stands if stand.holder in state.holders]

    def _stand(self, state: State, turns: Turns, priority: str, until: float) -> None:
        head = turns.first(priority)
        if head is None:
            self._withdraw(state, priority)
            return
        cost, waiting = dict(head.cost), dict(turns.waiting(priority))
        for stand in state.stands:
            if stand.holder == self.holder and stand.priority == priority:
                stand.cost, stand.waiting, stand.until = cost, waiting, until
                return
        if len(state.stands) < MOST_STANDS:
            state.stands.append(Stand(self.holder, priority, cost, waiting, until))

    def _withdraw(self, state: State, priority: str) -> None:
        for at, stand in enumerate(state.stands):
            if stand.holder == self.holder and stand.priority == priority:
                del state.stands[at]
                return


def _precedes(fair: Fair, theirs: str, mine: str) -> bool:
    """Whether another class goes before ours: a higher one that had not more than its part, a lower one with less."""
    gap = fair.of(theirs) - fair.of(mine)
    return gap <= PATIENCE if RANK[theirs] < RANK[mine] else gap < -PATIENCE
