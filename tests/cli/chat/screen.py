"""A terminal that a person could sit at: the program runs on a pty, and what it shows is read as text."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from types import TracebackType
from typing import Any, Self

import pyte

from tests.cli.program import Program

PATIENCE = 20.0


class _Screen(pyte.HistoryScreen):
    """Answers what a program asks of its terminal."""

    terminal: int = -1

    def write_process_input(self, data: str) -> None:
        os.write(self.terminal, data.encode())


class Screen:
    """
    The command line on a terminal.

    Attributes:
        bytes: All that it wrote.
    """

    def __init__(self, program: Program, *arguments: str, columns: int = 80, lines: int = 24, **environ: str) -> None:
        self._terminal, theirs = pty.openpty()
        self.bytes = b""
        self._screen = _Screen(columns, lines, history=5000, ratio=0.5)
        self._screen.terminal = self._terminal
        self._stream = pyte.ByteStream(self._screen)
        self._size(columns, lines)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dragoman", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=program.environ | {"LC_ALL": "C.UTF-8", "DRAGOMAN_LANG": "en"} | environ,
            cwd=program.directory,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(theirs)

    def _size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        """Make the window another size, as a user does with the mouse."""
        self._pump(0)
        self._screen.resize(lines, columns)
        self._size(columns, lines)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._terminal, text.encode())

    def say(self, text: str) -> None:
        """Type a line."""
        self.type(f"{text}\r")

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.type("\x03")

    def kill(self) -> None:
        """kill -9."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10)

    def wait_for(self, text: str, *, count: int = 1, patience: float = PATIENCE) -> str:
        """Wait until a text is on the screen, or in what has scrolled off it, so many times."""
        until = time.monotonic() + patience
        while self.text.count(text) < count:
            if time.monotonic() > until or not self._pump(0.05):
                raise AssertionError(f"{text!r} did not appear {count} times:\n{self.text}")
        return self.text

    def end(self) -> int:
        """Wait until the program ends, and return its exit code."""
        until = time.monotonic() + PATIENCE
        while self._pump(0.05) and time.monotonic() < until:
            pass
        return self._process.wait(5)

    @property
    def text(self) -> str:
        """What was shown, what has scrolled away included; blanks at the ends of lines are left out."""
        off = ["".join(line[x].data for x in range(self._screen.columns)) for line in self._screen.history.top]
        return "\n".join(line.rstrip() for line in [*off, *self._screen.display]).rstrip("\n")

    @property
    def rows(self) -> list[str]:
        """The same, line by line."""
        return self.text.split("\n")

    def _pump(self, seconds: float) -> bool:
        """Read what there is; False when the program has left the terminal."""
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        if not ready:
            return True
        try:
            piece = os.read(self._terminal, 65536)
        except OSError:  # what Linux says when the other end of a terminal is closed
            return False
        self.bytes += piece
        self._stream.feed(piece)
        return bool(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.kill()
        os.close(self._terminal)


def _take_terminal() -> None:
    """Have Ctrl-C reach the program."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def without_times(text: str) -> str:
    """A screen whose seconds and names of conversations are always the same."""
    return re.sub(r"chat-[0-9a-f-]{20}", "chat-NAME", re.sub(r"\d+\.\d+ s\b", "0.0 s", text))


def plain(value: Any) -> str:
    """Visible characters, without blanks."""
    return "".join(str(value).split())
