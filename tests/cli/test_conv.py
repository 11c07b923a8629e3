"""`dragoman conv`: conversations that another program began, at the terminal."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from dragoman import Client
from tests.cli.program import Program


@pytest.fixture
def store(dragoman: Program, tmp_path: Path) -> str:
    """A store that the command uses, with two conversations of one tenant."""
    url = f"sqlite:///{tmp_path}/talk.db"
    dragoman.environ["DRAGOMAN_STORE"] = url
    with Client() as client:
        talk = client.conversation("ticket-42", model="sim/echo", store=url)
        talk.say("Where is my refund?", "t1")
        talk.say("It was 40 euros.", "t2")
        client.conversation("mail", model="sim/echo", store=url, owner="ann").say("Dear Bob", "m1")
    return url


def history(store: str, name: str, **options: Any) -> list[str]:
    with Client() as client:
        talk = client.conversation(name, model="sim/echo", store=store, **options)
        return [message.text for message in talk.history]


def test_list_shows_what_there_is(dragoman, store):
    """Name, owner and turns; as a table, as JSON, of one owner."""
    shown = dragoman("conv")
    assert 0 == shown.code
    assert ["name", "ticket-42", "mail"] == [line.split()[0] for line in shown.out.splitlines()]

    (ticket, mail) = json.loads(dragoman("conv", "list", "--json").out)
    assert ("ticket-42", "", 2) == (ticket["name"], ticket["user"], ticket["turns"])
    assert [mail] == json.loads(dragoman("conv", "list", "--owner", "ann", "--json").out)


def test_list_of_nothing_says_so(dragoman):
    """An empty store is no error."""
    shown = dragoman("conv", "list")

    assert (0, "") == (shown.code, shown.out)
    assert "no conversations" in shown.err
    assert [] == json.loads(dragoman("conv", "list", "--json").out)


def test_show_prints_what_was_said(dragoman, store):
    """The messages in order, the last ones, or JSON with branches."""
    assert "--- user ---\nWhere is my refund?\n" in dragoman("conv", "show", "ticket-42").out
    assert "refund" not in dragoman("conv", "show", "ticket-42", "-n", "2").out
    told = json.loads(dragoman("conv", "show", "ticket-42", "--json").out)
    assert (4, ["main"]) == (len(told["messages"]), [branch["name"] for branch in told["branches"]])


@pytest.mark.parametrize("command", [["show"], ["export"], ["fork"], ["undo"], ["keep"], ["erase", "--yes"]])
def test_conversation_that_is_not_there_is_named(dragoman, store, command):
    """What is not there is said, with the command that shows what is; nothing is made."""
    extra = ["2h"] if command[0] == "keep" else []
    shown = dragoman("conv", *command, "nobody", *extra)

    assert 2 == shown.code
    assert "'nobody'" in shown.err
    assert "conv list" in shown.err
    assert 2 == len(json.loads(dragoman("conv", "list", "--json").out))


def test_search_finds_words_in_one_message(dragoman, store):
    """All words, in any case; where and by whom."""
    assert "ticket-42  user: Where is my refund?" in dragoman("conv", "search", "REFUND", "where").out
    assert [] == json.loads(dragoman("conv", "search", "refund", "euros", "--json").out)
    assert "nobody said that" in dragoman("conv", "search", "xyzzy").err


@pytest.mark.parametrize("form", ["json", "openai", "markdown"])
def test_what_was_exported_can_be_imported(dragoman, store, form):
    """A conversation goes out and comes in under another name."""
    exported = dragoman("conv", "export", "ticket-42", "--form", form)
    taken = dragoman("conv", "import", "-", "copy", "--form", form, stdin=exported.out.encode())

    assert (0, 0) == (exported.code, taken.code)
    assert history(store, "ticket-42") == history(store, "copy")


def test_import_of_what_it_is_not_adds_nothing(dragoman, store):
    """A file of another form is an error that names it."""
    taken = dragoman("conv", "import", "-", "copy", "--form", "openai", stdin=b"{")

    assert 2 == taken.code
    assert "copy" not in dragoman("conv", "list").out


def test_fork_and_undo(dragoman, store):
    """A branch goes on from an earlier turn; the last turn can be taken back."""
    assert "side" in dragoman("conv", "fork", "ticket-42", "side", "--at", "t1").err
    assert 2 == len(history(store, "ticket-42", branch="side"))
    assert 0 == dragoman("conv", "undo", "ticket-42").code
    assert 2 == len(history(store, "ticket-42"))


def test_erase_asks_first(dragoman, store):
    """Without --yes and without a terminal nothing is erased; a dry run only tells."""
    assert 2 == dragoman("conv", "erase", "ticket-42").code
    assert "would be erased: ticket-42" in dragoman("conv", "erase", "ticket-42", "--dry-run").err
    assert 4 == len(history(store, "ticket-42"))

    receipt = json.loads(dragoman("conv", "erase", "ticket-42", "--yes", "--json").out)
    assert ("ticket-42", 2) == (receipt["erased"][0]["name"], receipt["erased"][0]["turns"])
    assert [] == history(store, "ticket-42")


def test_erase_all_of_one_owner(dragoman, store):
    """A user who wants to be forgotten is; others stay."""
    assert 0 == dragoman("conv", "erase", "--all", "--owner", "ann", "--yes").code
    assert ["ticket-42"] == [one["name"] for one in json.loads(dragoman("conv", "list", "--json").out)]
    assert 2 == dragoman("conv", "erase", "--yes").code


def test_keep_and_prune(dragoman, store):
    """A time to live is set and taken back; old ones go."""
    assert 0 == dragoman("conv", "keep", "ticket-42", "90d").code
    assert "in 90.0 d" in dragoman("conv", "list").out
    assert 0 == dragoman("conv", "keep", "ticket-42", "forever").code
    assert "in 90" not in dragoman("conv", "list").out
    assert "2 conversations would be erased" in dragoman("conv", "prune", "--older-than", "0s", "--dry-run").err
    assert 0 == dragoman("conv", "prune", "--older-than", "0s").code
    assert [] == json.loads(dragoman("conv", "list", "--json").out)


def test_encrypted_ones_are_shown_with_the_key_and_rotated(dragoman, store):
    """With the key they read as others do; a new key takes the old one's place."""
    old, new = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    with Client() as client:
        client.conversation("case", model="sim/echo", store=store, encryption=old).say("a secret")
    dragoman.environ |= {"OLD_KEY": old, "NEW_KEY": new}

    assert "encrypted" in dragoman("conv", "show", "case").err
    assert "a secret" in dragoman("conv", "show", "case", "--encryption", "env:OLD_KEY").out
    assert 0 == dragoman("conv", "rotate", "--encryption", "env:NEW_KEY", "--encryption", "env:OLD_KEY").code
    assert "a secret" in dragoman("conv", "show", "case", "--encryption", "env:NEW_KEY").out
    assert 1 == dragoman("conv", "show", "case", "--encryption", "env:OLD_KEY").code


def test_path_is_this_users_file(dragoman):
    """Without anything said there is one file for this user."""
    assert dragoman("conv", "path").out.endswith("/.local/share/dragoman/conversations.db\n")
