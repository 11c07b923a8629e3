"""
All limits of one scope: one credential, at one provider, for one pool of models.

A call reserves its estimated cost and gets a `Grant`, a `Wait` or a `Refuse`; in the end it is settled with what it
really cost and with what the answer said about limits, or rejected with what the refusal said.

While nothing is known, at most 8 requests are in flight.  Where answers name limits, those are held; where they do not,
the number doubles with each clean round trip, so that a provider without limits is soon not limited.  If a refusal
comes from a provider that names no limits, the rate is found by trial: what was answered of late, less a tenth at each
refusal, and 1 % more for each second after five quiet ones.

What is known of the limits is a value (`state`); who waits are the lines of this process (`turns`).  Where a scope is
shared, the value is attached before a decision and published after it (`peers`).

Rule: every decision is a function of this state, the arguments and `now`.  The caller guards a scope with a lock held
for the call alone, and wakes those that `woken` names after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from dragoman.policy.limit.bucket import Bucket, Limit
from dragoman.policy.limit.grants import Cost, Decision, Grant, Refuse, Ticket, Wait
from dragoman.policy.limit.headers import Snapshot
from dragoman.policy.limit.peers import Peers
from dragoman.policy.limit.refusals import Refusal
from dragoman.policy.limit.state import State
from dragoman.policy.limit.turns import Priority, Turns

# Who watches the clock is woken if that much (seconds) is gained.
_SOONER: Final = 0.001


class Scope:
    """
    A scope as one process sees it.

    Args:
        limits: What the user knows.
        now: Seconds.
        peers: What this process is among those that share the scope; None if it is alone.

    Attributes:
        state: What is known of the limits.
        in_flight: Granted here and not yet settled, rejected or released.
    """

    def __init__(self, limits: Sequence[Limit] = (), now: float = 0.0, peers: Peers | None = None) -> None:
        self.state = State.fresh(limits, now)
        self.in_flight = 0
        self.peers = peers
        self._turns = Turns(self.state.fair)
        self._about: dict[str, float] = {}  # when a class was last about here
        self._numbers = 0
        self._leader: Ticket | None = None
        self._told = float("inf")  # until when the leader was told to wait
        self._woken: list[Ticket] = []

    @property
    def buckets(self) -> Mapping[str, Bucket]:
        """The limits that are known, by dimension."""
        return self.state.buckets

    @property
    def refused(self) -> int:
        """How many refusals for a limit came back."""
        return self.state.refused

    @property
    def unlimited(self) -> bool:
        """Whether nothing limits a call, and nobody waits."""
        state = self.state
        return not state.buckets and state.flight == float("inf") and not self._turns.count

    @property
    def waiting(self) -> int:
        """How many stand in line here."""
        return self._turns.count

    # --- asking -------------------------------------------------------------------------------------------------------

    def reserve(self, cost: Cost, now: float, priority: Priority = "normal", deadline: float | None = None) -> Decision:
        """
        Ask to send one request.

        Args:
            cost: Estimate by unit; `requests` is counted if it is named.
            now: Seconds of any steady clock.
            priority: Class.
            deadline: When it must have gone, on the same clock; None for whenever.
        """
        ticket = self.ticket(cost, now, priority, deadline)
        if self._turns.count == 0 and self._ready_at(ticket, now) <= now:
            return self._grant(ticket, now)
        return self._enter(ticket, now, first=False)

    def resume(self, ticket: Ticket, now: float) -> Decision:
        """Ask again, with a ticket that was told to wait."""
        self.pump(now)
        return self.told(ticket, now)

    def cancel(self, ticket: Ticket, now: float) -> None:
        """Give up waiting.  A grant that came in the meantime must be released."""
        self.leave(ticket)
        self.pump(now)

    def woken(self) -> list[Ticket]:
        """Those who should `resume` now: they may go, or it is their turn to watch the clock.  Each is named once."""
        if not self._woken:
            return []
        woken, self._woken = self._woken, []
        return list(dict.fromkeys(woken))

    # --- coming back --------------------------------------------------------------------------------------------------

    def settle(self, grant: Grant, actual: Cost | None, told: Iterable[Snapshot], now: float) -> None:
        """
        The answer is here, or its headers are.

        Args:
            grant: Whose.
            actual: What it really cost by unit; units that are not named keep the estimate, None keeps all.
            told: What the answer said about limits.
            now: Seconds.
        """
        self.in_flight -= 1
        self.state.settle(grant, actual, told, now)
        self.pump(now)

    def hear(self, grant: Grant, told: Iterable[Snapshot], now: float) -> None:
        """The headers of a stream are here; `settle` follows at its end, without them."""
        self.state.hear(grant, told, now)
        self.pump(now)

    def release(self, grant: Grant, now: float) -> None:
        """It was never sent, or failed for a reason that says nothing about limits."""
        self.in_flight -= 1
        self.state.release(grant)
        self.pump(now)

    def rejected(
        self, grant: Grant, refusal: Refusal, told: Iterable[Snapshot], now: float, deadline: float | None = None
    ) -> Decision:
        """
        The provider refused for a limit: stand at the head of the line again, or give up.

        Tokens are refunded; the request itself stays spent, because providers count refused ones.
        """
        if refusal.kind == "overload":
            self.release(grant, now)
            return Refuse(refusal.wait, "overload")
        self.in_flight -= 1
        self.state.reject(grant, refusal, told, now)
        if not refusal.passes:
            self.pump(now)
            return Refuse(None, "too_large" if refusal.hopeless else refusal.kind, refusal.dimension)
        ticket = grant.ticket
        ticket.grant = None
        ticket.deadline = deadline
        return self._enter(ticket, now, first=True, reason="daily" if refusal.kind == "daily" else "deadline")

    # --- sharing ------------------------------------------------------------------------------------------------------

    def attach(self, state: State, now: float) -> None:
        """Decide by this state from now on: another process may have changed it."""
        self.state = state
        self._turns.fair = state.fair
        for priority, seen in self._about.items():
            state.seen[priority] = max(seen, state.seen.get(priority, seen))
        if self.peers is not None:
            self.peers.begin(state, self._turns, now)

    def publish(self, now: float, *, promise: bool = False) -> None:
        """Put into the state what other processes must know of this one; `promise` if its leader is told later."""
        if promise and self._leader is not None:
            self._wait(self._leader, now)
        if self.peers is not None:
            self.peers.publish(self.state, self._turns, self._told, self.in_flight, now)

    def queue(self, ticket: Ticket, now: float, *, first: bool = False) -> Refuse | None:
        """
        Stand in line without asking yet, where the state is to be had later; the answer is why not.

        The ticket becomes a grant by a later `pump`, if what it decided is kept; else `undo` puts it back.
        """
        if ticket.deadline is not None:
            wait = self._estimate(ticket, now, first=first)
            if now + wait > ticket.deadline:
                return Refuse(wait, "deadline", self.state.slowest(ticket.cost, now))
        self._turns.join(ticket, first=first)
        return None

    def leave(self, ticket: Ticket) -> None:
        """Give up waiting, and decide nothing; the next `pump` finds who watches the clock instead."""
        self._turns.leave(ticket)
        if ticket is self._leader:
            self._leader = None

    def heads(self) -> list[Ticket]:
        """Who is first in each line."""
        return list(self._turns.heads())

    def is_head(self, ticket: Ticket) -> bool:
        """Whether nobody of its class stands before it."""
        return self._turns.first(ticket.priority) is ticket

    def ticket(self, cost: Cost, now: float, priority: str, deadline: float | None = None) -> Ticket:
        """The next number, in no line yet."""
        self._numbers += 1
        if priority != "batch":
            self.state.seen[priority] = self._about[priority] = now
        return Ticket(self._numbers, cost, priority, deadline, now)

    def adopt(self, cost: Cost, at: float, priority: str) -> Grant:
        """A call went at that time without having asked, because nothing was limited."""
        return self._grant(self.ticket(cost, at, priority), at)

    def prepaid(self, ticket: Ticket, granted: dict[str, float], now: float) -> Grant:
        """Let a ticket go that is paid from what was taken before; `granted` was all that had been granted then."""
        self._turns.leave(ticket)
        self.in_flight += 1
        grant = ticket.grant = Grant(self.state.grants, ticket, now, granted, self.state.episode)
        return grant

    def told(self, ticket: Ticket, now: float) -> Decision:
        """What was decided for a ticket."""
        if ticket.grant is not None:
            return ticket.grant
        if ticket.deadline is not None and now >= ticket.deadline:
            self.cancel(ticket, now)
            return Refuse(0.0, "deadline", self.state.slowest(ticket.cost, now))
        return self._wait(ticket, now)

    def undo(self, tickets: Sequence[Ticket]) -> None:
        """These grants were not kept: back to the heads of their lines."""
        gone = set(tickets)
        self._woken = [ticket for ticket in self._woken if ticket not in gone]
        for ticket in tickets:
            ticket.grant = None
            self.in_flight -= 1
            self._turns.join(ticket, first=True)

    def pump(self, now: float) -> list[Ticket]:
        """Let go whoever may."""
        self.state.grow(now)
        going: list[Ticket] = []
        while (ticket := self._first(now)) is not None:
            seconds = self.state.seconds(ticket.cost)
            self._turns.serve(ticket, seconds)
            self._grant(ticket, now)
            going.append(ticket)
            if self.peers is not None:
                self.peers.served(self.state, ticket.priority, seconds)
        self._woken += going
        return going

    def watch(self, now: float) -> None:
        """Decide nothing, but see to it that somebody watches the clock."""
        leader = min(self._turns.heads(), key=lambda ticket: self._ready_at(ticket, now), default=None)
        if leader is not None:
            self._leader = leader
            self._wait(leader, now)
            self._woken.append(leader)

    @property
    def due(self) -> float:
        """When whoever watches the clock is to look again."""
        return self._told

    @property
    def watched(self) -> bool:
        """Whether somebody watches the clock."""
        return self._leader is not None

    def watches(self, ticket: Ticket) -> bool:
        """Whether it is this ticket that watches the clock."""
        return ticket is self._leader

    # --- inside -------------------------------------------------------------------------------------------------------

    def _enter(self, ticket: Ticket, now: float, *, first: bool, reason: str = "deadline") -> Decision:
        if ticket.deadline is not None:
            wait = self._estimate(ticket, now, first=first)
            if now + wait > ticket.deadline:
                self.pump(now)
                return Refuse(wait, reason, self.state.slowest(ticket.cost, now))
        if self._turns.first(ticket.priority) is None and not self.state.stands:
            self.state.fair.begin(ticket.priority)
        self._turns.join(ticket, first=first)
        self.pump(now)
        if ticket in self._woken:  # it is told here
            self._woken.remove(ticket)
        return self._wait(ticket, now) if ticket.grant is None else ticket.grant

    def _wait(self, ticket: Ticket, now: float) -> Wait:
        until = float("inf")
        if ticket is self._leader:
            until = self._ready_at(ticket, now)
            if self.peers is not None:
                until = min(until, self.peers.soon(self.state, now))
            self._told = until
        return Wait(ticket, until if ticket.deadline is None else min(until, ticket.deadline))

    def _ready_at(self, ticket: Ticket, now: float) -> float:
        state = self.state
        kept = 0.0 if ticket.overdue else state.kept(ticket.priority, now)
        if self.peers is not None and state.stands:
            count, ahead = self.peers.ahead(state, ticket.priority, now)
            if state.in_flight + count >= state.flight:
                return float("inf")
            return state.ready_at(ticket.cost, kept, now, ahead)
        if state.in_flight >= state.flight:
            return float("inf")
        return state.ready_at(ticket.cost, kept, now)

    def _first(self, now: float) -> Ticket | None:
        """Who may go; if nobody may, see to it that the first in line watches the clock."""
        leader: Ticket | None = None
        due = float("inf")
        for ticket in self._turns.heads():
            at = self._ready_at(ticket, now)
            if at <= now:
                return ticket
            if leader is None or at < due:
                leader, due = ticket, at
        if leader is not None and (leader is not self._leader or due < self._told - _SOONER):
            self._woken.append(leader)
            self._told = due
        self._leader = leader
        return None

    def _grant(self, ticket: Ticket, now: float) -> Grant:
        state = self.state
        state.take(ticket.cost, now)
        state.grants += 1
        state.in_flight += 1
        self.in_flight += 1
        grant = Grant(state.grants, ticket, now, state.granted.copy(), state.episode)
        ticket.grant = grant
        return grant

    def _estimate(self, ticket: Ticket, now: float, *, first: bool) -> float:
        """Seconds until a call that joins now is likely to go."""
        ahead: Mapping[str, float] = {} if first else self._turns.ahead(ticket.priority)
        if self.peers is not None and self.state.stands and not first:
            self.peers.beside(self.state, ticket.priority, ahead, ticket.cost)
        return self.state.estimate(ticket.cost, ahead, now)
