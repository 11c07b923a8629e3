"""
Keys that a program prints: `cmd:op read op://vault/openai/key`, `cmd:pass show openai?line=1`.

The text is split into words as a shell would, and no shell runs: `$`, `|`, `;` and `*` are nothing special.  Standard
output is the key, without the line feed at its end; `line=N` takes one line of it.  The program gets no input and no
terminal, and `timeout` seconds (30); then it is killed with all that it has started.

Rule: what the program prints is shown nowhere, not even where it fails, since anything in it may be the key.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from dragoman.errors import ConfigError
from dragoman.secrets.lookup import MOST, decoded, failed, without_end_of_line
from dragoman.secrets.reference import Reference

_TIMEOUT: Final = 30.0


def from_command(reference: Reference, environ: Mapping[str, str]) -> str:
    """`cmd:WORDS`: what a program prints."""
    words, seconds = _words(reference), _number(reference, "timeout", _TIMEOUT)
    line = int(_number(reference, "line", 0))
    text = decoded(_output(words, seconds, reference, environ), reference)
    if not line:
        return without_end_of_line(text)
    lines = text.splitlines()
    if line > len(lines):
        raise failed(reference, f"printed {len(lines)} lines", f"line={line} is not there")
    return lines[line - 1]


def _words(reference: Reference) -> list[str]:
    try:
        words = shlex.split(reference.name)
    except ValueError:
        words = []
    if not words:
        raise failed(reference, "is no command", "close its quotes, and name a program")
    return words


def _number(reference: Reference, option: str, usual: float) -> float:
    text = reference.options.get(option)
    if text is None:
        return usual
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 100_000:
        raise failed(reference, f"has {option}={text}", "give a whole number of 1 or more")
    return float(text)


def _output(words: Sequence[str], seconds: float, reference: Reference, environ: Mapping[str, str]) -> bytes:
    process = _started(words, reference, environ)
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        assert process.stdout is not None  # it was asked for
        output = process.stdout.read(MOST + 1)
        if len(output) <= MOST:
            process.wait()
    finally:
        timer.cancel()
        _end(process)
    if late.is_set():
        raise failed(reference, f"printed no key within {seconds:g} s", "if it asks something, unlock it; or ?timeout=")
    if process.returncode and len(output) <= MOST:
        raise failed(reference, f"ended with exit code {process.returncode}", "run it by hand to see why")
    return output


def _started(words: Sequence[str], reference: Reference, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    problem: ConfigError
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            start_new_session=True,
        )
    except FileNotFoundError:
        problem = failed(reference, "is no program that is found", "install it, or give its whole path")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its words cannot be passed on"
        problem = failed(reference, f"cannot be started ({why})", "run it by hand to see why")
    raise problem


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a program with all that it has started; its own end is not waited for."""
    try:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        return  # all are gone


def _end(process: subprocess.Popen[bytes]) -> None:
    """Whatever happened, nothing stays behind."""
    if process.poll() is None:
        _kill(process)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
