"""What a stranger meets who types something wrong."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.cli.program import Program


@pytest.mark.parametrize(
    ("line", "code", "expected"),
    [
        ("chta", 2, "did you mean chat?"),
        ("kb lst", 2, "No such command 'lst'. Did you mean 'list'?"),
        ("config set model nope", 3, "'nope' names no provider"),
        ("config set fallback sim/echo,nope", 3, "'nope' names no provider"),
        ("config edit", 2, "an editor needs a terminal: edit "),
        ("template edit mine", 2, "an editor needs a terminal: edit "),
        ("logs show", 2, "no call is kept yet: dragoman logs on keeps them from now on"),
        ("kit support --simulate no.toml -m sim/echo", 2, "the scenario cannot be read: No such file or directory\n"),
        ("kit code - --file no.py -m sim/echo", 2, "the file 'no.py' cannot be read: No such file or directory\n"),
        ("kit translate x.pdf --to German -m sim/echo", 2, "give --encoding\n"),
        ("completion tcsh", 2, "Invalid value for 'SHELL'"),
    ],
)
def test_what_is_wrong_is_said(dragoman: Program, line: str, code: int, expected: str) -> None:
    """In one sentence, with the exit code of its kind."""
    (dragoman.directory / "x.pdf").write_bytes(b"\xe6\xfc\xf8")

    result = dragoman(*line.split())

    assert expected in result.err
    assert (code, "") == (result.code, result.out)


def test_an_empty_schema_is_none(dragoman: Program) -> None:
    """It is refused, and not taken for text."""
    assert 2 == dragoman("ask", "-m", "sim/echo", "--schema", "", "hi").code


def test_help_is_a_command(dragoman: Program) -> None:
    """One word `help` asks for the page, more words ask a model."""
    assert dragoman("--help").out == dragoman("help").out
    assert "help me\n" == dragoman("-m", "sim/echo", "help me").out


def test_a_damaged_pdf_is_said_once(dragoman: Program) -> None:
    """Nothing of the library that reads it, and no tick where nothing was done."""
    (dragoman.directory / "x.pdf").write_bytes(os.urandom(3000))

    result = dragoman.shell(dragoman.line("kb", "add", "x.pdf"))

    assert result.err.startswith("✗ x.pdf: it is damaged")
    assert (1, 1) == (result.code, len(result.err.splitlines()))


@pytest.mark.parametrize("seconds", [0.1, 0.15, 0.2, 0.3])
def test_ctrl_c_while_it_is_loading(dragoman: Program, seconds: float) -> None:
    """It ends by the signal, or with 130, or had ended before; it calls nothing a fault of the program."""
    process = dragoman.start("doctor")
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=20)

    assert b"fault" not in talk
    assert process.returncode in (0, 1, 130, -signal.SIGINT)
