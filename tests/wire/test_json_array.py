"""Arrays of objects that come in pieces."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import WireError
from dragoman.wire.json_array import Splitter
from tests.strategies import json_objects


def split(data: bytes, size: int, limit: int = 1 << 20) -> tuple[list[bytes], Splitter]:
    """All objects, fed in pieces."""
    splitter = Splitter(limit)
    items = [item for at in range(0, len(data), size) for item in splitter.feed(data[at : at + size])]
    return items, splitter


@given(
    objects=st.lists(json_objects, max_size=5),
    size=st.integers(1, 30),
    indent=st.sampled_from((None, 2)),
    ascii_only=st.booleans(),
)
def test_objects_come_out_as_they_went_in(
    objects: list[dict[str, Any]], size: int, indent: int | None, ascii_only: bool
) -> None:
    """However an array is written and cut, its objects come out whole, and its end is seen."""
    data = json.dumps(objects, indent=indent, ensure_ascii=ascii_only).encode()
    items, splitter = split(b" \n" + data + b"\n", size)

    assert objects == [json.loads(item) for item in items]
    assert splitter.closed
    assert splitter.failure is None


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_brackets_and_quotes_in_texts_say_nothing(size: int) -> None:
    """Only structure counts: what stands in a text, behind backslashes too, does not."""
    value = {"a": '}]{["\\"', 'b"': "\\", "c": ["]", {"d": "}"}]}
    items, _ = split(json.dumps([value, value]).encode(), size)

    assert [value, value] == [json.loads(item) for item in items]


def test_an_object_is_given_with_its_last_byte() -> None:
    """Nothing waits for the comma behind it."""
    splitter = Splitter()

    assert ([], [b'{"a":1}']) == (splitter.feed(b'[{"a":1'), splitter.feed(b"}"))


@pytest.mark.parametrize("data", [b"{}", b"[1", b"[null", b'["a"', b"[[", b"x", b"]"])
def test_what_is_no_array_of_objects(data: bytes) -> None:
    """Anything else than objects is a failure, which says what stood there."""
    items, splitter = split(data, 1)

    assert [] == items
    assert isinstance(splitter.failure, WireError)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_object_above_the_limit(size: int) -> None:
    """An object without end is refused at the limit, after those that were whole."""
    items, splitter = split(b'[{"a":1},{"b":"' + b"x" * 500, size, limit=100)

    assert [b'{"a":1}'] == items
    assert "100 bytes" in str(splitter.failure)
    assert [] == splitter.feed(b'"}]')
