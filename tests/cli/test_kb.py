"""`dragoman kb` at the terminal."""

from __future__ import annotations

import json

import pytest

from tests.cli.program import Program

REPLY = {
    "found": True,
    "answer": "Within 14 days [1].",
    "citations": [{"number": 1, "passage": 1, "quote": "Goods go back within 14 days."}],
}


@pytest.fixture
def shop(dragoman: Program) -> Program:
    """A folder with two documents, and a model that answers from one."""
    docs = dragoman.directory / "docs"
    docs.mkdir()
    (docs / "refunds.md").write_text("# Refunds\n\nGoods go back within 14 days.\n", "utf-8")
    (docs / "茶.md").write_text("# 茶叶\n\n龙井茶产于杭州。\n", "utf-8")
    script = dragoman.directory / "answers.json"
    script.write_text(json.dumps([json.dumps(REPLY)]), "utf-8")
    return dragoman


def test_add_search_ask(shop):
    """Documents are added once, found, and asked; the answer has its quote and place."""
    added = shop("kb", "add", "docs", "--tag", "shop")
    assert (0, True, True) == (added.code, "2 added" in added.err, "local/hash" in added.err)
    assert "nothing to do; 2 unchanged" in shop("kb", "add", "docs").err

    assert "docs/refunds.md > Refunds" in shop("kb", "search", "when", "do", "goods", "go").out
    (first, *_) = json.loads(shop("kb", "search", "茶", "--json").out)
    assert first["source"].endswith("茶.md")

    asked = shop("kb", "ask", "When do goods go back?", "-m", "sim/script:answers.json")
    assert (0, ["Within 14 days [1].", "[1] docs/refunds.md > Refunds: “Goods go back within 14 days.”"]) == (
        asked.code,
        asked.out.splitlines(),
    )
    told = json.loads(shop("kb", "ask", "When do goods go back?", "-m", "sim/script:answers.json", "--json").out)
    assert (True, 10 + 1) == (told["found"], told["citations"][0]["start"])


def test_list_stats_rm(shop):
    """The documents as a table and as JSON; removed by name or folder; a base that is empty says so."""
    assert "no documents yet" in shop("kb").err
    assert 2 == shop("kb", "search", "x").code
    shop("kb", "add", "docs")

    assert ["docs/refunds.md", "docs/茶.md"] == [line.split()[0] for line in shop("kb", "list").out.splitlines()[1:]]
    assert 2 == len(json.loads(shop("kb", "list", "--json").out))
    assert (2, "local/hash") == ((stats := json.loads(shop("kb", "stats", "--json").out))["documents"], stats["embed"])
    assert "1 removed" in shop("kb", "rm", "docs/refunds.md").err
    assert 2 == shop("kb", "rm", "docs/refunds.md").code
    assert "1 removed" in shop("kb", "rm", "docs").err
    assert 2 == shop("kb", "rm").code


def test_a_file_that_cannot_be_read(shop):
    """It is told with its reason, the others are in, and the exit code is 1."""
    (shop.directory / "docs" / "bad.md").write_bytes(b"caf\xe9")

    added = shop("kb", "add", "docs")

    assert 1 == added.code
    assert "bad.md: it is not utf-8" in added.err
    assert 2 == len(json.loads(shop("kb", "list", "--json").out))


def test_bases_by_name_and_place(shop):
    """--kb is another base, --store another file, DRAGOMAN_KB the usual one."""
    shop("kb", "add", "docs", "--kb", "work")
    assert [] == json.loads(shop("kb", "list", "--json").out)
    assert 2 == len(json.loads(shop("kb", "list", "--json", "--kb", "work").out))
    shop("kb", "add", "docs", "--store", "sqlite:///here.db")
    assert 2 == len(json.loads(shop("kb", "list", "--json", DRAGOMAN_KB="sqlite:///here.db").out))
    assert 2 == shop("kb", "list", "--kb", "../x").code
