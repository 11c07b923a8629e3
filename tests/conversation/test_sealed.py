"""Encrypted conversations: nobody else reads them, and the key can be changed."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client, ConfigError, Secret, StoreError
from dragoman.conversation.model import Ref
from dragoman.conversation.nodes import ROOT
from dragoman.conversation.sealed import SealedStore
from dragoman.conversation.sealing import Box, Keys, belongs
from dragoman.conversation.store import open_store
from dragoman.runtime import BlockingRuntime, drive

RUNTIME = BlockingRuntime()
REF = Ref("default", "case")
WORD = "Rumpelstiltskin"


def key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/talk.db"


def talk_of(client: Client, url: str, encryption: Any) -> Any:
    return client.conversation("case", model="sim/echo", store=url, encryption=encryption)


def test_nothing_that_was_said_is_in_the_file(url, tmp_path):
    """Questions, answers, instructions, pieces and errors are written only encrypted."""
    with Client() as client:
        talk = client.conversation("case", model="sim/echo", store=url, encryption=key(), system=f"You are {WORD}.")
        talk.say(f"I am {WORD}.", "t1")
        with talk.stream(f"{WORD} " * 50, "t2") as stream:
            next(stream)
        with talk.stream(f"{WORD} again", "t3") as stream:
            stream.drain()
        assert f"I am {WORD}." == talk.history[1].text

    data = b"".join((tmp_path / name).read_bytes() for name in os.listdir(tmp_path))
    assert WORD.encode() not in data
    assert b"case" in data


def test_only_the_key_opens_it(url):
    """Without the key, or with another, there is a typed error and nothing is changed."""
    right = key()
    with Client() as client:
        talk_of(client, url, right).say("hello", "t1")
    with Client() as client:
        for wrong in (None, key()):
            talk = talk_of(client, url, wrong)
            for ask in (
                lambda talk=talk: talk.history,
                lambda talk=talk: talk.say("x"),
                lambda talk=talk: talk.turn("t1"),
            ):
                with pytest.raises(StoreError, match="encrypt"):
                    ask()
        assert ["hello", "hello"] == [message.text for message in talk_of(client, url, right).history]


def test_two_processes_begin_with_one_key(url):
    """Of two that begin a conversation at once, the second takes the key of the first."""
    right = key()
    with Client() as first, Client() as second:
        one, two = talk_of(first, url, right), talk_of(second, url, right)
        two._talk._store._locks[("default", "", "case")] = two._talk._store._keys.make(belongs("default", "", "case"))
        one.say("one", "t1")
        two.say("two", "t2")
        assert ["one", "one", "two", "two"] == [message.text for message in one.history]
        assert "one" == two.say("one", "t1").text


def test_key_can_be_changed(url):
    """After a rotation the new key alone opens what the old one sealed; no body was written again."""
    old, new = key(), key()
    with Client() as client:
        talk_of(client, url, Secret(old)).say("hello", "t1")
    both = SealedStore(open_store(url), Keys([new, old]))

    assert drive(both.rotate(RUNTIME, REF))
    assert not drive(both.rotate(RUNTIME, REF))
    both.close()

    with Client() as client:
        assert ["hello", "hello"] == [message.text for message in talk_of(client, url, new).history]
        with pytest.raises(StoreError):
            talk_of(client, url, old).say("x")


def test_rows_cannot_be_exchanged():
    """A text that is moved to another place is refused, and so is one that was changed."""
    box = Box(os.urandom(32))
    sealed = box.close(b"text", belongs("node", "1"))

    assert b"text" == box.open(sealed, belongs("node", "1"))
    for data, where in ((sealed, "2"), (sealed[:-1], "1"), (sealed[:5], "1"), (b"", "1")):
        with pytest.raises(StoreError):
            box.open(data, belongs("node", where))


def test_conversation_that_is_open_is_not_encrypted_silently(url):
    """A key for a conversation that was begun without one is an error, which says what can be done."""
    with Client() as client:
        talk_of(client, url, None).say("hello", "t1")
    with Client() as client, pytest.raises(StoreError, match="import"):
        talk_of(client, url, key()).say("x", "t2")


@pytest.mark.parametrize("wrong", ["", "short", "c2hvcnQ=", [], 7])
def test_key_that_is_none_is_refused(url, wrong):
    """A key has 32 bytes; the error says how to make one and does not show it."""
    with Client() as client, pytest.raises(ConfigError) as caught:
        talk_of(client, url, wrong)
    assert "encryption" == caught.value.field
    assert "c2hvcnQ=" not in str(caught.value)


def test_key_may_be_a_reference(url, tmp_path):
    """The key is read from where it is kept, when it is needed."""
    (tmp_path / "kek").write_text(key())
    with Client() as client:
        talk = talk_of(client, url, f"file:{tmp_path}/kek")
        talk.say("hello")
        assert "hello" == talk.history[0].text


def test_erased_conversation_begins_with_another_key(url):
    """The key goes with the conversation."""
    store = SealedStore(open_store(url), Keys(key()))
    seals = []
    for _ in range(2):
        drive(store.append(RUNTIME, REF, 0, ROOT, ()))
        seals.append(drive(store._store.read(RUNTIME, REF)).seal)
        drive(store.erase(RUNTIME, REF))
    store.close()

    assert 2 == len(set(seals))
