"""`dragoman template`."""

from __future__ import annotations

import json

import pytest

from dragoman.cli.template.store import find, parse
from dragoman.errors import ConfigError
from tests.cli.program import Program

BUILT_IN = ("code", "commit", "explain", "mail", "polish", "report", "summarize", "support", "translate")


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_templates_work(dragoman: Program, name: str) -> None:
    """Each takes the question, with a value for each place that has none."""
    places = [one for one in find(name, {}).places if one not in find(name, {}).defaults]
    params = [part for place in places for part in ("-p", f"{place}=X")]

    result = dragoman("ask", "-m", "sim/echo", "--raw", "-t", name, *params, "what is asked")

    assert 0 == result.code, result.err
    assert "what is asked" in result.out
    assert "{" not in result.out.replace("{name}", "")


def test_the_list_has_all(dragoman: Program) -> None:
    """Those that are built in and the user's own, with their places."""
    dragoman("template", "save", "haiku", "On {input} in {season}")
    listed = {row["name"]: row for row in json.loads(dragoman("template", "list", "--json").out)}

    assert {*BUILT_IN, "haiku"} == set(listed)
    assert (["season"], None) == (listed["haiku"]["places"], listed["translate"]["path"])
    assert "yours" in dragoman("template").out


def test_save_show_and_rm(dragoman: Program) -> None:
    """What is saved is shown as it was, and gone after rm."""
    saved = dragoman(
        "template", "save", "fact", "Say {input}", "-s", 'Be "brief".', "-m", "sim/echo", "--about", "A fact",
        "--schema", "a int", "-o", "temperature=0.5",
    )  # fmt: skip
    shown = json.loads(dragoman("template", "show", "fact", "--json").out)
    removed = dragoman("template", "rm", "fact")

    assert (0, 0) == (saved.code, removed.code)
    assert ('Be "brief".', "sim/echo", "a int", {"temperature": 0.5}, "Say {input}") == tuple(
        shown[name] for name in ("system", "model", "schema", "options", "text")
    )
    assert 2 == dragoman("template", "show", "fact").code


def test_the_model_of_a_template_is_asked(dragoman: Program) -> None:
    """And -m wins over it."""
    dragoman("template", "save", "echoed", "{input}", "-m", "sim/echo")

    assert "hi\n" == dragoman("ask", "-t", "echoed", "hi").out
    assert "Lorem" in dragoman("ask", "-m", "sim/lorem", "-t", "echoed", "hi").out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("rm", "commit"), "built in"),
        (("rm", "nothing"), "no template"),
        (("show", "comit"), "did you mean commit?"),
        (("save", "../x", "text"), "cannot be called"),
        (("save", "x", "text", "-o", "temprature=1"), "temperature"),
        (("save", "x", "text", "--schema", "a flaot"), "flaot"),
        (("save", "x", " "), "needs text"),
    ],
)
def test_what_cannot_be_is_told(dragoman: Program, arguments: tuple[str, ...], word: str) -> None:
    """Exit code 2, and nothing is written."""
    result = dragoman("template", *arguments)

    assert 2 == result.code
    assert word in result.err
    assert BUILT_IN == tuple(sorted(row["name"] for row in json.loads(dragoman("template", "list", "--json").out)))


def test_one_that_is_there_is_not_replaced(dragoman: Program) -> None:
    """Unless --force says so."""
    dragoman("template", "save", "x", "one")

    assert 2 == dragoman("template", "save", "x", "two").code
    assert "one\n" == dragoman("template", "show", "x").out
    assert 0 == dragoman("template", "save", "x", "two", "--force").code
    assert "two\n" == dragoman("template", "show", "x").out


def test_edit_copies_a_built_in_one(dragoman: Program) -> None:
    """The copy is opened in the editor, and used from then on."""
    result = dragoman("template", "edit", "commit", EDITOR="sed -i s/65/50/")

    assert 0 == result.code, result.err
    assert "50 characters" in dragoman("template", "show", "commit").out
    assert 0 == dragoman("template", "rm", "commit").code
    assert "65 characters" in dragoman("template", "show", "commit").out


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("---\nabuot: x\n---\nhi", "did you mean about?"),
        ("---\nno colon\n---\nhi", "line 2"),
        ("+++\nabout = \n+++\nhi", "not TOML"),
        ("+++\nabout = 3\n+++\nhi", "no text"),
    ],
)
def test_a_wrong_head_is_told(text: str, word: str) -> None:
    """With the name and what would be right."""
    with pytest.raises(ConfigError, match=r"\A.*" + word.replace("?", r"\?")):
        parse("x", text)


def test_both_heads_say_the_same() -> None:
    """Lines between --- and TOML between +++."""
    lines = parse("x", "---\nabout: a b\nsystem: 'S'\noptions.temperature: 0.2\ndefaults.to: zh\n---\n{input} {to}\n")
    toml = parse(
        "x", '+++\nabout = "a b"\nsystem = "S"\n[options]\ntemperature = 0.2\n[defaults]\nto = "zh"\n+++\n{input} {to}'
    )

    assert lines == toml
    assert ("S", {"temperature": 0.2}, {"to": "zh"}, ["to"]) == (
        lines.system,
        lines.options,
        lines.defaults,
        lines.places,
    )
