"""Limits shared by the processes of one machine."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client, ConfigError
from dragoman.limits.host import HostPacer
from dragoman.limits.permits import Note
from dragoman.limits.places import file_name
from dragoman.limits.slots import SlotFile
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.grants import Refuse
from dragoman.policy.limit.headers import Snapshot
from dragoman.policy.limit.limiter import ScopeKey
from dragoman.policy.limit.pacer import Permit
from dragoman.policy.limit.refusals import Refusal
from dragoman.runtime import AsyncRuntime, BlockingRuntime, drive

KEY = ScopeKey(provider="openai", credential="c0ffee", pool="m")
RPM = (Limit(dimension="requests", amount=600),)  # 10 a second, 10 at once
ONE = {"requests": 1.0, "tokens": 10.0}
BLOCKING = BlockingRuntime()

# Another process: takes so many turns, says so, and stays.
_OTHER = """
import sys, time
from dragoman.limits.host import HostPacer
from dragoman.policy.limit.bucket import Limit
from dragoman.policy.limit.limiter import ScopeKey
from dragoman.runtime import BlockingRuntime, drive
limits = (Limit(dimension="requests", amount=600),) if sys.argv[2] == "known" else ()
key = ScopeKey(provider="openai", credential="c0ffee", pool="m")
cost = {"requests": 1.0, "tokens": 10.0}
pacer, permits = HostPacer(), []
for _ in range(int(sys.argv[1])):
    permits.append(drive(pacer.admit(key, limits, cost, BlockingRuntime(), "normal", None)))
print("taken", flush=True)
for line in sys.stdin:
    permits.pop().released()
    print("released", flush=True)
"""


@pytest.fixture
def pacer(runtime_dir: Path) -> Iterator[HostPacer]:
    """A pacer of this process."""
    made = HostPacer()
    yield made
    made.forget()


def admit(pacer: HostPacer, limits: tuple[Limit, ...] = RPM, wait: float | None = None) -> Permit | Refuse:
    """One turn, on the blocking face."""
    until = None if wait is None else time.monotonic() + wait
    return drive(pacer.admit(KEY, limits, ONE, BLOCKING, "normal", until))


def permit(pacer: HostPacer, limits: tuple[Limit, ...] = RPM) -> Any:
    """One turn that is had."""
    got = admit(pacer, limits)
    assert not isinstance(got, Refuse)
    return got


class Other:
    """Another process."""

    def __init__(self, turns: int, known: str = "known") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _OTHER, str(turns), known], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._heard("taken")

    def release(self) -> None:
        """Have it give one back."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self._heard("released")

    def kill(self) -> None:
        """End it as it is."""
        self.process.kill()
        self.process.communicate()

    def _heard(self, word: str) -> None:
        assert self.process.stdout is not None
        assert f"{word}\n" == self.process.stdout.readline()


@pytest.fixture
def others() -> Iterator[list[Other]]:
    """Processes that are ended in any case."""
    made: list[Other] = []
    yield made
    for other in made:
        other.kill()


def test_what_another_process_took_is_not_to_be_had(pacer: HostPacer, others: list[Other]) -> None:
    """Nine of the ten that come at once are taken elsewhere: one goes here, the next waits for a tenth of a second."""
    others.append(Other(9))
    since = time.monotonic()
    first = permit(pacer)
    assert first.waited < 1.0
    second = permit(pacer)
    assert 0.05 < second.waited < 2.0
    assert time.monotonic() - since < 5


def test_a_deadline_is_refused_for_what_others_took(pacer: HostPacer, others: list[Other]) -> None:
    """Nothing waits that cannot be in time, and the error knows how long it would be."""
    others.append(Other(10))
    refused = admit(pacer, wait=0.01)
    assert isinstance(refused, Refuse)
    assert ("deadline", "requests") == (refused.reason, refused.dimension)
    assert refused.wait is not None
    assert 0 < refused.wait < 1


def test_a_release_elsewhere_is_noticed_here(pacer: HostPacer, others: list[Other]) -> None:
    """At a provider of which nothing is known 8 fly; when another process has one back, one goes here, soon."""
    others.append(Other(8, "unknown"))
    timer = threading.Timer(0.2, others[0].release)
    timer.start()
    since = time.monotonic()
    permit(pacer, ())
    assert 0.15 < time.monotonic() - since < 2.0
    timer.join()


def test_what_a_killed_process_had_is_free_again(pacer: HostPacer, others: list[Other]) -> None:
    """Its places in the first flight do not stay taken, and who waits goes on by itself."""
    others.append(Other(8, "unknown"))
    timer = threading.Timer(0.2, others[0].kill)
    timer.start()
    since = time.monotonic()
    permit(pacer, ())
    assert 0.15 < time.monotonic() - since < 3.0
    timer.join()


def test_a_stopped_process_that_waits_holds_nobody_up(pacer: HostPacer, others: list[Other]) -> None:
    """It stands before us in the line, and is passed."""
    other = Other(10)
    others.append(other)
    script = _OTHER.replace('print("taken"', 'print("never"')
    waiting = subprocess.Popen([sys.executable, "-c", script, "200", "known"], stdin=subprocess.PIPE, text=True)
    try:
        time.sleep(0.7)
        waiting.send_signal(signal.SIGSTOP)
        took = [permit(pacer).waited for _ in range(10)]
        assert sum(took) < 4.0
    finally:
        waiting.kill()
        waiting.communicate()


def test_a_process_stopped_with_the_lock_leaves_the_others_alone(
    pacer: HostPacer, runtime_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """They go on with their part after half a second, say so once, and share again when the lock is free."""
    permit(pacer)
    other = SlotFile(str(runtime_dir / "dragoman" / file_name(KEY)))
    assert other.lock(1.0)
    with caplog.at_level(logging.WARNING, "dragoman.limit"):
        since = time.monotonic()
        permit(pacer)
        assert 0.4 < time.monotonic() - since < 3
        assert pacer.alone
        for _ in range(3):
            permit(pacer).settled(None, ())
        assert 1 == len(caplog.records)
        assert "1/1" in caplog.text
        other.unlock()
        other.close()
        until = time.monotonic() + 5
        while pacer.alone and time.monotonic() < until:
            time.sleep(0.1)
            permit(pacer).released()
        assert not pacer.alone
        assert "shared again" in caplog.text
    assert 2 == len(caplog.records)


def test_a_permit_may_end_inside_the_pacer(pacer: HostPacer) -> None:
    """The garbage collector may end a dropped call while the pacer decides, in the same thread: nothing hangs."""
    first, desk = permit(pacer, ()), pacer._desk(KEY, ())

    def inside(scope: Any, now: float) -> None:
        first.settled(None, [Snapshot(dimension="requests", limit=600, remaining=599, period=60.0)])

    desk.decide(inside, 1.0)
    assert 0 == desk.scope.in_flight
    assert {"requests"} == set(desk.scope.buckets)


def test_notes_of_many_threads_are_all_taken(pacer: HostPacer) -> None:
    """Whoever cannot have the lock leaves a note, and whoever has it takes it in."""
    permits = [permit(pacer, (Limit(dimension="requests", amount=60_000),)) for _ in range(400)]
    threads = [
        threading.Thread(target=lambda part: [one.released() for one in part], args=(permits[at::8],))
        for at in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk, until = pacer._desk(KEY, ()), time.monotonic() + 5
    while desk.scope.in_flight and time.monotonic() < until:
        time.sleep(0.01)
    assert 0 == desk.scope.in_flight
    assert 0.0 == desk.scope.state.granted["requests"]


@pytest.mark.parametrize("cancel_at", [0.0, 0.02])
def test_who_is_cancelled_leaves_no_trace(pacer: HostPacer, cancel_at: float) -> None:
    """Who stood behind goes in its place."""

    async def main() -> tuple[float, int]:
        runtime = AsyncRuntime()
        for _ in range(10):
            await pacer.admit(KEY, RPM, ONE, runtime, "normal", None)
        tasks = [asyncio.create_task(pacer.admit(KEY, RPM, ONE, runtime, "normal", None)) for _ in range(5)]
        await asyncio.sleep(cancel_at)
        for task in tasks[:4]:
            task.cancel()
        await asyncio.gather(*tasks[:4], return_exceptions=True)
        got = await tasks[4]
        assert not isinstance(got, Refuse)
        return got.waited, pacer._desk(KEY, ()).scope.waiting

    waited, waiting = asyncio.run(main())
    assert waited < 0.5
    assert 0 == waiting


def test_a_refused_call_stands_first(pacer: HostPacer) -> None:
    """After a 429 it goes before those that came later, when the provider's time is over."""
    first = permit(pacer)
    place = first.refused(Refusal(dimension="requests", wait=0.2), (), None)
    assert not isinstance(place, Refuse)
    since = time.monotonic()
    assert not isinstance(drive(pacer.again(place, BLOCKING)), Refuse)
    assert 0.15 < time.monotonic() - since < 2
    place.leave()  # nothing: it has gone on


def test_a_place_that_is_given_up_is_free(pacer: HostPacer) -> None:
    """Whoever stood behind does not wait for it."""
    place = permit(pacer).refused(Refusal(dimension="requests", wait=0.1), (), None)
    assert not isinstance(place, Refuse)
    place.leave()
    place.leave()
    assert permit(pacer).waited < 1
    assert 0 == pacer._desk(KEY, ()).scope.waiting


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (Refusal(kind="quota"), Refuse(None, "quota")),
        (Refusal(kind="overload", wait=3.0), Refuse(3.0, "overload")),
        (Refusal(dimension="tokens", limit=10, requested=20), Refuse(None, "too_large", "tokens")),
    ],
)
def test_what_waiting_does_not_help_is_refused(pacer: HostPacer, refusal: Refusal, expected: Refuse) -> None:
    """Money, size and overload are no reason to stand in line."""
    assert expected == permit(pacer).refused(refusal, (), None)
    assert 0 == pacer._desk(KEY, ()).scope.in_flight


def test_a_child_shares_as_a_process_of_its_own(pacer: HostPacer) -> None:
    """Forked while another thread holds the lock, it has its own lines, takes from the same limit, and ends nothing of
    its parent's calls."""
    permits = [permit(pacer) for _ in range(8)]
    desk, inside, go_on = pacer._desk(KEY, ()), threading.Event(), threading.Event()

    def hold(scope: Any, now: float) -> None:
        inside.set()
        go_on.wait(10)

    thread = threading.Thread(target=desk.decide, args=(hold, 1.0))
    thread.start()
    inside.wait(10)
    child = os.fork()
    if not child:
        permits[0].settled(None, ())
        inside.clear()
        time.sleep(0.3)  # the parent goes on
        waited = sum(permit(pacer).waited for _ in range(15))  # 2 are left, and 3 or so have come back
        os._exit(0 if 0.5 < waited < 3.0 and 15 == pacer._desk(KEY, ()).scope.in_flight else 1)
    go_on.set()
    thread.join()
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert 8 == desk.scope.in_flight


def test_files_are_closed_when_too_many_are_open(pacer: HostPacer) -> None:
    """Of scopes that are not used any more, the one unused for longest makes room."""
    before = len(os.listdir("/proc/self/fd"))
    for number in range(100):
        key = ScopeKey(provider="openai", pool=f"m{number}")
        got = drive(pacer.admit(key, RPM, ONE, BLOCKING, "normal", None))
        assert not isinstance(got, Refuse)
        got.settled(None, ())
        pacer._desk(key, ()).used -= 3600  # an hour ago
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 70


def test_a_client_shares_by_name(runtime_dir: Path, server: Any) -> None:
    """`Client(limit="host")` leaves a file behind, and without it none is made."""
    from dragoman.testing import says

    row = {"openai": {"base_url": server.base_url("openai-chat"), "api_key": "k"}}
    server.script(says("ok"), says("ok"))
    with Client(providers=row) as client:
        assert "ok" == client.chat("openai/m", "Hi").text
    assert [] == list(runtime_dir.iterdir())
    script = (
        "import sys; from dragoman import Client\n"
        "row = {'openai': {'base_url': sys.argv[1], 'api_key': 'k'}}\n"
        "print(Client(providers=row, limit='host').chat('openai/m', 'Hi').text)\n"
    )
    url = server.base_url("openai-chat")
    done = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, check=True)
    assert "ok\n" == done.stdout
    (path,) = (runtime_dir / "dragoman").iterdir()
    assert b"openai" not in path.read_bytes()


@pytest.mark.parametrize("limit", ["hosts", "mysql://u:secret@h/db", "", "redis:/x"])
def test_other_ways_are_refused(limit: str) -> None:
    """The error names those that there are, and no password."""
    with pytest.raises(ConfigError, match="redis://") as caught:
        Client(limit=limit)
    assert "secret" not in caught.value.message


def test_without_file_locks_the_error_says_so(runtime_dir: Path) -> None:
    """On a system without `fcntl` (Windows) a host cannot be shared by a file; in-process pacing still works."""
    script = (
        "import sys; sys.modules['fcntl'] = None\n"
        "from dragoman import Client, ConfigError\n"
        "Client(limit='process').close()\n"
        "try:\n    Client(limit='host')\n"
        "except ConfigError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "file locks" in done.stdout


def test_a_note_to_a_closed_desk_is_nothing(pacer: HostPacer) -> None:
    """Whatever ends after a desk was closed ends in silence."""
    desk = pacer._desk(KEY, ())
    pacer.forget()
    desk.post(Note(None, None))
    assert desk.idle
