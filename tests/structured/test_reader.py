"""Values that are still being written: any prefix shows what the whole will have, and nothing else."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman import Partial
from dragoman.structured.partial import Growing
from dragoman.structured.reader import DEEPEST, Reader
from dragoman.types.shapes import shape_of
from tests.structured.sixty import CASES, Colour, Nested, Plain, Zoo

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
OBJECTS = st.dictionaries(st.text(), VALUES, max_size=5)
TEXTS = st.builds(
    lambda value, ascii_only, indent: json.dumps(value, ensure_ascii=ascii_only, indent=indent),
    OBJECTS,
    st.booleans(),
    st.sampled_from([None, 1]),
)


def consistent(part: Any, whole: Any) -> bool:
    """Whether what is there of a value is part of the whole."""
    if isinstance(part, Partial):
        fields = whole if isinstance(whole, dict) else msgspec.structs.asdict(whole)
        return all(name in fields and consistent(value, fields[name]) for name, value in part)
    if isinstance(part, str) and isinstance(whole, str):
        return whole.startswith(part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and all(map(consistent, part, whole))
    return bool(part == whole)


@given(text=TEXTS, cuts=st.lists(st.integers(1, 5), max_size=30))
def test_the_whole_does_not_depend_on_the_cuts(text, cuts):
    """Fed in pieces of any size, the reader ends with what a JSON decoder says."""
    reader, at = Reader(), 0
    for size in cuts:
        reader.feed(text[at : at + size])
        at += size
    reader.feed(text[at:])

    assert reader.done
    assert reader.root is not None
    assert json.loads(text) == reader.root.value


@given(text=TEXTS)
def test_any_prefix_is_consistent_with_the_end(text):
    """Cut at every character, what is shown is in the whole value: texts grow, lists get longer, the rest stays."""
    whole = json.loads(text)
    growing = Growing(shape_of({"type": "object"}))
    for character in text:
        if growing.feed(character):
            assert consistent(growing.snapshot(), whole)

    assert whole == plain(growing.snapshot())


def plain(shown: Any) -> Any:
    if isinstance(shown, Partial):
        return {name: plain(value) for name, value in shown}
    return [plain(item) for item in shown] if isinstance(shown, list) else shown


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not name.startswith("schema")])
def test_prefixes_of_typed_values(name):
    """For each of the sixty types: cut at every byte, whatever is shown is in the whole."""
    case = CASES[name]
    shape = shape_of(case.kind)
    text = case.good[0]
    value = msgspec.json.decode(text)
    growing = Growing(shape)
    seen = [growing.snapshot() for character in text if growing.feed(character)]

    assert value is not None
    for earlier, later in pairwise(seen):
        assert grows(earlier, later)


def grows(earlier: Any, later: Any) -> bool:
    """Whether a later view has all of an earlier one."""
    if earlier is None:
        return True
    if isinstance(earlier, Partial):
        if not isinstance(later, Partial):
            return type(later) is not str and later is not None  # it became whole
        return all(name in later and grows(value, later[name]) for name, value in earlier)
    if isinstance(earlier, list):
        if not isinstance(later, list | tuple | set):
            return True  # it became whole, as a value that is no list
        items = list(later)
        return len(earlier) <= len(items) and (isinstance(later, set) or all(map(grows, earlier, items)))
    if isinstance(earlier, str) and isinstance(later, str):
        return later.startswith(earlier)
    return bool(earlier == later)


def views(kind: Any, text: str) -> list[Any]:
    growing = Growing(shape_of(kind))
    return [growing.snapshot() for character in text if growing.feed(character)]


def test_what_could_still_change_is_not_shown():
    """Numbers, choices and escapes appear when they are whole; a text grows."""

    class Thing(msgspec.Struct):
        count: int
        colour: Colour
        kind: Literal["a", "ab"]
        note: str

    text = '{"count": 12, "colour": "red", "kind": "ab", "note": "x\\u00e9y"}'
    seen = views(Thing, text)

    assert {None, 12} == {view.count for view in seen}
    assert {None, Colour.RED} == {view.colour for view in seen}
    assert {None, "ab"} == {view.kind for view in seen}
    assert [None, "", "x", "xé", "xéy"] == list(dict.fromkeys(view.note for view in seen))


def test_objects_within_become_values_when_they_are_whole():
    """Inside it is a Partial first, then a value of its type."""
    seen = views(Nested, '{"inner": {"name": "ab"}, "more": [{"name": "c", "age": 1}, {"name": "d"')

    assert isinstance(seen[20].inner, Partial)
    assert "ab" == seen[-1].inner.name
    assert not isinstance(seen[-1].inner, Partial)
    assert Plain("c", 1) == seen[-1].more[0]
    assert {"name": "d"} == dict(seen[-1].more[1])


def test_unions_are_shown_as_they_come():
    """Which of several types it will be is known at the end."""
    seen = views(Zoo, '{"first": {"type": "Dog", "name": "Bo"}}')

    assert "Dog" == seen[-1].first.__class__.__name__
    assert any(isinstance(view.first, Partial) for view in seen)


def test_what_is_no_json_ends_the_view():
    """What was read before stays, and nothing is added."""
    growing = Growing(shape_of(Plain))
    growing.feed('{"name": "a", oops')

    assert {"name": "a"} == dict(growing.snapshot())
    assert not growing.feed(', "age": 3}')


@pytest.mark.parametrize(
    "text", ['{"a": tru x}', '{"a": 1.}', '{"a": "\\x"}', '{"a": "\\ud800x"}', "{1: 2}", '{"a" 1}']
)
def test_broken_json(text):
    """A wrong word, number, escape, key or separator."""
    reader = Reader()
    reader.feed(text)

    assert reader.broken
    assert not reader.done


def test_depth_is_bounded():
    """A value that is nested without end is not followed."""
    reader = Reader()
    reader.feed('{"a": ' + "[" * (DEEPEST + 1))

    assert reader.broken


def test_reading_is_linear():
    """Four times the text, one character at a time, takes about four times as long."""

    def seconds(count: int) -> float:
        text = '{"value": [' + ", ".join(['{"name": "some text \\u00e9", "n": 123456}'] * count) + "]}"
        reader = Reader()
        began = time.process_time()
        for character in text:
            reader.feed(character)
        assert reader.done
        return time.process_time() - began

    seconds(50)
    assert min(seconds(800) for _ in range(3)) < 12 * min(seconds(200) for _ in range(3))


def test_a_long_text_in_small_pieces_is_linear():
    """A number, a key and a text of 200,000 characters each, one at a time."""
    reader = Reader()
    for character in '{"' + "k" * 200_000 + '": "' + "x" * 200_000 + '", "n": 0.' + "1" * 200_000 + "}":
        reader.feed(character)

    assert reader.done


def test_no_name_of_a_field_is_in_the_way():
    """Fields may be called as the methods of a dict are."""
    kind = msgspec.defstruct("Order", [("items", list[int]), ("keys", str), ("get", int)])
    view = views(kind, '{"items": [1, 2], "keys": "k", "get": 3}')[-1]

    assert ([1, 2], "k", 3) == (view.items, view.keys, view.get)
    assert {"items", "keys", "get"} == {name for name, _ in view}
    assert "items" in view
    assert 3 == view["get"] == len(view)
    assert "Partial({'items': [1, 2]" in repr(view)
