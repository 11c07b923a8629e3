"""Work that nobody waits for is done in order, once, and by the process that asked for it."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading

import pytest

from dragoman import background


def test_work_is_done_in_order() -> None:
    """What was submitted first is done first, in one thread that is not the caller's."""
    seen: list[tuple[int, int]] = []
    for number in range(100):
        assert background.submit(lambda number=number: seen.append((number, threading.get_ident())))  # type: ignore[misc]

    assert background.flush(10)
    assert list(range(100)) == [number for number, _ in seen]
    assert 1 == len({thread for _, thread in seen} - {threading.get_ident()})


def test_work_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The next piece is done all the same."""
    seen: list[str] = []
    with caplog.at_level(logging.ERROR, "dragoman.background"):
        background.submit(lambda: seen.append(str(1 // 0)))
        background.submit(lambda: seen.append("next"))
        assert background.flush(10)

    assert ["next"] == seen
    assert ["dragoman.background"] == [record.name for record in caplog.records]
    assert "ZeroDivisionError" in caplog.text


def test_flush_does_not_wait_for_ever() -> None:
    """It says that not all is done; the work goes on."""
    go_on = threading.Event()
    background.submit(lambda: go_on.wait(30) and None)

    assert not background.flush(0.05)
    go_on.set()
    assert background.flush(10)


def test_flush_from_inside_does_not_wait_for_itself() -> None:
    """Work that flushes is told at once that it is not done yet."""
    answers: list[bool] = []
    background.submit(lambda: answers.append(background.flush(30)))

    assert background.flush(10)
    assert [False] == answers


def test_the_queue_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """Work that does not fit is refused and said once; afterwards there is room again."""
    go_on = threading.Event()
    started = threading.Event()
    background.submit(lambda: started.set() or (go_on.wait(30) and None))
    assert started.wait(10)

    accepted = [background.submit(lambda: None) for _ in range(background.MOST + 5)]
    go_on.set()

    assert [True] * background.MOST + [False] * 5 == accepted
    assert 1 == len(caplog.records)
    assert background.flush(30)
    assert background.submit(lambda: None)


def run(script: str) -> str:
    """What a program prints."""
    command = [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ("", 0) == (done.stderr, done.returncode)
    return done.stdout


def test_what_is_left_is_done_at_the_end_of_the_program() -> None:
    """The interpreter waits for it."""
    script = "import time; from dragoman import background; background.submit(lambda: (time.sleep(.2), print('done')))"

    assert "done\n" == run(script)


def test_work_at_the_end_of_the_program() -> None:
    """It may be asked for by what runs at the end, and is done or dropped without a traceback."""
    script = "import atexit; from dragoman import background; atexit.register(background.submit, lambda: None)"

    assert run(script) == ""


def test_a_forked_child_does_only_its_own() -> None:
    """What the parent submitted is done once; the child has a thread of its own."""
    script = """
import os, time
from dragoman import background
background.submit(lambda: time.sleep(.2))
background.submit(lambda: os.write(1, b"parent\\n"))
if not os.fork():
    background.submit(lambda: os.write(1, b"child\\n"))
    os._exit(0 if background.flush(10) else 1)
assert os.wait()[1] == 0
assert background.flush(10)
"""
    assert ["child", "parent"] == sorted(run(script).split())
