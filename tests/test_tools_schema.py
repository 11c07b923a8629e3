"""A Python function as a tool: its signature and docstring become what a model is shown."""

from __future__ import annotations

import asyncio
import enum
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Optional, TypedDict

import jsonschema_rs
import msgspec
import pytest

from dragoman.errors import ConfigError
from dragoman.types.requests import ChatRequest
from dragoman.types.tools import Tool, ToolFunction, as_tool, tool


class Unit(enum.Enum):
    """Of temperature."""

    C = "celsius"
    F = "fahrenheit"


@dataclass
class Place:
    """Where on Earth."""

    city: str
    country: str = "FR"
    tags: list[str] = field(default_factory=list)


class Point(msgspec.Struct):
    """Where on a map."""

    x: float
    y: float


class Options(TypedDict, total=False):
    """How."""

    fast: bool


def _plain(a: str, b: int, c: float, d: bool) -> None: ...
def _literal(a: Literal["x", "y"]) -> None: ...
def _enum(a: Unit) -> None: ...
def _optional(a: Optional[int] = None) -> None: ...  # noqa: UP045 - both spellings must work
def _union(a: int | str | None) -> None: ...
def _list(a: list[int], b: dict[str, float], c: tuple[int, str]) -> None: ...
def _dataclass(a: Place) -> None: ...
def _struct(a: Point) -> None: ...
def _typed_dict(a: Options) -> None: ...
def _annotated(a: Annotated[int, msgspec.Meta(ge=1, le=9)]) -> None: ...
def _untyped(a, b=3) -> None: ...  # type: ignore[no-untyped-def]
def _keyword_only(*, a: int, b: int = 2) -> None: ...
def _nothing() -> None: ...


_Case = tuple[Callable[..., Any], list[dict[str, Any]], list[dict[str, Any]]]
_CASES: dict[str, _Case] = {
    "plain types": (
        _plain,
        [{"a": "x", "b": 1, "c": 1.5, "d": True}],
        [{"a": "x"}, {"a": 1, "b": 1, "c": 1, "d": True}],
    ),
    "literal": (_literal, [{"a": "x"}], [{"a": "z"}]),
    "enum": (_enum, [{"a": "celsius"}], [{"a": "C"}, {"a": "kelvin"}]),
    "optional": (_optional, [{}, {"a": None}, {"a": 1}], [{"a": "1"}]),
    "union": (_union, [{"a": 1}, {"a": "x"}, {"a": None}], [{}, {"a": []}]),
    "containers": (_list, [{"a": [1], "b": {"x": 1.5}, "c": [1, "x"]}], [{"a": ["x"], "b": {}, "c": [1, "x"]}]),
    "dataclass": (_dataclass, [{"a": {"city": "Paris"}}], [{"a": {}}, {"a": {"city": 5}}, {"a": "Paris"}]),
    "struct": (_struct, [{"a": {"x": 1, "y": 2}}], [{"a": {"x": 1}}]),
    "typed dict": (_typed_dict, [{"a": {}}, {"a": {"fast": True}}], [{"a": {"fast": "yes"}}]),
    "annotated limits": (_annotated, [{"a": 1}], [{"a": 0}, {"a": 10}]),
    "no annotation": (_untyped, [{"a": 1}, {"a": {"b": []}, "b": "x"}], [{}]),
    "keyword only": (_keyword_only, [{"a": 1}], [{"b": 1}]),
    "no parameters": (_nothing, [{}], [{"a": 1}]),
}


@pytest.mark.parametrize(("function", "right", "wrong"), _CASES.values(), ids=_CASES)
def test_the_schema_allows_what_the_function_takes(
    function: Callable[..., Any], right: list[dict[str, Any]], wrong: list[dict[str, Any]]
) -> None:
    """Arguments that the signature allows satisfy the schema; others, and unknown names, do not."""
    schema = tool(function).declaration.parameters or {}

    valid = jsonschema_rs.validator_for(schema).is_valid
    assert [True] * len(right) == [valid(value) for value in right]
    assert [False] * len(wrong) == [valid(value) for value in wrong]
    assert not valid({**right[0], "unknown": 1})


def test_a_whole_declaration() -> None:
    """Name, description, types, defaults and what the docstring says of each argument."""

    @tool
    def forecast(city: str, days: int = 3, unit: Literal["c", "f"] = "c") -> str:
        """
        Weather of the coming days.

        From the national service.

        Args:
            city: Its name,
                in English.
            days (int): How many.

        Returns:
            city: not an argument.
        """
        return city

    expected = Tool(
        name="forecast",
        description="Weather of the coming days.\n\nFrom the national service.",
        parameters={
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Its name, in English."},
                "days": {"type": "integer", "default": 3, "description": "How many."},
                "unit": {"enum": ["c", "f"], "default": "c"},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
    )
    assert expected == forecast.declaration


def test_sphinx_docstrings_are_read() -> None:
    """`:param name:` lines describe arguments, with or without a type."""

    def look(what: str, where: str) -> None:
        """Look it up.

        :param what: The words.
        :param str where: The place.
        :returns: nothing
        """

    declaration = tool(look).declaration
    properties = (declaration.parameters or {})["properties"]

    assert "Look it up." == declaration.description
    assert ["The words.", "The place."] == [properties[name]["description"] for name in ("what", "where")]


def test_annotated_text_describes() -> None:
    """`Annotated[int, "text"]`, as people write it, is a description."""

    def f(a: Annotated[int, "How many."]) -> None: ...

    assert "How many." == (tool(f).declaration.parameters or {})["properties"]["a"]["description"]


def test_a_described_reference_keeps_both() -> None:
    """An argument of a class keeps its description beside the reference to its schema."""

    def f(place: Place) -> None:
        """Do.

        Args:
            place: Where.
        """

    schema = tool(f).declaration.parameters or {}

    assert "Where." == schema["properties"]["place"]["description"]
    assert "Place" in schema["$defs"]


def test_name_description_and_strictness_can_be_given() -> None:
    """What the decorator is given wins over what the function says."""

    @tool(name="search_web", description="Search.", strict=True)
    def f(q: str) -> str:
        """Something else."""
        return q

    assert ("search_web", "Search.", True) == (f.declaration.name, f.declaration.description, f.declaration.strict)


def test_a_tool_is_still_the_function() -> None:
    """Calling the tool calls the function, with its name and docstring."""

    @tool
    def add(a: int, b: int = 1) -> int:
        """Add."""
        return a + b

    assert 3 == add(2)
    assert ("add", "Add.") == (getattr(add, "__name__", None), add.__doc__)


def test_an_async_function_is_a_tool() -> None:
    """The coroutine function is wrapped, not run; its result type is no argument."""

    @tool
    async def fetch(url: str) -> bytes:
        return url.encode()

    assert ["url"] == list((fetch.declaration.parameters or {})["properties"])
    assert b"x" == asyncio.run(fetch("x"))


class Shop:
    """Has methods of every kind."""

    def order(self, item: str) -> str:
        """Order one."""
        return item

    @classmethod
    def close(cls, hour: int) -> int:
        """Close it."""
        return hour

    @staticmethod
    def greet(name: str) -> str:
        """Greet."""
        return name


@pytest.mark.parametrize(
    ("method", "name", "arguments"),
    [(Shop().order, "order", ["item"]), (Shop.close, "close", ["hour"]), (Shop.greet, "greet", ["name"])],
)
def test_a_method_is_a_tool_without_self(method: Callable[..., Any], name: str, arguments: list[str]) -> None:
    """Methods of an object, of a class and static ones are tools; `self` and `cls` are no arguments."""
    declaration = as_tool(method, "tools[0]")

    assert (name, arguments) == (declaration.name, list((declaration.parameters or {})["properties"]))


def test_a_default_without_json_form_is_left_out() -> None:
    """An optional argument stays optional when its default is no JSON."""
    marker = object()

    def f(a: Any = marker) -> None: ...

    schema = tool(f).declaration.parameters or {}
    assert ([], False) == (schema["required"], "default" in schema["properties"]["a"])


# --- what is no tool --------------------------------------------------------------------------------------------------


def _variadic(*values: int) -> None: ...
def _keywords(**values: int) -> None: ...
def _positional(a: int, /) -> None: ...
def _no_json(a: asyncio.Lock) -> None: ...
def _unknown(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


class _Caller:
    def __call__(self, a: int) -> int:
        return a


_WRONG: dict[str, Callable[[], object]] = {
    "*args": lambda: tool(_variadic),
    "**kwargs": lambda: tool(_keywords),
    "positional only": lambda: tool(_positional),
    "a type without JSON form": lambda: tool(_no_json),
    "an annotation that cannot be resolved": lambda: tool(_unknown),
    "a lambda has no name": lambda: tool(lambda a: a),
    "a name that vendors refuse": lambda: tool(name="my tool!")(_nothing),
    "a name that is too long": lambda: tool(name="x" * 65)(_nothing),
    "a text": lambda: as_tool("search", "tools[0]"),
    "a dict without name": lambda: as_tool({"type": "function"}, "tools[0]"),
    "a dict whose function is a text": lambda: as_tool({"function": "f"}, "tools[0]"),
    "None": lambda: as_tool(None, "tools[0]"),
}


@pytest.mark.parametrize("make", _WRONG.values(), ids=_WRONG)
def test_what_cannot_be_a_tool_is_refused(make: Callable[[], object]) -> None:
    """A ConfigError says what is wrong, before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        make()

    assert caught.value.message


@pytest.mark.parametrize(
    "value", [functools.partial(_plain, d=True), _Caller()], ids=["a partial", "an object that can be called"]
)
def test_other_callables_are_tools_or_refused(value: Callable[..., Any]) -> None:
    """A partial or a callable object gives a tool with its arguments, or a ConfigError; never anything else."""
    try:
        names = list((as_tool(value, "tools[0]").parameters or {})["properties"])
    except ConfigError as error:
        names = [str(error.field)]

    assert names[0] in ("a", "tools")


# --- what people write ------------------------------------------------------------------------------------------------

_OPENAI = {
    "type": "function",
    "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
}
_ANTHROPIC = {"name": "f", "description": "d", "input_schema": {"type": "object"}}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param(Tool(name="f"), Tool(name="f"), id="a Tool"),
        pytest.param(
            _OPENAI, Tool(name="f", description="d", parameters={"type": "object"}, strict=True), id="an OpenAI dict"
        ),
        pytest.param(
            _ANTHROPIC, Tool(name="f", description="d", parameters={"type": "object"}), id="an Anthropic dict"
        ),
    ],
)
def test_a_request_takes_whatever_people_write_for_a_tool(written: Any, expected: Tool) -> None:
    """Tools, functions and vendors' dicts all become the same value."""
    assert (expected,) == ChatRequest(model="m", messages="hi", tools=[written]).tools  # type: ignore[arg-type]


def test_a_request_takes_functions_as_tools() -> None:
    """A plain function and a decorated one give the same declaration."""
    request = ChatRequest(model="m", messages="hi", tools=[_plain, ToolFunction(_plain, tool(_plain).declaration)])  # type: ignore[arg-type]

    assert request.tools is not None
    assert request.tools[0] == request.tools[1]
