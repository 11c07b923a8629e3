"""Polishing: the same checks, and what was changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import ConfigError, kits
from dragoman.kits.polishing.diff import changes, unified, words
from dragoman.testing import Server, calls, says
from tests.kits.rewriting.provider import MODEL, client_of


def editor(chat: Any) -> Any:
    """An editor who knows one word."""
    segments = json.loads(chat.messages[-1].text)["segments"]
    told = [{"id": one["id"], "text": one["text"].replace("teh", "the")} for one in segments]
    return says(json.dumps({"segments": told}))


def test_text_is_improved_and_the_changes_shown(tmp_path: Path):
    """Only what is wrong changes; lines and words that are different are in the result."""
    source, output = tmp_path / "a.md", tmp_path / "b.md"
    source.write_text("# Good\n\nSee teh [guide](x.md) now.\n\n`teh`\n")
    with Server(default=calls(editor)) as server, client_of(server) as client:
        result = kits.polish(source, model=MODEL, level="medium", tone="kind", output=output, client=client)
        system = server.requests[0].chat.messages[0].text  # type: ignore[union-attr]

    assert "# Good\n\nSee the [guide](x.md) now.\n\n`teh`\n" == output.read_text()
    assert "-See teh [guide](x.md) now.\n+See the [guide](x.md) now.\n" in result.diff
    assert [[("same", "See "), ("deleted", "teh"), ("inserted", "the"), ("same", " [guide](x.md) now.")]] == [
        [(run.kind, run.text) for run in change] for change in result.changes
    ]
    assert "rewrite sentences that are clumsy" in system
    assert "Tone: kind" in system
    assert result.ok


def test_facts_must_stay():
    """A changed number or a lost link is an error, as in a translation."""
    answer = says('{"segments": [{"id": 1, "text": "It costs 40 euros, ⟦1⟧."}]}')
    with Server(default=answer) as server, client_of(server) as client:
        result = kits.polish("It cost 30 euros, https://a.example.\n", model=MODEL, attempts=1, client=client)

    assert ["number", "number"] == [finding.check for finding in result.findings]


def test_nothing_to_change_is_no_change():
    """A text that is good is the same, without a diff."""
    with Server(default=calls(editor)) as server, client_of(server) as client:
        result = kits.polish("All is well.\n", model=MODEL, client=client)

    assert ("All is well.\n", "", ()) == (result.text, result.diff, result.changes)


@given(before=st.text(alphabet="ab 中文.\n", max_size=30), after=st.text(alphabet="ab 中文.\n", max_size=30))
def test_changes_have_both_texts(before: str, after: str):
    """What stays and goes is the old text; what stays and comes is the new one."""
    found = changes(before, after)

    assert before == "".join(run.text for run in found if run.kind != "inserted")
    assert after == "".join(run.text for run in found if run.kind != "deleted")


def test_differences_are_readable():
    """Words in brackets, lines as `diff -u`; Chinese by the character."""
    assert "It [-are-]{+is+} good." == words("It are good.", "It is good.")
    assert "我们[-己-]{+已+}经" == words("我们己经", "我们已经")
    assert "" == unified("a\n", "a\n")
    assert unified("a", "b").endswith("-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n")


@pytest.mark.parametrize(
    ("arguments", "field"), [({"level": "wild"}, "level"), ({"model": ""}, "model"), ({"max_ratio": "x"}, "max_ratio")]
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], field: str):
    """Each is an error that names it."""
    with pytest.raises(ConfigError) as caught:
        kits.polish(**{"source": "x", "model": MODEL, **arguments})
    assert field == caught.value.field
