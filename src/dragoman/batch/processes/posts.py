"""
Worker processes of this machine as the workers of a crew.

A worker is started anew, not forked, with the interpreter, the paths and the variables of this process, and with one
end of a socket pair as its standard input.  It is in a process group of its own, so that Ctrl-C reaches the driver
alone; and when the driver is gone, however that came, its input is at its end.

Rule: nothing is said on a command line but where modules are; everything else goes through the socket.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from dragoman._version import __version__
from dragoman.batch.afar.asker import BEAT
from dragoman.batch.afar.carrying import About, Outcome, code_of, python_of
from dragoman.batch.afar.crew import LostError
from dragoman.batch.processes import errands
from dragoman.batch.processes.frames import Frames, Say
from dragoman.errors import BatchError, ConfigError

_START: Final = "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); " + (
    "from dragoman.batch.processes.worker import main; main()"
)
# Seconds that a worker has to close its connections, and to be gone once it is killed.
_GOODBYE: Final = 3.0
# The driver does a good third of the work of a row whose answer is short: more workers than this would wait for it.
_LEAST, _MOST = 2, 4


def check_system() -> None:
    """
    Look whether this program can have worker processes.

    Raises:
        ConfigError: It cannot.
    """
    if os.name != "posix":
        raise ConfigError("engine='processes' needs a Unix system: leave out engine", field="engine")
    if not sys.executable or getattr(sys, "frozen", False):
        raise ConfigError(
            "engine='processes' starts its workers by the interpreter, and this program is a bundle: leave out engine",
            field="engine",
        )


def usual() -> int:
    """How many workers there are if nobody says: one for each processor that this process may use, 2 to 4."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(_LEAST, min(_MOST, cores))


class Processes:
    """
    Starts workers.

    Args:
        arguments: Packed; what their clients are made of.
        lease: Seconds that one may say nothing.
        wait: Seconds that one has to be ready.
    """

    noun = "worker processes"

    def __init__(self, arguments: bytes, lease: float, wait: float) -> None:
        self._arguments = arguments
        self._lease = lease
        self._wait = wait

    def hire(self) -> _Post:
        """One more."""
        return _Post(self._arguments, self._lease, self._wait)

    def unplaced(self) -> str:
        """Why none may be there."""
        return f"no worker process was ready in {self._wait:g} s: is the machine busy with something else?"


class _Post:
    """One process."""

    def __init__(self, arguments: bytes, lease: float, wait: float) -> None:
        self._arguments = arguments
        self._lease = lease
        self._wait = wait
        self._frames = Frames(self._came, self._gone)
        self._said: deque[tuple[int, bytes]] = deque()
        self._over = False
        self._come = asyncio.Event()
        self._process: subprocess.Popen[bytes] | None = None

    # --- begin and end ------------------------------------------------------------------------------------------------

    async def open(self) -> str:
        process = self._process = await self._start()
        about = msgspec.msgpack.decode(await self._next(self._wait), type=About)
        mine = About(__version__, code_of(), python_of(), "", 0)
        if (about.code, about.python) != (mine.code, mine.python):
            raise ConfigError(
                f"a worker process has {about}, and this one has {mine}: Dragoman was installed anew meanwhile; start "
                "the program again, and the batch goes on",
                field="engine",
            )
        self._frames.send(Say.OPEN, self._arguments)
        refused = await self._next(self._wait)
        if refused:
            raise ConfigError(
                f"a worker process cannot be made like this client ({refused.decode()}): what is given to the client "
                "must be of modules that can be imported, and not of the program's main file",
                field="engine",
            )
        return f"process {process.pid}"

    async def _start(self) -> subprocess.Popen[bytes]:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = self._process = _started(theirs.fileno())
            await asyncio.get_running_loop().connect_accepted_socket(lambda: self._frames, ours)
        except OSError as error:
            ours.close()
            raise BatchError(f"no worker process can be started: {error.strerror}", field="workers") from error
        except BaseException:
            ours.close()
            raise
        return process

    async def close(self) -> None:
        self._frames.send(Say.CLOSE)
        with suppress(TimeoutError):  # it is killed next
            async with asyncio.timeout(_GOODBYE):
                while not self._over:
                    self._come.clear()
                    await self._come.wait()

    def kill(self) -> None:
        self._frames.close()
        if self._process is not None:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):  # it is in the middle of something of the system's
                self._process.wait(_GOODBYE)

    # --- rows ---------------------------------------------------------------------------------------------------------

    def take(self, rows: list[tuple[int, bytes]]) -> None:
        self._frames.send(Say.TAKE, errands.pack_rows(rows))

    def drop(self, numbers: list[int]) -> None:
        self._frames.send(Say.DROP, errands.pack_numbers(numbers))

    async def outcomes(self) -> Sequence[Outcome]:
        return errands.unpack_outcomes(await self._next(self._lease))

    async def _next(self, seconds: float) -> bytes:
        """What it says next; silence is counted in beats, so that who was stopped himself takes nobody for dead."""
        beats = 0
        while not self._said:
            if self._over:
                raise LostError(self._how())
            if beats * BEAT >= seconds:
                raise LostError(f"it said nothing for {seconds:g} s")
            self._come.clear()
            try:
                async with asyncio.timeout(BEAT):
                    await self._come.wait()
            except TimeoutError:
                beats += 1
        return self._said.popleft()[1]

    def _came(self, kind: int, payload: bytes) -> None:
        self._said.append((kind, payload))
        self._come.set()

    def _gone(self) -> None:
        self._over = True
        self._come.set()

    def _how(self) -> str:
        """How it ended, in words."""
        assert self._process is not None  # it was started
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(_GOODBYE)
            return f"it was ended by signal {-code}" if code < 0 else f"it ended with status {code}"
        return "it has closed its connection"


def _started(stdin: int) -> subprocess.Popen[bytes]:
    """It is started in some milliseconds, by `vfork`."""
    command = [sys.executable, "-P", "-c", _START, json.dumps(sys.path)]
    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL, process_group=0)
