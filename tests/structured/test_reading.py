"""A text becomes the value that was asked for, or a list of what is wrong with it; nothing else ever comes out."""

from __future__ import annotations

import dataclasses
import decimal
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs
import msgspec
import pytest

from dragoman import ChatResponse, ConfigError, Message, Notice, OneOf, Regex
from dragoman.structured.reading import IN_WORDS, Misfit, Reading
from dragoman.structured.rules import check_of
from dragoman.types.requests import typed_output
from dragoman.types.shapes import shape_of
from tests.structured.sixty import CASES, Defaults, Nested, Plain, Pyd

SUITE = Path(__file__).with_name("suite.json")


def read(kind: Any, text: str, *, words: bool = False) -> Any:
    notices = (Notice("output", f"{IN_WORDS}, for a test"),) if words else ()
    return Reading(typed_output(kind)).of(ChatResponse(message=Message.assistant(text), notices=notices))


def errors(kind: Any, text: str, *, words: bool = False) -> tuple[str, ...]:
    with pytest.raises(Misfit) as caught:
        read(kind, text, words=words)
    return caught.value.errors


@pytest.mark.parametrize("name", CASES)
def test_values_of_a_type_are_read(name):
    """Each text that fits becomes a value, the same each time, of the class that was asked for."""
    case = CASES[name]
    for text in case.good:
        value = read(case.kind, text)
        assert value == read(case.kind, text)
        if isinstance(case.kind, type) and issubclass(case.kind, msgspec.Struct):
            assert type(value) is case.kind


@pytest.mark.parametrize("name", CASES)
def test_what_violates_a_type_never_comes_out(name):
    """Each text that does not fit gives at least one error with its place, and no value."""
    for text in CASES[name].bad:
        assert all(error.startswith("$") for error in errors(CASES[name].kind, text)), text


@pytest.mark.parametrize("name", CASES)
def test_a_text_that_is_cut_is_no_value(name):
    """No part of a text that fits is completed into a value."""
    text = CASES[name].good[0]
    for end in range(len(text)):
        assert errors(CASES[name].kind, text[:end], words=True)
        assert errors(CASES[name].kind, text[:end])


def test_all_errors_are_listed():
    """One look finds everything that is wrong, each with its place."""
    text = '{"inner": {"age": "x", "tags": [1, 2]}, "more": [{"name": "a"}, {"name": 1, "age": 1}]}'

    assert (
        "$.inner.name: it is required, and missing",
        "$.inner.age: Expected int, got str",
        "$.inner.tags[0]: Expected str, got int",
        "$.inner.tags[1]: Expected str, got int",
        "$.more[0].age: it is required, and missing",
        "$.more[1].name: Expected str, got int",
    ) == errors(Nested, text)


def test_allowed_values_are_named():
    """A model can only choose rightly among what it is told."""
    assert ('$.value: Invalid enum value \'c\'; allowed are "a", "b"',) == errors(Literal["a", "b"], '{"value": "c"}')


def test_errors_of_pydantic_are_its_own():
    """Places and words come from the model that refused."""
    assert ("$.value[0].age: Input should be greater than or equal to 0",) == errors(
        list[Pyd], '{"value": [{"name": "a", "age": -1}]}'
    )


def test_null_for_what_was_left_out_means_left_out():
    """Dialects in which all must be there say so; where null is a value of the type it stays."""
    text = '{"name": "a", "age": null, "nick": null, "tags": null}'

    assert Defaults("a", 3, None, []) == read(Defaults, text)
    assert {"sku": "AB"} == read(CASES["schema"].kind, '{"sku": "AB", "n": null}')


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('Sure!\n```json\n{"name": "a", "age": 1}\n```\nAnything else?', id="fenced"),
        pytest.param('Here: {"name": "a", "age": 1}. Done.', id="within words"),
        pytest.param('{"name": "a", "age": 1}', id="alone"),
    ],
)
def test_json_within_words_is_found_where_nothing_held_the_model_to_it(text):
    """It is looked for only where the provider could not help."""
    assert Plain("a", 1) == read(Plain, text, words=True)
    if not text.startswith("{"):
        assert errors(Plain, text)


def test_the_last_of_several_texts_is_the_answer():
    """Some models comment first; the value is the last part, whole."""
    answer = ChatResponse(message=Message.assistant("Let me see.", '{"name": "a", "age": 1}'))

    assert Plain("a", 1) == Reading(typed_output(Plain)).of(answer)


@pytest.mark.parametrize("text", ["", "[" * 5000, '"\\ud800"', "NaN", "nul", "{}{}"])
def test_what_is_no_json_is_an_error_and_no_crash(text):
    """Nothing, too deep, half a character, no number, no word, twice."""
    assert errors(Plain, text)
    assert errors(Plain, text, words=True)


@dataclasses.dataclass
class One:
    a: int


@dataclasses.dataclass
class Two:
    b: int


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        pytest.param(One | Two, "tag=True", id="union"),
        pytest.param(object(), "cannot be asked for", id="object"),
        pytest.param("Plain", "cannot be asked for", id="text"),
        pytest.param(complex, "cannot be asked for", id="complex"),
        pytest.param([int], "give a type", id="list of a type"),
    ],
)
def test_what_no_value_can_be_read_as_is_refused(kind, words):
    """Before anything is sent, with the field and the way out."""
    with pytest.raises(ConfigError, match=words) as caught:
        typed_output(kind)
    assert "output" == caught.value.field


def test_regex_and_one_of_are_checked_when_they_are_made():
    """Bad input fails where it was written."""
    with pytest.raises(ConfigError, match="no regular expression"):
        Regex("(")
    with pytest.raises(ConfigError, match="one or more"):
        OneOf()
    assert (Regex("a"), OneOf("a")) == (Regex("a"), OneOf("a"))
    assert len({Regex("a"), Regex("a"), OneOf("a"), OneOf("b")}) == 3


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        pytest.param({"type": "thing"}, "no JSON Schema", id="type"),
        pytest.param({"$ref": "https://example.com/schema.json"}, "none is fetched", id="elsewhere"),
    ],
)
def test_a_schema_that_cannot_be_held_to_is_refused(schema, words):
    """Nothing is fetched, and nothing is sent with a schema that is none."""
    with pytest.raises(ConfigError, match=words):
        Reading(typed_output(schema))


@pytest.mark.parametrize("group", json.loads(SUITE.read_text("utf-8"))["groups"], ids=lambda group: group["name"])
def test_json_schema_test_suite(group):
    """The suite's own cases hold for schemas that are given as dicts, wrapped or not."""
    check = check_of(group["schema"])
    for data, valid in group["tests"]:
        assert valid == (not check(data)), data
    if isinstance(group["schema"], dict):
        root = shape_of(group["schema"]).root
        if root is not group["schema"] and "$id" not in group["schema"]:
            for data, valid in group["tests"]:
                assert valid == jsonschema_rs.is_valid(root, {"value": data}), data


def test_numbers_are_exact():
    """A Decimal keeps its digits, as a text and as a number."""
    assert "12.50" == str(read(decimal.Decimal, '{"value": 12.50}'))
    assert "12.50" == str(read(decimal.Decimal, '{"value": "12.50"}'))


def test_a_schema_without_the_library_is_refused_with_its_name():
    """Whoever gives a dict and has not the extra is told which; types need none."""
    program = (
        "import sys; sys.modules['jsonschema_rs'] = None\n"
        "from dragoman import Client, ConfigError\n"
        "assert 0 == Client().parse('sim/echo', 'x', output=int).output\n"
        "try: Client().parse('sim/echo', 'x', output={'type': 'object'})\n"
        "except ConfigError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "pip install 'dragoman[schema]'" in done.stdout
