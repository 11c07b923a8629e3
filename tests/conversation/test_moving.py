"""Whole conversations move between stores, files of many are imported, and nothing is overwritten."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from dragoman import ConfigError, ConversationError, Message, Secret, StoreError
from dragoman.conversation.model import MAIN, Ref
from dragoman.conversation.store import Store, open_store
from dragoman.conversation.transcripts.moving import import_all
from dragoman.conversation.transcripts.planting import harvest, plant
from dragoman.conversation.transcripts.tree import Tree, Twig
from dragoman.runtime import BlockingRuntime, drive
from dragoman.testing import Server

FILES = Path(__file__).parent / "files"
_RUNTIME = BlockingRuntime()


@pytest.fixture
def grown(make_talk: Callable[..., Any]) -> Any:
    """A conversation of three branches."""
    talk = make_talk("grown", system="Be brief.")
    talk.do("say", "one", "t1")
    talk.do("say", "two", "t2")
    fork = talk.do("fork", "other", at="t1")
    del fork
    talk.do("edit", "t2", "zwei", "t3")
    talk.do("fork", "third", at="t1")
    return talk


def test_a_whole_tree_moves(grown: Any, make_talk: Callable[..., Any], provider: Server) -> None:
    """Branches, turns and ids are the same in another store, and a turn that is retried there costs no call."""
    text = grown.do("export", "json")
    copy = make_talk("grown", store="memory://")

    assert 5 == copy.do("import_", text, "json")
    assert text == copy.do("export", "json")
    assert grown.history() == copy.history()
    before = provider.calls
    assert grown.do("say", "one", "t1").text == copy.do("say", "one", "t1").text
    assert "done" == copy.do("turn", "t3").state
    assert before == provider.calls


def test_a_tree_into_what_is_there_adds_its_main_branch(grown: Any, make_talk: Callable[..., Any]) -> None:
    """Where something was said, the messages of the main branch come behind it."""
    other = make_talk("busy")
    other.do("say", "first")
    assert 5 == other.do("import_", grown.do("export", "json"), "json")
    assert ["Be brief.", "first", "1: first", "one", "2: one", "zwei", "4: zwei"] == other.history()


@pytest.mark.parametrize("form", ["responses", "anthropic", "sharegpt", "markdown", "langgraph", "pydantic-ai"])
def test_every_form_goes_through_a_conversation(talk: Any, make_talk: Callable[..., Any], form: str) -> None:
    """What a conversation writes, another reads, on either face."""
    talk.do("say", "one")
    other = make_talk("other")

    assert 2 == other.do("import_", talk.do("export", form), form)
    assert talk.history() == other.history()


def test_a_file_of_many_is_imported(store_url: str, tmp_path: Path) -> None:
    """Each conversation gets its name; a dry run writes nothing, and what is there is not overwritten."""
    if store_url == "memory://":
        store: str | Store = open_store(store_url)
    else:
        store = store_url
    names = ["chat-66c0-weather", "chat-77d1-empty"]

    path = FILES / "chatgpt.json"
    assert names == import_all(store, path, "chatgpt", prefix="chat-", dry_run=True)
    assert names == import_all(store, path, "chatgpt", prefix="chat-")
    kept = open_store(store) if isinstance(store, str) else store
    tree = drive(harvest(kept, _RUNTIME, Ref("default", names[0])))
    assert {"main", "branch-2"} == set(tree.branches)
    assert "It snows." == tree.messages()[-1].text
    for dry in (True, False):
        with pytest.raises(ConversationError) as caught:
            import_all(store, path, "chatgpt", prefix="chat-", dry_run=dry)
        assert "name" == caught.value.field
    kept.close()


def test_names_that_are_alike_are_numbered(store: Store) -> None:
    """Two conversations of one name, and those of none, do not fall together."""
    line = '{"id": "a", "messages": [{"role": "user", "content": "Hi"}]}\n'
    bare = '{"messages": [{"role": "user", "content": "Hi"}]}\n'

    assert ["a", "a-2", "openai-3"] == import_all(store, line + line + bare, "openai")
    assert ["a"] == import_all(store, line, "openai", user="other")


def test_several_are_not_taken_for_one(talk: Any) -> None:
    """A conversation takes no file of several."""
    with pytest.raises(ConfigError, match="import_all"):
        talk.do("import_", FILES / "chatgpt.json", "chatgpt")
    assert [] == talk.history()


class _Full:
    """A store in which no branch finds room."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def fork(self, *args: Any, **keywords: Any) -> bool:
        raise StoreError("the disk is full")


def test_what_cannot_be_planted_whole_is_not_planted(store: Store) -> None:
    """If a branch cannot be planted, nothing of its conversation stays."""
    twigs = (Twig(value=Message.user("Q")), Twig(value=Message.assistant("A"), parent=0))
    tree, ref = Tree(twigs=twigs, branches={MAIN: 1, "other": 0}), Ref("default", "x")

    with pytest.raises(StoreError, match="full"):
        drive(plant(cast("Store", _Full(store)), _RUNTIME, ref, tree))
    assert [] == drive(store.branches(_RUNTIME, ref))
    drive(plant(store, _RUNTIME, ref, tree))
    assert {MAIN, "other"} == {branch.name for branch in drive(store.branches(_RUNTIME, ref))}


def test_an_encrypted_conversation_moves_with_its_key_only(make_talk: Callable[..., Any], provider: Server) -> None:
    """What is encrypted is exported by who has the key, and may be planted under another."""
    one, other = (Secret(base64.b64encode(sign * 32).decode()) for sign in (b"a", b"b"))
    talk = make_talk("sealed", encryption=one)
    talk.do("say", "one", "t1")
    copy = make_talk("copy", encryption=other)

    assert 2 == copy.do("import_", talk.do("export", "json"), "json")
    assert "1: one" == copy.do("say", "one", "t1").text
    assert 1 == provider.calls
    for form in ("json", "markdown"):
        with pytest.raises(StoreError, match="encrypted"):
            make_talk("sealed").do("export", form)
