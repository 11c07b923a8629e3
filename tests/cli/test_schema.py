"""`dragoman schema`, and schemas in a line."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from dragoman.cli.schema.dsl import parse_dsl
from dragoman.cli.schema.infer import as_dsl, as_schema, look
from dragoman.cli.schema.source import json_schema, read_schema
from dragoman.errors import ConfigError
from tests.cli.program import Program


def read(schema: str, value: Any) -> Any:
    """A value, read as what a schema says and written again."""
    return msgspec.to_builtins(msgspec.convert(value, parse_dsl(schema)))


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        pytest.param("a", {"a": "x"}, id="a text"),
        pytest.param("a int, b float, c bool, date", {"a": 1, "b": 1.5, "c": True, "date": "2026-01-31"}, id="types"),
        pytest.param("tags[]", {"tags": ["x", "y"]}, id="list of texts"),
        pytest.param("n int[]", {"n": [1, 2]}, id="mark behind the type"),
        pytest.param("a?", {}, id="missing"),
        pytest.param("items[]: {name, qty int}", {"items": [{"name": "x", "qty": 2}]}, id="objects"),
        pytest.param("a: {b: {c int}}", {"a": {"b": {"c": 1}}}, id="nested"),
        pytest.param("label yes|no", {"label": "yes"}, id="one of"),
        pytest.param("label:int", {"label": 3}, id="type behind the colon"),
        pytest.param("unit-price float, class", {"unit-price": 1.0, "class": "x"}, id="no Python names"),
        pytest.param("名称, 数量 int", {"名称": "x", "数量": 2}, id="chinese"),
        pytest.param("a: words, b int: more words", {"a": "x", "b": 1}, id="descriptions"),
        pytest.param("a: with, commas\nb int", {"a": "x", "b": 1}, id="on lines"),
    ],
)
def test_a_line_is_a_type(schema: str, value: Any) -> None:
    """A value that fits goes through it unchanged."""
    assert value == read(schema, value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [("a int", {"a": "x"}), ("a", {}), ("label yes|no", {"label": "perhaps"}), ("date", {"date": "soon"})],
)
def test_what_does_not_fit_is_refused(schema: str, value: Any) -> None:
    """A wrong type, a missing field, another word, no date."""
    with pytest.raises(msgspec.ValidationError):
        read(schema, value)


@pytest.mark.parametrize(
    ("schema", "at"),
    [
        pytest.param("a, b flaot", "a, b »flaot", id="type"),
        pytest.param("a int int", "a int »int", id="two types"),
        pytest.param("a, a", "twice", id="name twice"),
        pytest.param("a: {b", "a: {b»", id="no closing brace"),
        pytest.param("a}", "a»}", id="no opening brace"),
        pytest.param("a: {}", "a: {»}", id="no fields"),
        pytest.param("1a", "»1a", id="no name"),
        pytest.param("a: {" * 40, "levels", id="too deep"),
    ],
)
def test_a_wrong_line_shows_where(schema: str, at: str) -> None:
    """The place is marked."""
    with pytest.raises(ConfigError) as caught:
        parse_dsl(schema)

    assert at in caught.value.message
    assert "schema" == caught.value.field


def test_descriptions_reach_the_model() -> None:
    """Words behind the colon are in the JSON Schema."""
    found = json_schema(read_schema("total float: with tax"))

    assert "with tax" in json.dumps(found)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([{"a": 1}], "a int", id="int"),
        pytest.param([{"a": 1}, {"a": 1.5}], "a float", id="int and float"),
        pytest.param([{"a": "x"}, {}], "a?", id="missing once"),
        pytest.param([{"a": 1}, {"a": None}], "a? int", id="null"),
        pytest.param([{"date": "2026-01-31", "day": "2026-01-31"}], "date, day date", id="dates"),
        pytest.param([{"day": "2026-13-31"}], "day", id="no date"),
        pytest.param([{"a": [{"b": True}, {"b": False}]}], "a[]: {b bool}", id="objects"),
        pytest.param([{"a": []}, {"a": [2]}], "a[] int", id="empty list"),
    ],
)
def test_infer_a_line(values: list[Any], expected: str) -> None:
    """The line that the values have in common, and it reads each of them."""
    found = as_dsl(look(values))

    assert expected == found
    for value in values:
        msgspec.convert(value, parse_dsl(found))


@pytest.mark.parametrize("value", [{"a": [1, "x"]}, {"a": [[1]]}, {"a b": 1}, [1], {}], ids=json.dumps)
def test_what_has_no_line(value: Any) -> None:
    """It is said, and there is a JSON Schema."""
    seen = look([value])

    with pytest.raises(ConfigError):
        as_dsl(seen)
    assert as_schema(seen)["type"] in ("object", "array")


def test_infer_from_lines(dragoman: Program) -> None:
    """One JSON value on each line of standard input."""
    result = dragoman("schema", "infer", stdin=b'{"a": 1}\n{"a": 2, "b": "x"}\n')

    assert (0, "a int, b?\n") == (result.code, result.out)


def test_infer_names_a_wrong_line(dragoman: Program) -> None:
    """Exit code 2, with the line."""
    result = dragoman("schema", "infer", stdin=b'{"a": 1}\n{"a": \n')

    assert 2 == result.code
    assert "line 2" in result.err


def test_check_names_every_place(dragoman: Program) -> None:
    """Exit code 6, and each error with its path and line."""
    (dragoman.directory / "out.jsonl").write_text('{"a": 1, "b": [{"c": "x"}]}\n{"b": [{"c": 1}]}\n')

    result = dragoman("schema", "check", "a int, b[]: {c int}", "out.jsonl")

    assert 6 == result.code
    assert ["1: $.b[0].c", "2: $.a"] == [": ".join(line.split(": ")[:2]) for line in result.out.splitlines()]


def test_check_says_that_all_fit(dragoman: Program) -> None:
    """Exit code 0; with --json an empty list."""
    assert (0, "") == (dragoman("schema", "check", "a", stdin=b'{"a": "x"}').code, "")
    assert "[]\n" == dragoman("schema", "check", "a", "--json", stdin=b'{"a": "x"}').out


def test_a_file_holds_a_schema(dragoman: Program) -> None:
    """A JSON Schema or a line, in a file."""
    (dragoman.directory / "invoice.json").write_text('{"type": "object", "required": ["a"]}')
    (dragoman.directory / "line.txt").write_text("a int\n")

    assert 6 == dragoman("schema", "check", "invoice.json", stdin=b"{}").code
    assert 6 == dragoman("schema", "check", "line.txt", stdin=b"{}").code
    assert 2 == dragoman("schema", "check", "none.json", stdin=b"{}").code


def test_show_prints_a_json_schema(dragoman: Program) -> None:
    """What a model is held to."""
    shown = json.loads(dragoman("schema", "show", "a int").out)

    assert {"type": "integer"} == shown["$defs"]["Answer"]["properties"]["a"]
