"""What is a reference, and what is a key with a colon in it."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import ConfigError
from dragoman.plugged import entries
from dragoman.secrets import Reference, Secret, parse_reference, read_key
from dragoman.secrets import schemes as table
from dragoman.secrets.lookup import look_up


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("sk-proj-abc:def", id="colon"),
        pytest.param("AKIAIOSFODNN7EXAMPLE:wJalrXUt/K7MDENG:token", id="aws-pair"),
        pytest.param("id:secret", id="a-scheme-that-none-is"),
        pytest.param("ENV:NAME", id="upper-case"),
        pytest.param(" env:NAME", id="space-before"),
        pytest.param("envx:NAME", id="longer"),
        pytest.param("https://example", id="url"),
        pytest.param("env", id="no-colon"),
        pytest.param(":env", id="nothing-before"),
    ],
)
def test_only_a_known_scheme_makes_a_reference(key: str) -> None:
    """Whatever else has a colon is a key."""
    assert parse_reference(key) is None


def test_a_key_that_begins_like_a_reference_is_given_as_a_secret() -> None:
    """A `Secret` is never read as a reference."""
    assert Secret("env:NAME") == read_key(Secret("env:NAME"), "openai")
    assert isinstance(read_key("env:NAME", "openai"), Reference)


@pytest.mark.parametrize(
    ("text", "name", "field", "options", "ttl"),
    [
        pytest.param("env:NAME", "NAME", "", {}, 300, id="env"),
        pytest.param("file:/run/a#b?c", "/run/a#b?c", "", {}, 300, id="a-path-may-have-them"),
        pytest.param("file:/run/a?ttl=5", "/run/a", "", {}, 5, id="ttl"),
        pytest.param("dotenv:a/.env#NAME", "a/.env", "NAME", {}, 300, id="dotenv"),
        pytest.param("age:k.age#n?ttl=0", "k.age", "n", {}, 0, id="field-before-options"),
        pytest.param("age:k.age?ttl=1.5#n", "k.age", "n", {}, 1.5, id="field-after-options"),
        pytest.param(
            "awskms:AQ+/=?region=eu-west-1&context.app=x%26y&context.a%3Db=c",
            "AQ+/=",
            "",
            {"region": "eu-west-1", "context.app": "x&y", "context.a=b": "c"},
            300,
            id="awskms",
        ),
        pytest.param(
            "awssm:arn:aws:secretsmanager:eu:1:secret:llm-x#key",
            "arn:aws:secretsmanager:eu:1:secret:llm-x",
            "key",
            {},
            300,
            id="arn",
        ),
        pytest.param("vault:transit/decrypt/k#vault:v1:A=", "transit/decrypt/k", "vault:v1:A=", {}, 300, id="transit"),
        pytest.param(
            "cmd:op read 'op://a/b?attribute=otp'", "op read 'op://a/b?attribute=otp'", "", {}, 300, id="command's-own"
        ),
        pytest.param("cmd:pass a#b?line=1&ttl=9", "pass a#b", "", {"line": "1"}, 9, id="command-with-options"),
    ],
)
def test_parts(text: str, name: str, field: str, options: dict[str, str], ttl: float) -> None:
    """Name, field, options and ttl are told apart, and written down they are the same reference."""
    found = parse_reference(text)

    assert found is not None
    assert (name, field, options, ttl) == (found.name, found.field, found.options, found.ttl)
    assert found == parse_reference(found.text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("env:", "nothing behind it", id="empty"),
        pytest.param("awskms:AQ?regoin=x", "no option 'regoin': there are ttl, region", id="slip"),
        pytest.param("file:/a?ttl=soon", "ttl of file: is 'soon'", id="ttl-no-number"),
        pytest.param("file:/a?ttl=-1", "ttl of file: is '-1'", id="ttl-negative"),
    ],
)
def test_a_reference_that_cannot_be_one_is_refused(text: str, says: str) -> None:
    """The error names where it was given, and what there is."""
    with pytest.raises(ConfigError, match=says) as caught:
        parse_reference(text, "OPENAI_API_KEY")

    assert "OPENAI_API_KEY" == caught.value.field


@given(st.text(max_size=60))
def test_any_text_is_a_key_a_reference_or_an_error(text: str) -> None:
    """No text makes the parser fail otherwise."""
    for scheme in ("", "env:", "cmd:", "awskms:", "age:"):
        try:
            found = parse_reference(scheme + text)
        except ConfigError:
            continue
        assert found is None or found == parse_reference(found.text)


def test_people_see_no_ciphertext_and_no_arguments() -> None:
    """Of a ciphertext the first characters are shown, of a command its program."""
    sealed, command = "AQICAHhQ" + "x" * 200, "cmd:printf %s canary-in-an-argument"
    shown = [repr(parse_reference(text)) for text in (f"awskms:{sealed}", command, f"vault:t#vault:v1:{sealed}")]

    assert "Reference(awskms:AQICAHhQ…)" == shown[0]
    assert "Reference(cmd:printf …)" == shown[1]
    assert sealed not in shown[2]


def test_every_scheme_has_its_function() -> None:
    """The table leads to functions that are there."""
    assert all(callable(table.look_up_of(name)) for name in table.schemes())


def test_an_installed_package_brings_a_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its function gets the reference and the variables; a scheme of ours is not replaced."""
    (tmp_path / "acme_vault.py").write_text(
        "def look_up(reference, environ):\n"
        '    return f\'{reference.name}-{reference.field}-{reference.options["q"]}-{environ["HOME"]}\'\n'
        "def number(reference, environ):\n"
        "    return 5\n"
    )
    info = tmp_path / "acme-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[dragoman.secrets]\nacme = acme_vault:look_up\nenv = acme_vault:look_up\n"
        "gone = acme_vault:missing\nnumber = acme_vault:number\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    entries.cache_clear()
    try:
        assert 4 == len(entry_points(group=table.GROUP))
        found, own, gone, number = (
            parse_reference(text) for text in ("acme:a#b?q=c", "env:HOME", "gone:x", "number:x")
        )
        assert found is not None
        assert own is not None
        assert gone is not None
        assert number is not None
        assert "a-b-c-h" == look_up(found, {"HOME": "h"}).reveal()
        assert "h" == look_up(own, {"HOME": "h"}).reveal()
        with pytest.raises(ConfigError, match="entry point gone = acme_vault:missing of acme cannot be loaded"):
            look_up(gone, {})
        with pytest.raises(ConfigError, match="gave int and no text"):
            look_up(number, {})
    finally:
        entries.cache_clear()
