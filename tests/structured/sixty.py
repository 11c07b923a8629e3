"""Sixty types, each with JSON that fits it and JSON that does not."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import uuid
from typing import Annotated, Any, Final, Literal, NamedTuple, NotRequired, TypedDict

import msgspec
import pydantic

from dragoman import OneOf, Regex

Meta = msgspec.Meta


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Plain(msgspec.Struct):
    name: str
    age: int


class Defaults(msgspec.Struct):
    name: str
    age: int = 3
    nick: str | None = None
    tags: list[str] = []


class Renamed(msgspec.Struct, rename="camel"):
    first_name: str
    last_name: str = ""


class Closed(msgspec.Struct, forbid_unknown_fields=True):
    a: int


class Nothing(msgspec.Struct):
    pass


class Nested(msgspec.Struct):
    inner: Defaults
    more: list[Plain]


class Tree(msgspec.Struct):
    value: int
    children: list[Tree] = []


class Chain(msgspec.Struct):
    value: int
    next: Chain | None


class Cat(msgspec.Struct, tag=True):
    lives: int


class Dog(msgspec.Struct, tag=True):
    name: str = "Rex"


class Zoo(msgspec.Struct):
    first: Cat | Dog
    rest: list[Cat | Dog] = []


class Row(msgspec.Struct, array_like=True):
    a: int
    b: str


class Bounded(msgspec.Struct):
    number: Annotated[int, Meta(ge=1, le=10)]
    share: Annotated[float, Meta(gt=0, lt=1)]
    step: Annotated[int, Meta(multiple_of=5)]
    code: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    word: Annotated[str, Meta(min_length=2, max_length=5)]
    few: Annotated[list[int], Meta(min_length=2, max_length=3)]


class Times(msgspec.Struct):
    at: datetime.datetime
    day: datetime.date
    clock: datetime.time
    lasts: datetime.timedelta
    id: uuid.UUID
    price: decimal.Decimal


class Described(msgspec.Struct):
    """A thing that has been described."""

    size: Annotated[int, Meta(description="In metres.", ge=0)]
    colour: Annotated[Colour, Meta(description="As seen by day.")] = Colour.RED


@dataclasses.dataclass
class Data:
    name: str
    score: float = 0.5


@dataclasses.dataclass
class DataTree:
    left: DataTree | None = None
    size: int = 0


class Typed(TypedDict):
    name: str
    age: NotRequired[int]


class Loose(TypedDict, total=False):
    a: int
    b: str


class Point(NamedTuple):
    x: int
    y: int = 0


class Pyd(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0)


class PydNested(pydantic.BaseModel):
    one: Pyd
    many: list[Pyd] = []
    note: str | None = None


class PydTree(pydantic.BaseModel):
    value: int
    children: list[PydTree] = []


class Mixed(msgspec.Struct):
    model: Pyd
    colour: Literal["a", "b"]


BOUNDED: Final = '{"number": 5, "share": 0.5, "step": 10, "code": "AB", "word": "abc", "few": [1, 2]}'
TIMES: Final = (
    '{"at": "2026-01-02T03:04:05Z", "day": "2026-01-02", "clock": "03:04:05", "lasts": "P1DT2H",'
    ' "id": "12345678-1234-5678-1234-567812345678", "price": "12.50"}'
)
SCHEMA: Final = {
    "type": "object",
    "properties": {"sku": {"type": "string", "pattern": "^[A-Z]+$"}, "n": {"type": "integer", "minimum": 1}},
    "required": ["sku"],
}


class Case(NamedTuple):
    """A type, texts that are its values, and texts that are not."""

    kind: Any
    good: tuple[str, ...]
    bad: tuple[str, ...]


def wrapped(kind: Any, good: str, *bad: str) -> Case:
    """A type whose values are no objects: they stand in the field `value`."""
    return Case(kind, (f'{{"value": {good}}}',), tuple(f'{{"value": {text}}}' for text in bad))


CASES: Final[dict[str, Case]] = {
    "int": wrapped(int, "3", '"3"', "3.5", "true", "null"),
    "float": wrapped(float, "1.5", '"1.5"', "null"),
    "bool": wrapped(bool, "true", "1", '"true"'),
    "str": wrapped(str, '"x"', "1", "null"),
    "none": wrapped(None, "null", "0", '""'),
    "int or none": wrapped(int | None, "null", '"x"'),
    "int or str": wrapped(int | str, '"x"', "1.5", "[]"),
    "literal": wrapped(Literal["a", "b"], '"a"', '"c"', "1"),
    "literal of numbers": wrapped(Literal[1, 2], "2", "3", '"1"'),
    "literal or none": wrapped(Literal["a", None], "null", '"b"'),
    "enum": wrapped(Colour, '"red"', '"blue"'),
    "enum of numbers": wrapped(Level, "2", "3", '"LOW"'),
    "list": wrapped(list[int], "[1, 2]", '["x"]', "{}"),
    "list of lists": wrapped(list[list[str]], '[["a"], []]', '["a"]'),
    "list of structs": wrapped(list[Plain], '[{"name": "a", "age": 1}]', '[{"name": "a"}]'),
    "bounded list": wrapped(Annotated[list[int], Meta(min_length=1, max_length=2)], "[1]", "[]", "[1, 2, 3]"),
    "set": wrapped(set[str], '["a"]', "[1]"),
    "tuple": wrapped(tuple[int, str], '[1, "x"]', '["x", 1]', "[1]"),
    "long tuple": wrapped(tuple[int, ...], "[1, 2]", '["x"]'),
    "dict": Case(dict[str, int], ('{"a": 1}',), ('{"a": "x"}', "[]")),
    "dict of structs": Case(dict[str, Plain], ('{"a": {"name": "n", "age": 1}}',), ('{"a": {"name": "n"}}',)),
    "list of dicts": wrapped(list[dict[str, float]], '[{"a": 1.5}]', '[{"a": "x"}]'),
    "datetime": wrapped(datetime.datetime, '"2026-01-02T03:04:05Z"', '"soon"', '"2026-13-01T00:00:00Z"'),
    "aware datetime": wrapped(
        Annotated[datetime.datetime, Meta(tz=True)], '"2026-01-02T03:04:05+01:00"', '"2026-01-02T03:04:05"'
    ),
    "date": wrapped(datetime.date, '"2026-01-02"', '"2026-02-30"'),
    "time": wrapped(datetime.time, '"03:04:05"', '"25:00:00"'),
    "timedelta": wrapped(datetime.timedelta, '"P1DT2H"', '"one day"'),
    "uuid": wrapped(uuid.UUID, '"12345678-1234-5678-1234-567812345678"', '"12"'),
    "decimal": wrapped(decimal.Decimal, '"12.50"', '"twelve"'),
    "bytes": wrapped(bytes, '"YWJj"', '"%%"'),
    "at least": wrapped(Annotated[int, Meta(ge=0)], "0", "-1"),
    "between": wrapped(Annotated[float, Meta(gt=0, lt=1)], "0.5", "0", "1"),
    "multiple": wrapped(Annotated[int, Meta(multiple_of=5)], "10", "11"),
    "pattern": wrapped(Annotated[str, Meta(pattern="^[a-z]+$")], '"abc"', '"ABC"'),
    "look ahead": wrapped(Annotated[str, Meta(pattern="^(?=.*a)[a-z]+$")], '"bab"', '"bbb"'),
    "length": wrapped(Annotated[str, Meta(min_length=2, max_length=3)], '"ab"', '"a"', '"abcd"'),
    "regex": wrapped(Regex("[A-Z]{3}-[0-9]+"), '"ABC-12"', '"ABC-12x"', '"xABC-12"', '"ABC-12\\n"'),
    "one of": wrapped(OneOf("red", "green"), '"red"', '"blue"'),
    "one of numbers": wrapped(OneOf(1, 5), "5", "2"),
    "struct": Case(Plain, ('{"name": "a", "age": 1}',), ('{"name": "a"}', '{"name": 1, "age": 1}', "[]")),
    "defaults": Case(
        Defaults,
        ('{"name": "a"}', '{"name": "a", "age": null, "nick": null, "tags": null}'),
        ('{"name": null}', '{"name": "a", "age": "x"}', '{"name": "a", "tags": [null]}'),
    ),
    "renamed": Case(Renamed, ('{"firstName": "a"}',), ('{"first_name": "a"}',)),
    "closed": Case(Closed, ('{"a": 1}',), ('{"a": 1, "b": 2}',)),
    "empty": Case(Nothing, ("{}",), ("[]", "1")),
    "nested": Case(
        Nested,
        ('{"inner": {"name": "a"}, "more": [{"name": "b", "age": 1}]}',),
        ('{"inner": {"name": "a"}, "more": [{"name": "b"}]}', '{"inner": {}, "more": []}'),
    ),
    "tree": Case(Tree, ('{"value": 1, "children": [{"value": 2}]}',), ('{"value": 1, "children": [{"value": "x"}]}',)),
    "chain": Case(
        Chain,
        ('{"value": 1, "next": {"value": 2, "next": null}}',),
        ('{"value": 1}', '{"value": 1, "next": {"value": 2}}'),
    ),
    "list of trees": wrapped(list[Tree], '[{"value": 1}]', '[{"children": []}]'),
    "tagged": wrapped(Cat | Dog, '{"type": "Cat", "lives": 9}', '{"type": "Cow"}', '{"type": "Cat"}'),
    "zoo": Case(
        Zoo,
        ('{"first": {"type": "Dog"}, "rest": [{"type": "Cat", "lives": 1}]}',),
        ('{"first": {"lives": 1}}', '{"first": {"type": "Dog"}, "rest": [{"type": "Cat", "lives": "x"}]}'),
    ),
    "row": wrapped(Row, '[1, "x"]', '["x", 1]', "[1]"),
    "bounded": Case(
        Bounded,
        (BOUNDED,),
        (
            BOUNDED.replace("5,", "11,", 1),
            BOUNDED.replace("0.5", "1"),
            BOUNDED.replace("10", "7"),
            BOUNDED.replace("AB", "ab"),
            BOUNDED.replace("abc", "abcdef"),
            BOUNDED.replace("[1, 2]", "[1]"),
        ),
    ),
    "times": Case(Times, (TIMES,), (TIMES.replace("12.50", "x"), TIMES.replace("P1DT2H", "2h"))),
    "described": Case(Described, ('{"size": 1}',), ('{"size": -1}', '{"size": 1, "colour": "blue"}')),
    "dataclass": Case(Data, ('{"name": "a"}',), ('{"score": 1}', '{"name": "a", "score": "x"}')),
    "recursive dataclass": Case(DataTree, ('{"left": {"size": 1}}',), ('{"left": {"size": "x"}}',)),
    "typed dict": Case(Typed, ('{"name": "a"}',), ('{"age": 1}',)),
    "loose typed dict": Case(Loose, ('{"a": 1}', '{"a": null}'), ('{"a": "x"}',)),
    "named tuple": wrapped(Point, "[1, 2]", '["x"]', "[]"),
    "pydantic": Case(Pyd, ('{"name": "a", "age": 1}',), ('{"name": "a", "age": -1}', '{"age": 1}')),
    "nested pydantic": Case(
        PydNested,
        ('{"one": {"name": "a", "age": 1}, "note": null}',),
        ('{"one": {"name": "a", "age": 1}, "many": [{"name": "b", "age": -1}]}',),
    ),
    "recursive pydantic": Case(
        PydTree, ('{"value": 1, "children": [{"value": 2}]}',), ('{"value": 1, "children": [{"value": "x"}]}',)
    ),
    "list of pydantic": wrapped(list[Pyd], '[{"name": "a", "age": 1}]', '[{"name": "a", "age": -1}]'),
    "pydantic in a struct": Case(
        Mixed,
        ('{"model": {"name": "a", "age": 1}, "colour": "a"}',),
        ('{"model": {"name": "a", "age": -1}, "colour": "a"}', '{"model": {"name": "a", "age": 1}, "colour": "c"}'),
    ),
    "schema": Case(SCHEMA, ('{"sku": "AB"}', '{"sku": "AB", "n": null}'), ('{"sku": "ab"}', '{"sku": "A", "n": 0}')),
    "schema of a list": wrapped({"type": "array", "items": {"type": "integer"}}, "[1]", '["x"]'),
}
