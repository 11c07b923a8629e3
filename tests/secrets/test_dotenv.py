"""Reading `.env` files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import ConfigError
from dragoman.secrets import load_dotenv, parse_dotenv, read_dotenv
from tests.secrets.sinks import shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param("A=1", {"A": "1"}, id="no-newline-at-end"),
        pytest.param("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}, id="crlf"),
        pytest.param("\n  # note\nA=1\n\n", {"A": "1"}, id="blank-and-comment"),
        pytest.param("export A=1", {"A": "1"}, id="export"),
        pytest.param("  A = 1  ", {"A": "1"}, id="spaces"),
        pytest.param("A=1 # one", {"A": "1"}, id="comment-after"),
        pytest.param("A=a#b", {"A": "a#b"}, id="hash-inside"),
        pytest.param("A=\nB=2", {"A": "", "B": "2"}, id="empty"),
        pytest.param("A= # none", {"A": ""}, id="empty-with-comment"),
        pytest.param("A=a b", {"A": "a b"}, id="words"),
        pytest.param("A='a \"b\" $C `d` \\n'", {"A": 'a "b" $C `d` \\n'}, id="single-quotes-are-literal"),
        pytest.param(r'A="a\tb\n\"c\" \\ \$D"', {"A": 'a\tb\n"c" \\ $D'}, id="double-quotes-have-escapes"),
        pytest.param(r'A="C:\new\q"', {"A": "C:\new\\q"}, id="unknown-escape-stays"),
        pytest.param('A="one\ntwo" # c\nB=2', {"A": "one\ntwo", "B": "2"}, id="multi-line"),
        pytest.param("A='one\ntwo'\nB=2", {"A": "one\ntwo", "B": "2"}, id="multi-line-single"),
        pytest.param("A=$HOME ${B} $(id) `id`", {"A": "$HOME ${B} $(id) `id`"}, id="never-evaluated"),
        pytest.param('A="$HOME $(id)"', {"A": "$HOME $(id)"}, id="never-evaluated-in-quotes"),
        pytest.param("A=1\nA=2", {"A": "2"}, id="last-wins"),
        pytest.param("A=pa=ss", {"A": "pa=ss"}, id="equals-inside"),
        pytest.param("A=schlüssel", {"A": "schlüssel"}, id="unicode"),
    ],
)
def test_assignments_are_read(text: str, expected: dict[str, str]) -> None:
    """Quotes, comments, `export` and lines that go on are understood; nothing is evaluated."""
    assert expected == parse_dotenv(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("A=1\nhunter2\n", 2, id="no-assignment"),
        pytest.param("# c\n\n1A=hunter2", 3, id="bad-name"),
        pytest.param('A=1\nB="hunter2\nC=3', 2, id="open-quote"),
        pytest.param("A='1\n2'\nB='hunter2", 3, id="open-single"),
        pytest.param("A='1' hunter2", 1, id="after-the-quote"),
    ],
)
def test_what_is_no_assignment_is_an_error_with_its_line(text: str, line: int) -> None:
    """The error names file and line, and shows nothing of the line."""
    with pytest.raises(ConfigError) as caught:
        parse_dotenv(text, "some.env")

    assert f"some.env, line {line} " in str(caught.value)
    assert "hunter2" not in str(caught.value)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=40))
def test_any_value_can_be_written_in_quotes(value: str) -> None:
    """Quoting with backslashes gives every text back."""
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')

    assert {"A": value} == parse_dotenv(f'A="{quoted}"')


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No file makes the reader hang or fail in another way than by its own error."""
    try:
        values = parse_dotenv(text)
    except ConfigError:
        return
    assert all(isinstance(value, str) for value in values.values())


def test_what_is_set_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    """The environment wins over the file, unless the caller says otherwise."""
    file = tmp_path / "a.env"
    file.write_text("\ufeffA=file\nB=file\n", "utf-8")
    environ = {"A": "set"}

    assert load_dotenv(file, environ) == {"A": "file", "B": "file"}
    assert environ == {"A": "set", "B": "file"}
    load_dotenv(file, environ, override=True)
    assert environ == {"A": "file", "B": "file"}


def test_only_the_default_file_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` here is no error; a file that was named must be there, be readable and be UTF-8."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin.env").write_bytes(b"A=\xe9hunter2\n")

    assert load_dotenv(environ={}) == {}
    with pytest.raises(ConfigError, match="no such file"):
        load_dotenv("missing.env", {})
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        load_dotenv("latin.env", {})
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_dotenv(tmp_path, {})


def test_the_processes_environment_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Called without an environment, the values go where other code finds them."""
    monkeypatch.delenv("DRAGOMAN_TEST_A", raising=False)
    (tmp_path / ".env").write_text("DRAGOMAN_TEST_A=1")
    monkeypatch.chdir(tmp_path)

    load_dotenv()

    assert os.environ["DRAGOMAN_TEST_A"] == "1"
    monkeypatch.delenv("DRAGOMAN_TEST_A")


def test_a_line_that_is_none_brings_no_other_to_light(tmp_path: Path) -> None:
    """Not even where the traceback is printed with variables."""
    (tmp_path / ".env").write_text("KEY=canary-of-a-dotenv-file\nno assignment\n")

    with pytest.raises(ConfigError, match="line 2 is no NAME=value") as caught:
        read_dotenv(tmp_path / ".env")

    assert "canary-of-a-dotenv-file" not in shown(caught.value)
