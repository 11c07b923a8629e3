"""The command line in this process, in one of its own, and on a terminal."""

from __future__ import annotations

import io
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from dragoman.cli.main import run


class Result(msgspec.Struct, frozen=True):
    """What a run left: exit code, answer, talk."""

    code: int
    out: str
    err: str


class Program:
    """
    Runs `dragoman` in an empty directory, with an environment that holds nothing but what a test puts there.

    Attributes:
        directory: Where it runs; the home directory is beside it.
    """

    def __init__(self, directory: Path, patch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]) -> None:
        self.directory = directory / "project"
        self.directory.mkdir()
        self.environ: dict[str, str] = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "TERM": "xterm",
            "DRAGOMAN_NO_DETECT": "1",
        }
        self._patch = patch
        self._captured = captured

    def __call__(self, *arguments: str, stdin: bytes = b"", **environ: str) -> Result:
        """Run it in this process, with `stdin` piped in."""
        with self._patch.context() as patch:
            for name in set(os.environ) - {"PATH"}:
                patch.delenv(name)
            for name, value in (self.environ | environ).items():
                patch.setenv(name, value)
            patch.chdir(self.directory)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
            code = run(arguments)
        out, err = self._captured.readouterr()
        return Result(code, out, err)

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
        """Start it as a process with pipes."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self._command(arguments),
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            env=self.environ | environ,
            cwd=self.directory,
        )

    def line(self, *arguments: str) -> str:
        """The command as a shell takes it."""
        return shlex.join(self._command(arguments))

    def shell(self, script: str) -> Result:
        """Run lines of a shell."""
        done = subprocess.run(
            ["bash", "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=self.environ,
            cwd=self.directory,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def on_terminal(self, *arguments: str, interrupt_at: str | None = None, **environ: str) -> Result:
        """Run it with a terminal at all three ends; `err` is empty, since a terminal shows both in one."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self._command(arguments),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=self.environ | environ,
            cwd=self.directory,
            start_new_session=True,
        )
        os.close(theirs)
        shown = _shown(ours, process, interrupt_at)
        os.close(ours)
        return Result(process.wait(10), shown.replace("\r\n", "\n"), "")

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "dragoman", *arguments]


def _shown(terminal: int, process: subprocess.Popen[bytes], interrupt_at: str | None) -> str:
    """Everything that appears on a terminal until the program ends; Ctrl-C once `interrupt_at` has appeared."""
    shown = b""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        ready, _, _ = select.select([terminal], [], [], 0.05)
        try:
            piece = os.read(terminal, 65536) if ready else None
        except OSError:  # what Linux says when the other end of a terminal is closed
            break
        if piece == b"":
            break
        shown += piece or b""
        if interrupt_at is not None and interrupt_at.encode() in shown:
            process.send_signal(signal.SIGINT)
            interrupt_at = None
    return shown.decode()


def provider(url: str) -> Mapping[str, str]:
    """The environment of someone whose key is for the server at `url`."""
    return {"OPENAI_API_KEY": "sk-nobodys-key-1234567890", "OPENAI_BASE_URL": url}
