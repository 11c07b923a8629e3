"""Output that cannot be written: a full disk, and a reader that has left."""

from __future__ import annotations

import pytest

from tests.cli.program import Program

COMMANDS = [
    ("--version",),
    ("--help",),
    ("kit", "translate", "--help"),
    ("__complete", "zsh", "mod"),
    ("ask", "-m", "sim/echo", "hi"),
    ("models", "openai", "--json"),
    ("template", "show", "mail"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_full_disk_behind_standard_output(dragoman: Program, command: tuple[str, ...]) -> None:
    """One line that says so, exit code 1."""
    result = dragoman.shell(f"{dragoman.line(*command)} >/dev/full")

    assert 1 == result.code
    assert "dragoman: standard output: No space left on device" == result.err.splitlines()[-1]
    assert "Traceback" not in result.err


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_reader_that_has_left(dragoman: Program, command: tuple[str, ...]) -> None:
    """Nothing is said of it, and nothing was wrong."""
    line = dragoman.line(*command)
    result = dragoman.shell(f"({line}; echo $? >code) | exec 0<&- sleep 0.01; while ! [ -s code ]; do sleep 0.02; done")

    assert "0\n" == (dragoman.directory / "code").read_text()
    assert "" == result.err.replace("▌SIMULATED▐ no model was asked\n", "")


def test_a_full_disk_behind_standard_error(dragoman: Program) -> None:
    """The answer and the exit code are what they would be."""
    answer = dragoman.shell(f"{dragoman.line('ask', '-m', 'sim/echo', 'hi')} 2>/dev/full")
    failure = dragoman.shell(f"{dragoman.line('ask', 'hi')} 2>/dev/full")

    assert (0, "hi\n") == (answer.code, answer.out)
    assert 3 == failure.code


def test_a_full_disk_behind_both(dragoman: Program) -> None:
    """There is nobody to tell; the exit code says it."""
    assert 1 == dragoman.shell(f"{dragoman.line('--version')} >/dev/full 2>&1").code
    assert 1 == dragoman.shell(f"{dragoman.line('ask', '-m', 'sim/echo', 'hi')} >/dev/full 2>&1").code
