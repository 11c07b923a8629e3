"""Who leads and who waits: decisions without a wait, and waits across threads and loops."""

from __future__ import annotations

import asyncio
import os
import threading

from dragoman.policy.cache.flights import FAILED, Flights, Landed
from dragoman.runtime import AsyncRuntime, BlockingRuntime, Waiter, drive

KEY = b"k" * 32
HERE = BlockingRuntime()


def test_the_first_leads_and_the_others_wait() -> None:
    """One asks; whoever comes meanwhile gets something to wait for."""
    flights = Flights()
    flight = flights.visit(KEY)

    assert flights.visit(KEY) is flight
    assert flights.lead(flight, HERE) is None
    assert flights.lead(flight, HERE) is not None


def test_other_questions_fly_alone() -> None:
    """A flight has one key."""
    flights = Flights()

    assert flights.visit(KEY) is not flights.visit(b"other")


def test_who_comes_between_landing_and_storing_is_told() -> None:
    """Until the store has the answer, whoever did not find it there gets it from the flight; afterwards not."""
    flights = Flights()
    flight = flights.visit(KEY)
    flights.lead(flight, HERE)
    flights.land(flight, Landed(b"answer"))
    late = flights.visit(KEY)
    flights.close(flight)

    assert late.landed is not None
    assert b"answer" == late.landed.answer
    assert flights.lead(late, HERE) is None
    assert flights.visit(KEY).landed is None


def test_the_first_word_holds() -> None:
    """What was said to some is said to all."""
    flights = Flights()
    flight = flights.visit(KEY)
    flights.land(flight, Landed(b"answer"))
    flights.land(flight, FAILED)

    assert flight.landed is not None
    assert b"answer" == flight.landed.answer


def test_with_the_last_visitor_it_is_forgotten() -> None:
    """Nothing is held for questions that nobody asks."""
    flights = Flights()
    one, other = flights.visit(KEY), flights.visit(KEY)
    flights.leave(one)
    assert flights.visit(KEY) is other
    flights.leave(other)
    flights.leave(other)

    assert flights.visit(KEY) is not other


def test_a_stream_that_is_read_keeps_its_flight() -> None:
    """Who leads with a stream has left `open` long before the answer is whole."""
    flights = Flights()
    flight = flights.visit(KEY)
    flights.lead(flight, HERE)
    flights.stay(flight)
    flights.leave(flight)

    assert flights.visit(KEY) is flight


def test_who_gives_up_hands_over() -> None:
    """All who wait come back, and the first of them leads."""
    flights = Flights()
    flight = flights.visit(KEY)
    flights.lead(flight, HERE)
    waiters = [flights.lead(flight, HERE) for _ in range(3)]
    flights.hand_over(flight)

    assert all(waiter is not None and drive(waiter.wait(HERE.now() + 5)) for waiter in waiters)
    assert flights.lead(flight, HERE) is None
    assert flights.lead(flight, HERE) is not None


def test_threads_and_tasks_wait_for_each_other() -> None:
    """A leader on one face wakes those who wait on both."""
    flights = Flights()
    flight = flights.visit(KEY)
    flights.lead(flight, HERE)
    told: list[bool] = []
    waiting = threading.Barrier(3)

    def thread() -> None:
        waiter = flights.lead(flight, HERE)
        assert waiter is not None
        waiting.wait(5)
        told.append(drive(waiter.wait(HERE.now() + 5)))

    def loop() -> None:
        async def wait() -> bool:
            waiter: Waiter | None = flights.lead(flight, AsyncRuntime())
            assert waiter is not None
            waiting.wait(5)
            return await waiter.wait(HERE.now() + 5)

        told.append(asyncio.run(wait()))

    threads = [threading.Thread(target=work) for work in (thread, loop)]
    for one in threads:
        one.start()
    waiting.wait(5)
    flights.land(flight, Landed(b"answer"))
    for one in threads:
        one.join(5)

    assert [True, True] == told


def test_a_forked_child_waits_for_nobody() -> None:
    """Who leads in the parent will never answer in the child."""
    flights = Flights()
    flights.lead(flights.visit(KEY), HERE)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if flights.lead(flights.visit(KEY), HERE) is None else 1)

    assert 0 == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
