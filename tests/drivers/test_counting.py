"""Nothing is lost and nothing is done twice: threads, tasks, loops, processes and forks count together."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from dragoman.runtime import AsyncRuntime, BlockingRuntime, drive
from tests.drivers.subjects import Face, Subject, count
from tests.house.modules import ROOT

BLOCKING = BlockingRuntime()
ASYNC = AsyncRuntime()


def total(counting: Subject) -> int:
    """What was counted, seen from the blocking face."""
    return drive(counting.value(BLOCKING))


def test_one_after_another(counting: Subject, face: Face) -> None:
    """Each increment sees the one before."""
    face.do(lambda runtime: count(counting, runtime, 5))

    assert 5 == total(counting)
    assert 5 == face.do(counting.value)


def test_twenty_four_threads(counting: Subject) -> None:
    """Threads share one driver, with fewer connections than threads."""
    with ThreadPoolExecutor(24) as pool:
        list(pool.map(lambda _: drive(count(counting, BLOCKING, 5)), range(24)))

    assert 120 == total(counting)


def test_many_tasks(counting: Subject) -> None:
    """Tasks of one loop share one driver, with fewer connections than tasks."""

    async def main() -> None:
        await asyncio.gather(*(count(counting, ASYNC, 2) for _ in range(50)))

    asyncio.run(main())

    assert 100 == total(counting)


def test_several_loops_and_threads_at_once(counting: Subject) -> None:
    """Loops that live and die in several threads share one driver with threads that have none."""

    async def tasks() -> None:
        await asyncio.gather(*(counting.increment(ASYNC) for _ in range(5)))

    def loops() -> None:
        for _ in range(3):
            asyncio.run(tasks())

    with ThreadPoolExecutor(8) as pool:
        steps = [pool.submit(loops) for _ in range(4)]
        steps += [pool.submit(drive, count(counting, BLOCKING, 15)) for _ in range(4)]
        for step in steps:
            step.result()

    assert 120 == total(counting)


def test_the_blocking_face_inside_a_running_loop(counting: Subject) -> None:
    """In a notebook both faces are used by the same thread."""

    async def cell() -> None:
        await counting.increment(ASYNC)
        drive(counting.increment(BLOCKING))
        await counting.increment(ASYNC)

    asyncio.run(cell())

    assert 3 == total(counting)


def test_eight_processes(counting: Subject, url: str) -> None:
    """Processes of both faces lose no increment."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-m", "tests.drivers.subjects", url]
    running = [
        subprocess.Popen([*command, face, "20"], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for face in ["blocking", "asyncio"] * 4
    ]
    said = [process.communicate()[1] for process in running]

    assert [""] * 8 == said
    assert [0] * 8 == [process.returncode for process in running]
    assert 160 == total(counting)


FORK = """
import asyncio, os, sys, threading
from dragoman.runtime import AsyncRuntime, BlockingRuntime, drive
from tests.drivers.subjects import Face, count, subject

counting = subject(sys.argv[1])
faces = [Face("blocking"), Face("asyncio")]

def use(times):
    for face in faces:
        face.do(lambda runtime: count(counting, runtime, times))

async def main():
    # A loop with open connections, beside threads that are in the middle of using the driver.
    await count(counting, AsyncRuntime(), 1)
    threads = [threading.Thread(target=use, args=(10,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    child = os.fork()
    if not child:
        try:
            answer = []
            thread = threading.Thread(target=lambda: answer.append(use(10)))
            thread.start()
            thread.join()
            os._exit(0 if answer else 1)
        finally:
            os._exit(2)
    await count(counting, AsyncRuntime(), 10)
    for thread in threads:
        thread.join()
    await count(counting, AsyncRuntime(), 10)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

drive(count(counting, BlockingRuntime(), 1))
code = asyncio.run(main())
counting.driver.close()
sys.exit(code)
"""


def test_a_forked_child_and_its_parent(counting: Subject, url: str) -> None:
    """A child that is forked in the middle of everything counts on, and disturbs nothing that its parent has open."""
    command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", FORK, url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert ("", 0) == (done.stderr, done.returncode)
    assert 1 + 1 + 3 * 20 + 20 + 20 == total(counting)


def test_nothing_is_left_open(counting: Subject, face: Face) -> None:
    """After close, or the end of its loop, a driver has no descriptor and no thread left; it can be used again."""
    before = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(3):
        face.do(lambda runtime: count(counting, runtime, 2))
        counting.driver.close()
    for thread in threading.enumerate():
        if thread.name.startswith("dragoman-sqlite"):
            thread.join(5)

    assert before[0] + 1 >= len(os.listdir("/proc/self/fd"))  # a loop's last thread may be closing its own
    assert before[1] >= threading.active_count()
    assert 6 == total(counting)
