"""What a conversation is told that cannot be: every argument is looked at before the store is asked."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client
from dragoman.conversation.store import open_store
from dragoman.errors import ConfigError, StoreError

NOT_IDS = [5, "", b"x", ["a"], {"a": 1}, "a\0b", "\ud800"]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store of its own."""
    return f"sqlite:///{tmp_path}/talk.db"


@pytest.mark.parametrize("given", NOT_IDS, ids=repr)
@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("edits", lambda talk, given: talk.edit(given, "x")),
        ("edits", lambda talk, given: talk.stream("x", edits=given)),
        ("turn_id", lambda talk, given: talk.say("x", given)),
        ("turn_id", lambda talk, given: talk.turn(given)),
        ("turn_id", lambda talk, given: talk.watch(given)),
    ],
)
def test_an_id_that_is_none_is_refused(url: str, field: str, asked: Callable[..., object], given: object) -> None:
    """Ids that no store can hold are an error that names the argument, and change nothing."""
    with Client() as client:
        talk = client.conversation("a", model="sim/echo", store=url)
        talk.say("one", "t1")
        with pytest.raises(ConfigError) as caught:
            asked(talk, given)
        assert field == caught.value.field
        assert ["one", "one"] == [message.text for message in talk.history]


def test_an_edit_names_a_turn(url: str) -> None:
    """An edit of no turn is refused; it is not said at the end."""
    with Client() as client:
        talk = client.conversation("a", model="sim/echo", store=url)
        with pytest.raises(ConfigError) as caught:
            talk.edit(None, "x")  # type: ignore[arg-type]
        assert "edits" == caught.value.field


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("owner", {"owner": None}),
        ("owner", {"owner": []}),
        ("settings", {"settings": 5}),
        ("settings", {"settings": {}}),
        ("settings", {"settings": {"temperature": 1}}),
        ("encryption", {"encryption": {"key": "x"}}),
        ("encryption", {"encryption": [5]}),
        ("system", {"system": "\ud800"}),
    ],
)
def test_an_option_that_cannot_be_is_refused(url: str, field: str, options: dict[str, Any]) -> None:
    """The error names the argument."""
    with Client() as client, pytest.raises(ConfigError) as caught:
        client.conversation("a", model="sim/echo", **{"store": url, **options})
    assert field == caught.value.field


@pytest.mark.parametrize("verb", ["chat", "say", "run", "batch"])
def test_settings_are_settings(url: str, verb: str) -> None:
    """Something else as `settings=` is an error on every verb, also if it is false."""
    with Client() as client:
        talk = client.conversation("a", model="sim/echo", store=url)
        verbs: dict[str, Callable[[Any], object]] = {
            "chat": lambda given: client.chat("sim/echo", "x", settings=given),
            "say": lambda given: talk.say("x", settings=given),
            "run": lambda given: talk.run("x", tools=[], settings=given),
            "batch": lambda given: client.batch(["x"], model="sim/echo", settings=given),
        }
        for given in (0, {}, {"temperature": 1}, "x"):
            with pytest.raises(ConfigError) as caught:
                verbs[verb](given)
            assert "settings" == caught.value.field


@pytest.mark.parametrize("given", ["x", b"1", [], -1, float("nan"), True], ids=repr)
def test_a_wait_is_a_number_of_seconds(url: str, given: Any) -> None:
    """`watch` and `settle` refuse what is no time; 0 only looks."""
    with Client() as client:
        talk = client.conversation("a", model="sim/echo", store=url)
        talk.say("one", "t1")
        for asked in (talk.settle, lambda timeout: talk.watch("t1", timeout=timeout)):
            with pytest.raises(ConfigError) as caught:
                asked(given)
            assert "timeout" == caught.value.field
        assert talk.settle(0)
        assert "one" == talk.watch("t1", timeout=0).drain().text


@pytest.mark.parametrize("url", ["sqlite://", "memory://x", "postgresql://[::1/x", "redis://h/x", "redis://[::1:p"])
def test_a_url_that_cannot_be_is_the_stores(url: str) -> None:
    """The field is the argument, whatever the store calls it."""
    with pytest.raises(ConfigError) as caught:
        open_store(url)
    assert "store" == caught.value.field


@pytest.mark.parametrize("form", ["llm", "openai-agents"])
@pytest.mark.parametrize("path", ["x" * 5000, "\ud800", "a\0b"], ids=["long", "surrogate", "null"])
def test_a_path_that_no_file_can_have_is_told(url: str, form: Any, path: str) -> None:
    """A name that the system refuses is a file that is not there."""
    with Client() as client, pytest.raises(ConfigError, match="there is no file"):
        client.conversation("a", model="sim/echo", store=url).import_(path, form)


def test_who_lacks_the_key_cannot_watch(url: str) -> None:
    """A turn that is done and sealed is the error that every other look at it is."""
    key = base64.b64encode(os.urandom(32)).decode()
    with Client() as client:
        client.conversation("a", model="sim/echo", store=url, encryption=key).say("secret", "t1")
        with pytest.raises(StoreError, match="encrypted with a key that was not given"):
            client.conversation("a", model="sim/echo", store=url).watch("t1").drain()
