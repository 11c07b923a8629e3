"""Errors of the library name options where options were typed."""

from __future__ import annotations

import pytest

from dragoman.cli.naming import typed
from dragoman.errors import BadRequestError, ConfigError
from tests.cli.program import Program


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ask -m sim/echo --timeout 0 hi", "--timeout is 0.0: give seconds as a positive number\n"),
        ("batch run in.jsonl -o o.jsonl -m sim/echo -t {a} --max-cost x", "--max-cost is 'x': give US dollars"),
        ("batch run in.jsonl -o o.jsonl -m sim/echo -t {a} --deadline 2h", "a deadline is for --mode auto"),
        ("batch run in.jsonl -o o.jsonl -m sim/echo -t {a} --workers 3", "--workers is for --engine "),
        ("batch run in.jsonl -o o.jsonl -t {a}", "line 1: no model: give --model for all rows"),
        ("kit translate a.md --to German -m sim/echo --max-cost x", "--max-cost is 'x': give US dollars"),
        ("kit translate a.md --to German -m sim/echo --max-ratio -1", "--max-ratio is -1.0: give a number above 0"),
        ("kb search -k 0 x", "-k is 0: give 1 to 1000"),
        ("kb add a.md --size 0", "--size is 0: give 32 to 8000 tokens"),
        ("conv show x --store foo", "--store is no URL"),
        # A setting is typed by the library's own name.
        ("ask -m sim/echo -o max_tokens=-1 hi", "max_tokens is -1"),
    ],
)
def test_what_was_typed_is_named(dragoman: Program, line: str, expected: str) -> None:
    """The option as it is on the command line, not the argument of a function."""
    (dragoman.directory / "in.jsonl").write_text('{"a": "b"}\n')
    (dragoman.directory / "a.md").write_text("# Tea\n")

    assert 0 == dragoman("kb", "add", "a.md").code
    result = dragoman(*line.split())

    assert result.err.startswith(f"dragoman: {expected}"), result.err
    assert 2 == result.code


def test_what_a_file_says_keeps_its_name(dragoman: Program) -> None:
    """A key of the configuration is no option."""
    (dragoman.directory / "dragoman.toml").write_text('max_cost = "x"\n')

    assert (
        "dragoman.toml: max_cost is no number of US dollars above 0: write max_cost = 0.5"
        in dragoman("ask", "-m", "sim/echo", "hi").err
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConfigError("max_cost is 1, below max_wait", field="max_cost"), "--max-cost is 1, below --max-wait"),
        (ConfigError("max_cost is 'max_wait'", field="max_cost"), "--max-cost is 'max_wait'"),
        (ConfigError("max_cost.json is no file", field="max_cost"), "max_cost.json is no file"),
        (ConfigError("max_cost is wrong", field="other"), "max_cost is wrong"),
        (ConfigError("give max_wait= or nothing", field="x"), "give --max-wait or nothing"),
        (BadRequestError("max_cost=3 is unknown", field="max_cost"), "max_cost=3 is unknown"),
    ],
)
def test_only_names_are_changed(error: Exception, expected: str) -> None:
    """What was typed, names of files, and a provider's words stay."""
    assert expected == typed(error, {"max_cost": "--max-cost", "max_wait": "--max-wait"})  # type: ignore[arg-type]
