"""A scope's state as a value: written, read, divided, and what others see of a process."""

from __future__ import annotations

import msgspec
import pytest

from dragoman.errors import ConfigError
from dragoman.policy.limit import codec
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.grants import Grant, Wait
from dragoman.policy.limit.headers import Snapshot
from dragoman.policy.limit.peers import MOST_HOLDERS, MOST_STANDS, Peers
from dragoman.policy.limit.refusals import Refusal
from dragoman.policy.limit.scope import Scope
from dragoman.policy.limit.state import Held, Stand, State

ONE = {"requests": 1.0, "tokens": 100.0}
RPM = (Limit(dimension="requests", amount=600),)


def lives(name: str, seen: float, now: float) -> bool:
    """Everybody does, who is not called so."""
    return name != "dead"


class Process:
    """A scope of one of several processes, with the state that all share as bytes."""

    shared = b""

    def __init__(self, name: str, limits: tuple[Limit, ...] = RPM) -> None:
        self.peers = Peers(name, lives, quantum=0.0, grace=0.05, look=5.0)
        self.scope = Scope((), 0.0, self.peers)
        self.limits = limits

    def begin(self, now: float) -> Scope:
        state = codec.decode(Process.shared, "", now) or State.fresh(self.limits, now)
        self.scope.attach(state, now)
        return self.scope

    def end(self, now: float) -> None:
        self.scope.publish(now)
        Process.shared = codec.encode(self.scope.state, "", now)

    def reserve(self, now: float) -> Grant | Wait:
        decision = self.begin(now).reserve(ONE, now)
        self.end(now)
        assert isinstance(decision, Grant | Wait)
        return decision

    def resume(self, wait: Wait, now: float) -> Grant | Wait:
        decision = self.begin(now).resume(wait.ticket, now)
        self.end(now)
        assert isinstance(decision, Grant | Wait)
        return decision


@pytest.fixture(autouse=True)
def _nothing_shared() -> None:
    Process.shared = b""


def full() -> State:
    """A state with something in every field."""
    scope = Scope(RPM, 5.0)
    grants = [scope.reserve(ONE, 5.0) for _ in range(3)]
    assert isinstance(grants[0], Grant)
    assert isinstance(grants[1], Grant)
    told = [Snapshot(dimension="tokens", limit=1000, remaining=900, reset=6.0)]
    scope.settle(grants[0], {"tokens": 50.0}, told, 5.5)
    scope.rejected(grants[1], Refusal(dimension="tokens", wait=3.0), (), 5.6)
    silent = Scope((), 5.0)
    grant = silent.reserve(ONE, 5.0)
    assert isinstance(grant, Grant)
    silent.rejected(grant, Refusal(), (), 5.5)
    state = scope.state
    state.trial = silent.state.trial
    state.holders["a"] = Held(5.5, 2, 7)
    state.stands.append(Stand("a", "normal", ONE, ONE, float("inf")))
    return state


def test_a_state_is_read_as_it_was_written() -> None:
    """Every field comes back, infinities included."""
    state = full()
    read = codec.decode(codec.encode(state, "boot", 6.0), "boot", 6.0)
    assert state == read
    assert all(getattr(state, name) for name in msgspec.structs.asdict(state) if name != "doubled_at")


@pytest.mark.parametrize(
    ("epoch", "now"), [pytest.param("next", 6.0, id="another-boot"), pytest.param("boot", 0.5, id="clock-went-back")]
)
def test_a_state_of_another_clock_is_none(epoch: str, now: float) -> None:
    """What was written before a boot, or in the future, does not hold."""
    assert codec.decode(codec.encode(full(), "boot", 6.0), epoch, now) is None


@pytest.mark.parametrize("data", [b"", b"\x00" * 100, b"\x94\x01", b"\x94\x02\xa0\x00\x90", b"not msgpack at all"])
def test_bytes_that_are_no_state_are_none(data: bytes) -> None:
    """Cut, foreign and newer bytes are read as nothing."""
    assert codec.decode(data, "", 0.0) is None


def test_cut_bytes_are_no_state() -> None:
    """At no byte does a cut state look like a whole one."""
    data = codec.encode(full(), "", 6.0)
    assert [] == [at for at in range(len(data)) if codec.decode(data[:at], "", 6.0) is not None]


def test_the_size_is_bounded() -> None:
    """With any number of processes there are no more bytes than a slot has; what is left out comes back by itself."""
    state = full()
    for number in range(MOST_HOLDERS):
        state.holders[f"{number:012}"] = Held(1.0, 1)
    for number in range(MOST_STANDS):
        state.stands.append(Stand(f"{number:012}", "normal", ONE, ONE, 1.0))
    assert len(codec.encode(state, "boot", 6.0)) <= codec.MOST_BYTES
    state.stands *= 4
    data = codec.encode(state, "boot", 6.0)
    assert len(data) <= codec.MOST_BYTES
    read = codec.decode(data, "boot", 6.0)
    assert read is not None
    assert ([], 3) == (read.stands, len(read.buckets) + 1)


def test_more_limits_than_can_be_shared_are_refused() -> None:
    """The error says what to give less of."""
    limits = [Limit(dimension=f"requests/{number}", amount=1) for number in range(300)]
    with pytest.raises(ConfigError, match="300 limits"):
        codec.encode(State.fresh(limits, 0.0), "", 0.0)


def test_processes_take_turns() -> None:
    """Who waits longest, counted in turns, goes first; what one process takes, the others do not have."""
    one, two = Process("one"), Process("two")
    while isinstance(wait := one.reserve(0.0), Grant):
        pass
    more = one.reserve(0.0)
    other = two.reserve(0.0)
    assert isinstance(other, Wait)
    assert other.until == pytest.approx(wait.until + 0.1)  # behind one call of the other process, not behind both
    assert isinstance(two.resume(other, wait.until), Wait)
    assert isinstance(one.resume(wait, wait.until), Grant)
    assert isinstance(two.resume(other, wait.until + 0.1), Grant)
    assert isinstance(more, Wait)


def test_who_breaks_a_promise_is_passed() -> None:
    """A process that is stopped holds nobody up for longer than its grace, and is first again when it is back."""
    one, two = Process("one"), Process("two")
    while isinstance(wait := one.reserve(0.0), Grant):
        pass
    other = two.reserve(0.0)
    assert isinstance(other, Wait)
    assert isinstance(two.resume(other, wait.until + 0.01), Wait)
    assert isinstance(two.resume(other, wait.until + 0.06), Grant)
    assert isinstance(one.resume(wait, wait.until + 0.2), Grant)


def test_what_a_dead_process_had_in_flight_is_forgotten() -> None:
    """At a provider of which nothing is known, its places in the first flight are free again; its stand is gone."""
    dead, one = Process("dead", ()), Process("one", ())
    while isinstance(dead.reserve(0.0), Grant):
        pass
    grant = one.reserve(1.0)
    assert isinstance(grant, Grant)
    assert (1, 1) == (one.scope.state.in_flight, len(one.scope.state.holders))
    assert [] == one.scope.state.stands


def test_what_a_dead_process_took_from_a_bucket_stays_taken() -> None:
    """The provider is likely to have counted it."""
    dead, one = Process("dead"), Process("one")
    while isinstance(dead.reserve(0.0), Grant):
        pass
    wait = one.reserve(0.0)
    assert isinstance(wait, Wait)


def test_a_free_place_is_kept_for_who_stood_first() -> None:
    """Where the flight is limited, a process whose own call comes back does not take the place from another."""
    one, two = Process("one", ()), Process("two", ())
    grants = [one.reserve(0.0) for _ in range(8)]
    other, own = two.reserve(0.0), one.reserve(0.0)
    assert isinstance(other, Wait)
    assert isinstance(own, Wait)
    assert isinstance(grants[0], Grant)
    one.begin(0.01).release(grants[0], 0.01)
    one.end(0.01)
    assert own.ticket.grant is None
    assert isinstance(two.resume(other, 0.02), Grant)


def test_a_later_process_brings_its_own_limits() -> None:
    """What the user says now holds, and not what a process was told that began earlier."""
    state = State.fresh(RPM, 0.0)
    state.take({"requests": 9.0}, 0.0)
    state.configure((Limit(dimension="requests", amount=1200),), 0.0)
    assert (20.0, 1.0) == (state.buckets["requests"].rate, state.buckets["requests"].level)
    state.configure((Limit(dimension="requests", amount=1200),), 0.0)
    assert 1.0 == state.buckets["requests"].level


def test_parts_are_no_more_than_the_whole() -> None:
    """What four processes may do alone is what all might together, and none brings back more than is left."""
    state = State.fresh(RPM, 0.0)
    part = state.share(4)
    assert (2.5, 2.5) == (part.buckets["requests"].rate, part.buckets["requests"].capacity)
    assert 10.0 == state.buckets["requests"].rate
    part.take({"requests": 2.0}, 0.0)
    state.rejoin(part, 4)
    assert 2.0 == state.buckets["requests"].level


def test_what_is_undone_is_as_before() -> None:
    """Grants that were not kept are back at the head of the line, in their order."""
    scope = Scope(RPM, 0.0, Peers("one", lives, quantum=0.1, grace=0.25, look=0.1))
    tickets = [scope.ticket(ONE, 0.0, "normal") for _ in range(12)]
    for ticket in tickets:
        assert scope.queue(ticket, 0.0) is None
    going = scope.pump(0.0)
    assert 8 <= len(going) < 12
    scope.undo(going)
    scope.attach(State.fresh(RPM, 0.0), 0.0)
    assert (0, 12) == (scope.in_flight, scope.waiting)
    assert [number.number for number in scope.pump(0.0)] == [ticket.number for ticket in going]
