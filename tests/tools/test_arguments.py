"""What a model sends becomes what a function takes, or a word about which argument does not fit."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import jsonschema_rs
import msgspec
import pydantic
import pytest

from dragoman import ToolCall, tool
from dragoman.errors import ConfigError
from dragoman.tools.arguments import Arguments, BadCallError


class Unit(enum.Enum):
    C = "celsius"
    F = "fahrenheit"


@dataclass
class Place:
    city: str
    tags: list[str] = field(default_factory=list)


class Range(msgspec.Struct):
    low: int
    high: int


class Address(pydantic.BaseModel):
    street: str


class Person(pydantic.BaseModel):
    name: str
    home: Address
    age: int = pydantic.Field(ge=0, default=1)


def _all(
    place: Place,
    unit: Unit = Unit.C,
    span: Range | None = None,
    mode: Literal["fast", "slow"] = "fast",
    share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5,
    day: date = date(2026, 1, 1),
    price: Decimal | None = None,
) -> None:
    """Do."""


def _person(person: Person, others: list[Person] = []) -> None:  # noqa: B006 - as people write it
    """Do."""


def _fielded(
    n: Annotated[int, pydantic.Field(ge=1, le=5, description="How many.")], s: Annotated[str, "A word."] = ""
) -> None:
    """Do."""


def _either(value: int | str) -> None:
    """Do."""


def _read(fn: Any, text: str) -> dict[str, Any]:
    return Arguments(fn).read(ToolCall(id="c", name="f", arguments_json=text))


@pytest.mark.parametrize(
    ("fn", "text", "expected"),
    [
        pytest.param(_all, '{"place":{"city":"Rome"}}', {"place": Place("Rome")}, id="a dataclass, defaults left out"),
        pytest.param(
            _all,
            '{"place":{"city":"Rome","tags":["a"]},"unit":"fahrenheit","span":{"low":1,"high":2},"mode":"slow",'
            '"share":1,"day":"2026-03-01","price":"1.10"}',
            {
                "place": Place("Rome", ["a"]),
                "unit": Unit.F,
                "span": Range(1, 2),
                "mode": "slow",
                "share": 1.0,
                "day": date(2026, 3, 1),
                "price": Decimal("1.10"),
            },
            id="values of every kind",
        ),
        pytest.param(
            _person,
            '{"person":{"name":"Ada","home":{"street":"A"}}}',
            {"person": Person(name="Ada", home=Address(street="A"))},
            id="pydantic",
        ),
        pytest.param(_fielded, '{"n":"3"}', {"n": 3}, id="a number as text"),
        pytest.param(_either, '{"value":"3"}', {"value": "3"}, id="a text where texts are allowed"),
        pytest.param(lambda: None, "", {}, id="nothing at all"),
    ],
)
def test_arguments_are_converted(fn: Any, text: str, expected: dict[str, Any]) -> None:
    """JSON becomes the types of the signature; what was not sent is left to the function's own defaults."""
    assert expected == _read(fn, text)


@pytest.mark.parametrize(
    ("fn", "text", "says"),
    [
        pytest.param(_all, "{}", "missing required field `place`", id="a missing argument"),
        pytest.param(_all, '{"place":{}}', "missing required field `city` - at `$.place`", id="a field inside"),
        pytest.param(_all, '{"place":{"city":"R"},"unit":"kelvin"}', "at `$.unit`", id="no such choice"),
        pytest.param(_all, '{"place":{"city":"R"},"share":2}', "at `$.share`", id="out of range"),
        pytest.param(_all, '{"place":{"city":"R"},"extra":2}', "unknown field `extra`", id="too much"),
        pytest.param(_all, '{"place":{"city":"R"},"mode":null}', "at `$.mode`", id="null"),
        pytest.param(_person, '{"person":{"name":"Ada"}}', "home", id="pydantic"),
        pytest.param(_fielded, '{"n":9}', "at `$.n`", id="a limit of another library"),
        pytest.param(_all, "[1]", "Expected `object`", id="no object"),
        pytest.param(_all, '{"place":', "not valid JSON", id="cut"),
        pytest.param(_all, "see above", "not valid JSON", id="no JSON"),
        pytest.param(lambda a: None, '{"a":' + "[" * 100_000, "not valid JSON", id="too deep"),
        pytest.param(lambda a: None, '{"a":"\ud800"}', "not valid JSON", id="no text"),
    ],
)
def test_what_does_not_fit_is_named(fn: Any, text: str, says: str) -> None:
    """The text for the model says which argument is wrong, and how."""
    with pytest.raises(BadCallError) as caught:
        _read(fn, text)

    assert says in str(caught.value)


def test_the_schema_says_the_same() -> None:
    """What the schema allows is converted, what it forbids is not, for pydantic's models and fields too."""
    schema = tool(_person).declaration.parameters or {}
    valid = jsonschema_rs.validator_for(schema).is_valid

    assert valid({"person": {"name": "Ada", "home": {"street": "A"}}, "others": []})
    assert not valid({"person": {"name": "Ada", "home": {}}})
    assert not valid({"person": {"name": "Ada", "home": {"street": "A"}, "age": -1}})
    assert {"type": "integer", "minimum": 1, "maximum": 5, "description": "How many."} == (
        tool(_fielded).declaration.parameters or {}
    )["properties"]["n"]


def test_two_types_of_one_name_are_refused() -> None:
    """A schema has one place for a name, so two types of the same name cannot be told apart."""

    class Address(msgspec.Struct):
        zip: int

    def fn(person: Person, address: Address) -> None: ...

    fn.__annotations__ = {"person": Person, "address": Address}
    with pytest.raises(ConfigError, match="two types are called Address"):
        tool(fn)
