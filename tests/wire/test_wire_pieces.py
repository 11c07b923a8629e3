"""What several wires share: native state, rows of settings, function tools, words in place of parts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import ConfigError
from dragoman.types.http import Notice
from dragoman.types.messages import Audio, File, Image, Message, Opaque, Refusal
from dragoman.types.providers import Provider
from dragoman.types.requests import ChatRequest
from dragoman.types.tools import Tool
from dragoman.wire.function_tools import decode_functions, encode_functions
from dragoman.wire.native import difference, is_ours, over, own, replays
from dragoman.wire.place import Place
from dragoman.wire.setting_rows import Row, as_list, decode_rows, encode_rows, note_unsaid, texts
from dragoman.wire.text_forms import as_text
from tests.strategies import PNG

_values: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers(-3, 3) | st.text(max_size=2) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, min_size=1, max_size=3),
    max_leaves=6,
)
_objects = st.dictionaries(st.sampled_from("abcd"), _values, max_size=4)


# --- native state -----------------------------------------------------------------------------------------------------


@given(came=_objects, made=_objects)
def test_a_difference_gives_back_what_came(came: dict[str, Any], made: dict[str, Any]) -> None:
    """Put over what was made, the difference gives what came."""
    assert came == over(made, difference(came, made))


@given(came=_objects)
def test_what_says_the_same_has_no_difference(came: dict[str, Any]) -> None:
    """Nothing is kept where neutral values say it all."""
    assert {} == difference(came, came)


def test_state_is_for_its_wire_and_its_author() -> None:
    """Only the wire that is named reads it, and only where it may be sent."""
    native = {"a": {"x": 1}, "b": {}}

    assert ({"x": 1}, {}, {}) == (own(native, "a"), own(native, "a", replay=False), own(native, "c"))
    assert (True, False, False) == (is_ours(native, "b"), is_ours(native, "b", replay=False), is_ours(None, "b"))
    row = Provider(name="acme", base_url="https://acme.example")
    origins = (None, "acme/m", "acme-eu/m", "other/acme/m")
    assert [True, True, False, False] == [replays(Message("assistant", origin=origin), row) for origin in origins]


# --- rows of settings -------------------------------------------------------------------------------------------------

ROWS = {
    "stop": Row("stop", texts, as_list),
    "effort": Row("user", lambda value: value if isinstance(value, str) else None, lambda value, note: note("lost")),
}


def _request(**settings: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=(Message.user("Hi"),), **settings)


def test_a_field_goes_out_as_it_came_while_it_means_the_same() -> None:
    """A lone text stays one; a setting that was changed wins."""
    settings, native = decode_rows(ROWS, {"stop": "x", "other": 1, "nothing": None})

    assert ({"stop": ("x",)}, {"stop": "x", "other": 1}) == (settings, native)
    assert {"stop": "x"} == encode_rows(ROWS, _request(**settings), native, [])
    assert {"stop": ["y"]} == encode_rows(ROWS, _request(stop="y"), native, [])


def test_what_a_row_loses_is_said_but_not_of_what_came() -> None:
    """A value that the dialect cannot say has a notice; one that came in the dialect needs none."""
    settings, native = decode_rows(ROWS, {"effort": "high"})
    notices: list[Notice] = []

    assert {"effort": "high"} == encode_rows(ROWS, _request(**settings), native, notices)
    assert [] == notices
    assert {} == encode_rows(ROWS, _request(user="low"), native, notices)
    assert [Notice("user", "lost")] == notices


def test_settings_without_a_row_are_noted_unless_they_ask_for_nothing() -> None:
    """`n=1` and the like change nothing where there is no such field."""
    notices: list[Notice] = []
    note_unsaid(_request(n=1, logprobs=False, seed=1, timeout=5, top_k=3, metadata={}), {"seed"}, notices)

    assert ["top_k"] == [notice.field for notice in notices]


# --- function tools ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "declared",
    [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": {}, "strict": True}, "x": 1},
        {"type": "function", "function": {"name": "f"}},
        {"function": {"name": "f", "description": ""}},
        {"type": "web_search", "max_results": 3},
    ],
)
def test_a_declaration_is_written_as_it_was_read(declared: dict[str, Any]) -> None:
    """Reading and writing again gives the same declaration; the neutral form has its name."""
    tools = decode_functions([declared], "w")

    assert [declared] == encode_functions(tools, "w", [])
    assert [declared.get("function", {"name": "web_search"})["name"]] == [tool.name for tool in tools]


def test_another_dialects_tools_are_adapted_or_left_out() -> None:
    """A free-text tool takes one text; a tool that a provider runs is its own."""
    notices: list[Notice] = []
    tools = (Tool(name="sql", kind="custom"), Tool(name="search", kind="native", native={"other": {"type": "search"}}))
    [written] = encode_functions(tools, "w", notices)

    assert ("sql", ["input"]) == (written["function"]["name"], written["function"]["parameters"]["required"])
    assert ["tools[0]", "tools[1]"] == [notice.field for notice in notices]


@pytest.mark.parametrize(
    ("listed", "field"),
    [
        ({}, "tools"),
        ([5], "tools[0]"),
        ([{"type": "function"}], "tools[0]"),
        ([{"function": {}}], "tools[0].function.name"),
        ([{"function": {"name": "f", "parameters": 5}}], "tools[0].function.parameters"),
        ([{"function": {"name": "not a name"}}], "tools[0].function.name"),
    ],
)
def test_what_is_no_declaration_is_named(listed: Any, field: str) -> None:
    """A ConfigError says where."""
    with pytest.raises(ConfigError) as caught:
        decode_functions(listed, "w")

    assert field == caught.value.field


# --- words in place of parts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Refusal("No."), "No."),
        (Audio(data=b"x", media_type="audio/wav", transcript="La"), "La"),
        (Audio(data=b"x", media_type="audio/wav"), None),
        (File(data="grün".encode(), name="a.md"), "grün"),
        (File(data=b"\xff", media_type="text/plain"), None),
        (File(url="https://example.org/a.pdf"), "https://example.org/a.pdf"),
        (File(file_id="f1"), None),
        (Image(data=PNG), None),
        (Opaque("other", {}), None),
    ],
)
def test_words_stand_for_a_part_that_has_no_form(part: Any, expected: str | None) -> None:
    """Whether words are sent or nothing, a notice says so, with the part's place."""
    notices: list[Notice] = []

    assert expected == as_text(part, Place("messages[0].parts[1]", "user", True, notices))
    assert ["messages[0].parts[1]"] == [notice.field for notice in notices]
    assert ("left out" in notices[0].text) == (expected is None)


def test_a_place_inside_a_place() -> None:
    """Parts of a result are named below it."""
    notices: list[Notice] = []
    Place("messages[2].parts[0]", "tool", True, notices).inside(1, "tool").note("gone", ".cache")

    assert [Notice("messages[2].parts[0].parts[1].cache", "gone")] == notices
