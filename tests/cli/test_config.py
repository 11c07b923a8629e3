"""`dragoman config`, `env`, `models default` and `models alias`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dragoman.cli.config.edit import edited, write_value
from dragoman.cli.config.known import Key
from dragoman.errors import ConfigError
from tests.cli.program import Program

FILE = """# Ours.
model = "a/b"   # the good one
fallback = [
    "c/d",  # first
    "e/f",
]

# Short names.
[aliases]
fast = "a/b"

[gateway]
port = 1
"""


def user_file(program: Program) -> Path:
    """The user's configuration."""
    return Path(program("config", "path").out.strip())


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        pytest.param(Key("", "model"), "x/y", 'model = "a/b"   #', 'model = "x/y"   #', id="value"),
        pytest.param(Key("", "model"), 'q"#\\', '"a/b"', '"q\\"#\\\\"', id="quotes"),
        pytest.param(
            Key("", "fallback"), ["z/z"], '[\n    "c/d",  # first\n    "e/f",\n]', '["z/z"]', id="several lines"
        ),
        pytest.param(Key("", "max_cost"), 0.5, "]\n\n# Short", "]\nmax_cost = 0.5\n\n# Short", id="new"),
        pytest.param(Key("aliases", "big"), "c/d", 'fast = "a/b"\n', 'fast = "a/b"\nbig = "c/d"\n', id="in a table"),
        pytest.param(Key("aliases", "a b"), "c/d", 'fast = "a/b"\n', 'fast = "a/b"\n"a b" = "c/d"\n', id="odd name"),
        pytest.param(
            Key("options", "top_p"), 0.5, "port = 1\n", "port = 1\n\n[options]\ntop_p = 0.5\n", id="new table"
        ),
        pytest.param(Key("aliases", "fast"), None, 'fast = "a/b"\n', "", id="removed"),
        pytest.param(Key("", "max_cost"), None, "", "", id="nothing to remove"),
    ],
)
def test_only_that_value_changes(key: Key, value: Any, old: str, new: str) -> None:
    """Comments, order and blank lines stay; the result is TOML that says the new value."""
    changed = edited(FILE, key, value)

    assert FILE.replace(old, new, 1) == changed
    told = tomllib.loads(changed)
    home = told.get(key.table, {}) if key.table else told
    assert value == home.get(key.name)


@pytest.mark.parametrize(
    "text",
    [
        'aliases.fast = "a/b"\n',
        'aliases = { fast = "a/b" }\n',
        '["aliases"]\nfast = "a/b"\n',
        'x = """\n[aliases]\nfast = 1\n"""\n',
    ],
    ids=["dotted", "inline", "quoted table", "text that looks like it"],
)
def test_what_cannot_be_changed_safely_is_left_alone(tmp_path: Path, text: str) -> None:
    """Either the value is set and all else is as it was, or nothing is written."""
    path = tmp_path / "config.toml"
    path.write_text(text)
    before = tomllib.loads(text)

    refused = None
    try:
        write_value(path, Key("aliases", "fast"), "c/d")
    except ConfigError as error:
        refused = error.message

    after = tomllib.loads(path.read_text())
    if refused is not None:
        assert (True, before) == ("config edit" in refused, after)
    else:
        assert "c/d" == after["aliases"].pop("fast")
        before.get("aliases", {}).pop("fast", None)
        assert {k: v for k, v in before.items() if v != {}} == {k: v for k, v in after.items() if v != {}}


def test_set_get_unset(dragoman: Program) -> None:
    """A value is written, read and removed; the exit codes say whether it was there."""
    assert 1 == dragoman("config", "get", "model").code
    assert 0 == dragoman("config", "set", "model", "sim/echo").code
    assert (0, "sim/echo\n") == (dragoman("config", "get", "model").code, dragoman("config", "get", "model").out)
    assert "hi\n" == dragoman("ask", "hi").out
    assert 0 == dragoman("config", "unset", "model").code
    assert 1 == dragoman("config", "unset", "model").code


def test_the_project_wins_and_the_origin_is_shown(dragoman: Program) -> None:
    """./dragoman.toml over the user's file, a variable over both."""
    dragoman("config", "set", "model", "sim/lorem")
    dragoman("config", "set", "--project", "model", "sim/echo")

    shown = dragoman("config", "show", "--origin").out
    told = json.loads(dragoman("config", "show", "--json", DRAGOMAN_MODEL="sim/flaky").out)

    assert ["model", '"sim/echo"', "dragoman.toml"] == shown.splitlines()[1].split()
    assert {"key": "model", "value": "sim/flaky", "origin": "DRAGOMAN_MODEL"} == told[0]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("set", "modle", "x"), "did you mean model?"),
        (("set", "option.top_p", "1"), "options"),
        (("set", "options.temprature", "1"), "temperature"),
        (("set", "options.temperature", "warm"), "temperature"),
        (("set", "max_cost", "much"), "US dollars"),
        (("set", "max_cost", "0"), "US dollars"),
        (("get", "colour"), "there are"),
    ],
)
def test_unknown_keys_and_wrong_values_are_refused(dragoman: Program, arguments: tuple[str, ...], word: str) -> None:
    """Exit code 2, with near matches; no file is made."""
    result = dragoman("config", *arguments)

    assert 2 == result.code
    assert word in result.err
    assert not user_file(dragoman).exists()


def test_a_key_that_nobody_reads_is_told(dragoman: Program) -> None:
    """By show; commands that run leave it alone."""
    (dragoman.directory / "dragoman.toml").write_text('modell = "sim/echo"\nmodel = "sim/echo"\n')

    assert "modell" in dragoman("config", "show").err
    assert "hi\n" == dragoman("ask", "hi").out


def test_edit_checks_what_was_written(dragoman: Program) -> None:
    """A value that cannot work is told at once."""
    dragoman("config", "set", "model", "sim/echo")
    result = dragoman("config", "edit", EDITOR="sed -i s/.sim.echo./5/")

    assert 2 == result.code
    assert "model is no text" in result.err


def test_a_link_stays_a_link(dragoman: Program, tmp_path: Path) -> None:
    """A configuration kept elsewhere is changed there."""
    path = user_file(dragoman)
    path.parent.mkdir(parents=True)
    (tmp_path / "dotfiles.toml").write_text("# mine\n")
    path.symlink_to(tmp_path / "dotfiles.toml")

    dragoman("config", "set", "model", "sim/echo")

    assert path.is_symlink()
    assert '# mine\nmodel = "sim/echo"\n' == (tmp_path / "dotfiles.toml").read_text()


def test_models_default_and_alias(dragoman: Program) -> None:
    """The short commands for the two that are used most."""
    assert 1 == dragoman("models", "default").code
    assert 0 == dragoman("models", "default", "sim/echo").code
    assert "sim/echo\n" == dragoman("models", "default").out
    assert 0 == dragoman("models", "alias", "set", "e", "sim/echo").code
    assert {"e": "sim/echo"} == json.loads(dragoman("models", "alias", "--json").out)
    assert "hi\n" == dragoman("ask", "-m", "e", "hi").out
    assert 0 == dragoman("models", "alias", "rm", "e").code
    assert 1 == dragoman("models", "alias", "rm", "e").code
    assert 3 == dragoman("ask", "-m", "e", "hi").code


@pytest.mark.parametrize(("name", "model"), [("a/b", "sim/echo"), ("x", "nobody-at-all/m")])
def test_wrong_aliases_are_refused(dragoman: Program, name: str, model: str) -> None:
    """A name with a slash would hide a model; a model must lead to a provider."""
    assert dragoman("models", "alias", "set", name, model).code in (2, 3)


def test_why_tells_of_an_alias(dragoman: Program) -> None:
    """The choice is explained."""
    dragoman("models", "alias", "set", "e", "sim/echo")

    assert "alias e" in dragoman("ask", "--why", "-m", "e", "hi").err


# --- env --------------------------------------------------------------------------------------------------------------

KEY = "gsk-nobodys-key-1234567890"


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("bash", 'export OPENAI_API_KEY="$(dragoman keys get groq --reveal)"'),
        ("zsh", 'export OPENAI_API_KEY="$(dragoman keys get groq --reveal)"'),
        ("fish", "set -gx OPENAI_API_KEY (dragoman keys get groq --reveal)"),
        ("powershell", "$env:OPENAI_API_KEY = (dragoman keys get groq --reveal)"),
    ],
)
def test_env_of_a_provider_names_the_key_and_does_not_print_it(dragoman: Program, shell: str, line: str) -> None:
    """The address, and the command that looks the key up."""
    result = dragoman("env", "--from", "groq", "--shell", shell, GROQ_API_KEY=KEY)

    assert 0 == result.code
    assert "https://api.groq.com/openai/v1" in result.out
    assert line in result.out.splitlines()
    assert KEY not in result.out + result.err


def test_a_key_is_revealed_on_a_terminal_only(dragoman: Program) -> None:
    """Into a pipe it is refused: exit code 2."""
    refused = dragoman("env", "--from", "groq", "--reveal", GROQ_API_KEY=KEY)
    shown = dragoman.on_terminal("env", "--from", "groq", "--reveal", "--shell", "bash", GROQ_API_KEY=KEY)

    assert (2, "") == (refused.code, refused.out)
    assert f"export OPENAI_API_KEY={KEY}" in shown.out


@pytest.mark.parametrize(("name", "code"), [("grok-nobody", 3), ("bedrock", 2)])
def test_env_of_others_is_refused(dragoman: Program, name: str, code: int) -> None:
    """A provider that there is not, and one that no tool's variables fit."""
    assert code == dragoman("env", "--from", name).code


def test_env_without_a_provider_is_ours(dragoman: Program) -> None:
    """The model and the store, quoted for the shell."""
    dragoman("config", "set", "model", "sim/echo?x='y'")

    assert """export DRAGOMAN_MODEL='sim/echo?x='"'"'y'"'"''""" in dragoman("env", "--shell", "bash").out.splitlines()
