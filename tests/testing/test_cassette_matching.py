"""Which request is the recorded one, and what is shown where it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.redact import MASK
from dragoman.testing.cassette.matching import comparable, differences
from dragoman.testing.cassette.model import Asked

URL = "https://x.example/v1/chat/completions"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def asked(body: Any = None, url: str = URL, method: str = "POST", **more: Any) -> Asked:
    return Asked(method=method, url=url, json=body, **more)


def differing(recorded: Any, sent: Any, *ignore: str) -> list[str]:
    """Where two bodies, or two requests, differ, as it is shown."""
    one, other = (value if isinstance(value, Asked) else asked(value) for value in (recorded, sent))
    return [str(one) for one in differences(comparable(one), comparable(other), ignore)]


@given(JSON)
def test_a_request_is_the_same_as_itself(body: Any) -> None:
    """Whatever the body, also when its fields come in another order."""
    again = json.loads(json.dumps(body))
    if isinstance(again, dict):
        again = dict(reversed(again.items()))
    assert [] == differing(body, again)


@given(JSON, JSON)
def test_what_is_not_equal_differs(one: Any, other: Any) -> None:
    """The table of what is ignored is the only way for two bodies to be the same that are not equal."""
    assert (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)) == (not differing(one, other))


@pytest.mark.parametrize(
    ("recorded", "sent", "expected"),
    [
        ({"a": 1}, {"a": 2}, ["body.a: recorded 1, sent 2"]),
        ({"a": 1}, {"a": True}, ["body.a: recorded 1, sent true"]),
        ({"a": 1}, {}, ["body.a: recorded 1, sent nothing"]),
        ({}, {"a": None}, ["body.a: recorded nothing, sent null"]),
        ({"m": [{"c": "x"}]}, {"m": [{"c": "y"}]}, ["body.m[0].c: recorded 'x', sent 'y'"]),
        ({"m": [1]}, {"m": [1, {"r": 2}]}, ['body.m[1]: recorded nothing, sent {"r": 2}']),
        ({"m": [1]}, {"m": {"r": 2}}, ['body.m: recorded [1], sent {"r": 2}']),
        ("text", "other", ["body: recorded 'text', sent 'other'"]),
        (asked(url=URL + "?a=1&b=2"), asked(url=URL + "?b=2&a=1"), []),
        (asked(url=URL + "?a=1"), asked(url=URL + "?a=2"), ["query.a[0]: recorded '1', sent '2'"]),
        (asked(url=URL + "?key=1"), asked(url=URL), []),
        (asked(url=URL), asked(url="http://127.0.0.1:80/v1/chat/completions"), []),
        (asked(url=URL), asked(url=URL + "/x", method="GET"), None),
        (asked(url="https://x.example/m/a%3Ab"), asked(url="https://x.example/m/a:b"), []),
    ],
)
def test_differences_are_told_field_by_field(recorded: Any, sent: Any, expected: list[str] | None) -> None:
    """The place, what was recorded, what was sent."""
    if expected is None:
        expected = [
            "method: recorded 'POST', sent 'GET'",
            "path: recorded '/v1/chat/completions', sent '/v1/chat/completions/x'",
        ]
    assert expected == differing(recorded, sent)


def test_of_long_texts_the_place_is_shown_where_they_differ() -> None:
    """A word in a page is found."""
    page = "The quick brown fox. " * 50
    (line,) = differing({"t": page + "end"}, {"t": page + "ENDE"})
    assert "body.t: recorded …'he quick brown fox. end', sent …'he quick brown fox. ENDE'" == line


UUIDS = "0b6c1a9e-1111-4c7d-9c1f-0123456789ab", "ffffffff-2222-4c7d-9c1f-0123456789ab"


@pytest.mark.parametrize(
    ("recorded", "sent"),
    [
        pytest.param({"x": f"run {UUIDS[0]}"}, {"x": f"run {UUIDS[1]}"}, id="uuid"),
        pytest.param({"x": "0123456789abcdef" * 2}, {"x": "fedcba9876543210" * 2}, id="hex"),
        pytest.param({"id": "call_a1b2c3d4e5"}, {"id": "call_z9y8x7w6v5"}, id="call"),
        pytest.param({"id": "toolu_01A2b3C4d5"}, {"id": "toolu_09Z8y7X6w5"}, id="toolu"),
        pytest.param({"x": "at 2026-10-09T12:00:00Z"}, {"x": "at 2027-01-02 03:04:05.678+02:00"}, id="time"),
        pytest.param({"x": "Fri, 09 Oct 2026 12:00:00 GMT"}, {"x": "Sat, 02 Jan 2027 03:04:05 GMT"}, id="http date"),
        pytest.param({"m": {"request_id": "a", "timestamp": 1}}, {"m": {"request_id": "b"}}, id="fields"),
        pytest.param({"x": f"key {MASK}, is it?"}, {"x": "key abc\ndef, is it?"}, id="mask"),
    ],
)
def test_what_differs_in_every_run_is_levelled(recorded: Any, sent: Any) -> None:
    """Ids that are made anew, times of day, fields of the table, and what was masked."""
    assert [] == differing(recorded, sent)


@pytest.mark.parametrize(
    ("recorded", "sent"),
    [
        pytest.param({"a": UUIDS[0], "b": UUIDS[0]}, {"a": UUIDS[0], "b": UUIDS[1]}, id="not the same id any more"),
        pytest.param({"x": "on 2026-10-09"}, {"x": "on 2026-10-10"}, id="day"),
        pytest.param({"timestamp": {"type": "string"}}, {"timestamp": {"type": "number"}}, id="a schema's field"),
        pytest.param({"x": "file-management"}, {"x": "file-directories"}, id="no id"),
        pytest.param({"x": f"key {MASK}!"}, {"x": "key abc?"}, id="around a mask"),
        pytest.param({"id": "call_0"}, {"id": "call_1"}, id="an id of one's own"),
    ],
)
def test_what_is_levelled_is_little(recorded: Any, sent: Any) -> None:
    """Everything else is compared."""
    assert differing(recorded, sent)


def test_fields_can_be_ignored_by_name_and_by_place() -> None:
    """A name wherever it stands; a place with all that is below it."""
    recorded = {"user": "a", "metadata": {"run": 1, "user": "b"}, "messages": [{"content": "x"}]}
    sent = {"user": "c", "metadata": {"run": 2, "user": "d"}, "messages": [{"content": "y"}, {"content": "z"}]}

    assert ["body.messages", "body.metadata.run"] == sorted(
        {line.partition(":")[0].partition("[")[0] for line in differing(recorded, sent, "user")}
    )
    assert [] == differing(recorded, sent, "user", "body.metadata.run", "body.messages")
    assert [] == differing(asked(url=URL + "?v=1"), asked(url=URL + "?v=2"), "query.v")


def test_the_boundary_of_a_form_is_ignored() -> None:
    """A multipart body is compared by its parts."""

    def form(boundary: str, text: str) -> Asked:
        kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
        return Asked(method="POST", url=URL, headers=kind, text=f"--{boundary}\r\n\r\n{text}\r\n--{boundary}--")

    assert [] == differing(form("aaa", "x"), form("bbb", "x"))
    assert differing(form("aaa", "x"), form("bbb", "y"))
