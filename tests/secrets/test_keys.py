"""Where a provider's key is looked for, and in which order."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from dragoman import catalog
from dragoman.errors import ConfigError, MissingKeyError
from dragoman.routes import Routes
from dragoman.secrets import Secret, find_stored
from dragoman.secrets.stored import index_path
from dragoman.types.http import HttpRequest
from tests.secrets.sinks import found, shown

ROWS = catalog.builtin()
REQUEST = HttpRequest(url="https://x.example", headers={})
KEY = "canary-9c1d-of-no-one"


def stored(folder: Path, **references: str) -> dict[str, str]:
    """Variables under which these are the stored keys."""
    home = folder / "dragoman"
    home.mkdir(exist_ok=True)
    (home / "keys.json").write_text(json.dumps(references))
    (home / "keys.json").chmod(0o600)
    return {"XDG_CONFIG_HOME": str(folder)}


def sent(routes: Routes, ref: str = "openai/m") -> str:
    """The key that goes with a request."""
    return routes.resolve(ref).authorize(REQUEST).headers["authorization"].removeprefix("Bearer ")


def test_the_order_is_caller_environment_stored(tmp_path: Path) -> None:
    """What is nearer to the call wins."""
    (tmp_path / "key").write_text("of-the-store")
    environ = stored(tmp_path, openai=f"file:{tmp_path}/key")
    told = environ | {"OPENAI_API_KEY": "of-the-environment"}

    assert "of-the-caller" == sent(Routes({"openai": {"api_key": "of-the-caller"}}, told))
    assert "of-the-environment" == sent(Routes(environ=told))
    assert "of-the-store" == sent(Routes(environ=environ))
    with pytest.raises(MissingKeyError, match="looked in environment, stored keys"):
        Routes(environ=environ).resolve("groq/m")


@pytest.mark.parametrize("given", ["reference", "list", "secret", "variable"])
def test_references_stand_wherever_a_key_does(given: str, tmp_path: Path) -> None:
    """As `api_key`, in a list of them, in a variable; a `Secret` is a key, whatever it looks like."""
    (tmp_path / "key").write_text(KEY)
    text = f"file:{tmp_path}/key"
    routes = {
        "reference": lambda: Routes({"openai": {"api_key": text}}, {}),
        "list": lambda: Routes({"openai": {"api_key": [text, KEY]}}, {}),
        "secret": lambda: Routes({"openai": {"api_key": Secret(KEY)}}, {}),
        "variable": lambda: Routes(environ={"OPENAI_API_KEY": text}),
    }[given]()

    assert [KEY, KEY] == [sent(routes), sent(routes)]


def test_a_reference_is_not_looked_up_before_a_call() -> None:
    """Making a client and finding the way to a model read nothing; the way says that a key must be waited for."""
    route = Routes({"openai": {"api_key": "file:/nowhere"}}, {}).resolve("openai/m")

    assert route.looks_for_credentials
    assert "Bearer [redacted]" == route.preview(REQUEST).headers["authorization"]
    with pytest.raises(ConfigError, match="file:/nowhere is not there"):
        route.authorize(REQUEST)


def test_keys_are_used_in_turn(tmp_path: Path) -> None:
    """Several keys of one provider share the load."""
    routes = Routes({"openai": {"api_key": ["key-one", Secret("key-two")]}}, {})

    assert ["key-one", "key-two", "key-one"] == [sent(routes) for _ in range(3)]
    assert not routes.resolve("openai/m").looks_for_credentials


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param([], "api_key is an empty list", id="empty"),
        pytest.param([KEY, f"{KEY}\n"], r"api_key\[1\] has a line break at its end", id="damaged"),
        pytest.param(f"{KEY} ", "api_key has a space at its end", id="damaged-alone"),
        pytest.param([KEY, 7], r"api_key\[1\] is int", id="number"),
        pytest.param({KEY: 1}, "api_key is dict", id="dict"),
        pytest.param("awskms:AQ?x=1", "has no option 'x'", id="reference"),
    ],
)
def test_what_can_be_no_key_is_refused_unseen(given: object, says: str) -> None:
    """Before anything is sent, with its place, and with nothing of the other keys."""
    with pytest.raises(ConfigError, match=says) as caught:
        Routes({"openai": {"api_key": given}, "groq": {"api_key": KEY}}, {"GROQ_API_KEY": KEY})

    assert "openai" == caught.value.provider
    assert [] == found(KEY, shown(caught.value))


def test_a_damaged_variable_is_refused_unseen() -> None:
    """The variable is named; neither it nor any other variable shows its value."""
    with pytest.raises(ConfigError, match="OPENAI_API_KEY has a line break at its end") as caught:
        Routes(environ={"OPENAI_API_KEY": f"{KEY}\n", "OTHER": KEY}).resolve("openai/m")

    assert [] == found(KEY, shown(caught.value))


# --- stored keys ----------------------------------------------------------------------------------------------------


def test_nothing_stored_costs_one_look(tmp_path: Path) -> None:
    """Where no index is, none is made and nothing is opened."""
    assert find_stored("openai", {"XDG_CONFIG_HOME": str(tmp_path)}) is None
    assert [] == list(tmp_path.iterdir())
    assert find_stored("openai", {"XDG_CONFIG_HOME": "/dev/null"}) is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_an_index_that_others_may_write_is_not_read(mode: int, tmp_path: Path) -> None:
    """A reference may name a program to run, so whoever writes the index runs programs."""
    environ = stored(tmp_path, openai="cmd:touch /tmp/dragoman-secrets-should-not-be")
    index_path(environ).chmod(mode)

    with pytest.raises(ConfigError, match="may be written by others: chmod 600"):
        find_stored("openai", environ)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("", "is damaged", id="empty"),
        pytest.param('{"openai": ', "is damaged", id="cut"),
        pytest.param("[]", "is damaged", id="list"),
        pytest.param('{"openai": 3}', "is damaged", id="number"),
        pytest.param('{"openai": "sk-a-key-itself"}', "has no reference for openai", id="key"),
    ],
)
def test_a_damaged_index_says_so(text: str, says: str, tmp_path: Path) -> None:
    """The error names the file and the way out."""
    environ = stored(tmp_path)
    index_path(environ).write_text(text)

    with pytest.raises(ConfigError, match=says) as caught:
        find_stored("openai", environ)
    assert "dragoman keys set" in str(caught.value)
    assert "sk-a-key-itself" not in shown(caught.value)


def test_an_index_that_cannot_be_read(tmp_path: Path) -> None:
    """A directory in its place is an error of ours."""
    (tmp_path / "dragoman" / "keys.json").mkdir(parents=True, mode=0o700)

    with pytest.raises(ConfigError, match="cannot be read"):
        find_stored("openai", {"XDG_CONFIG_HOME": str(tmp_path)})


def test_the_folder_follows_the_platform(tmp_path: Path) -> None:
    """XDG where it is absolute, else below the home directory."""
    assert Path("/x/dragoman/keys.json") == index_path({"XDG_CONFIG_HOME": "/x", "HOME": "/h"})
    assert Path("/h/.config/dragoman/keys.json") == index_path({"XDG_CONFIG_HOME": "relative", "HOME": "/h"})
    assert Path("~/.config/dragoman/keys.json").expanduser() == index_path({})
    assert os.name == "posix"
