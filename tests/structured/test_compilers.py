"""Schemas as each dialect takes them: what is sent obeys what the dialect publishes, and loses no value."""

from __future__ import annotations

import json
from typing import Annotated, Any

import jsonschema_rs
import msgspec
import pytest

from dragoman.structured.compilers import DIALECTS, compile_schema
from dragoman.types.shapes import shape_of
from tests.structured.published import PUBLISHED
from tests.structured.sixty import CASES, Bounded, Defaults, Tree

# A type that a dialect has no schema for is asked for in words, or without strictness.
UNFIT = {
    "openai": {"dict", "dict of structs", "list of dicts"},
    "mistral": {"dict", "dict of structs", "list of dicts"},
    "gemini": {"chain"},
}
RECURSIVE = {"tree", "chain", "list of trees", "recursive dataclass", "recursive pydantic"}
UNFIT["anthropic"] = UNFIT["bedrock"] = UNFIT["openai"] | RECURSIVE


@pytest.mark.parametrize("dialect", PUBLISHED)
@pytest.mark.parametrize("name", CASES)
def test_what_is_sent_obeys_the_published_rules(name, dialect):
    """Each of the sixty types, through each compiler, is a valid schema within the dialect's own rules."""
    compiled = compile_schema(shape_of(CASES[name].kind).root, DIALECTS[dialect])

    if compiled.schema is None:
        assert compiled.reason
        assert dialect == "cohere" or name in UNFIT[dialect]
        return
    assert [] == PUBLISHED[dialect](compiled.schema)
    jsonschema_rs.Draft202012Validator(compiled.schema)
    assert name not in UNFIT.get(dialect, ())


@pytest.mark.parametrize("dialect", PUBLISHED)
@pytest.mark.parametrize("name", CASES)
def test_no_value_is_lost(name, dialect):
    """Every value of the type satisfies what is sent, once absent properties are said as the dialect says them."""
    compiled = compile_schema(shape_of(CASES[name].kind).root, DIALECTS[dialect])
    if compiled.schema is None:
        return
    validator = jsonschema_rs.Draft202012Validator(compiled.schema)
    value = json.loads(CASES[name].good[0])
    if dialect == "cohere" and isinstance(value, dict):  # there null is said by absence
        value = {key: item for key, item in value.items() if item is not None or key in compiled.schema["required"]}
    if DIALECTS[dialect].all_required:
        value = filled(value, compiled.schema, compiled.schema)

    assert [] == [error.message for error in validator.iter_errors(value)]


def filled(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """A value with null for each property that is not there."""
    if "$ref" in schema:
        return filled(value, root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root)
    if "anyOf" in schema:
        made = [filled(value, branch, root) for branch in schema["anyOf"]]
        fit = (one for one, branch in zip(made, schema["anyOf"], strict=True) if fits(one, branch, root))
        return next(fit, value)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [filled(item, schema["items"], root) for item in value]
    if isinstance(value, dict) and "properties" in schema:
        return {
            name: filled(value[name], inner, root) if name in value else None
            for name, inner in schema["properties"].items()
        } | {name: item for name, item in value.items() if name not in schema["properties"]}
    return value


def fits(value: Any, branch: dict[str, Any], root: dict[str, Any]) -> bool:
    return jsonschema_rs.is_valid({**branch, "$defs": root.get("$defs", {})}, value)


def test_there_are_sixty_types():
    """The number that is promised."""
    assert len(CASES) >= 60


def test_what_is_left_out_is_listed_and_told_to_the_model():
    """Anthropic takes no bounds: each is named with its place, and stands in the description."""
    compiled = compile_schema(shape_of(Bounded).root, DIALECTS["anthropic"])

    assert {"minimum ($.number)", "maximum ($.number)", "maxItems ($.few)", "minItems ($.few)"} <= set(compiled.lost)
    assert compiled.schema is not None
    assert "minimum: 1, maximum: 10" == compiled.schema["properties"]["number"]["description"]


def test_openai_says_optional_as_null():
    """A property with a default is required and nullable; one that may be null stays so, once."""
    compiled = compile_schema(shape_of(Defaults).root, DIALECTS["openai"])

    assert compiled.schema is not None
    assert ["name", "age", "nick", "tags"] == compiled.schema["required"]
    assert {"anyOf": [{"type": "integer"}, {"type": "null"}]} == compiled.schema["properties"]["age"]
    assert {"anyOf": [{"type": "string"}, {"type": "null"}]} == compiled.schema["properties"]["nick"]


def test_a_root_that_is_a_reference_becomes_an_object():
    """A recursive type has its definition at the root, too."""
    compiled = compile_schema(shape_of(Tree).root, DIALECTS["openai"])

    assert compiled.schema is not None
    assert "object" == compiled.schema["type"]
    assert {"Tree"} == set(compiled.schema["$defs"])


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        pytest.param({"$ref": "#"}, "refers to itself", id="root"),
        pytest.param({"$ref": "https://example.com/x.json"}, "out of the schema", id="elsewhere"),
        pytest.param({"type": "object", "properties": {"a": False}}, "nothing is allowed", id="false"),
        pytest.param({"type": "object", "properties": {"a": 3}}, "cannot be read", id="no schema"),
        pytest.param({"type": "object", "properties": {"a": {}}}, "any value", id="anything"),
        pytest.param({"type": "object", "properties": {"a": {"type": "array"}}}, "list of anything", id="list"),
        pytest.param(
            {"type": "object", "properties": {f"p{i}": {"type": "null"} for i in range(5001)}}, "5000", id="large"
        ),
        pytest.param(
            {"type": "object", "properties": {"e": {"enum": [f"v{i}" for i in range(1001)]}}}, "1000", id="enum"
        ),
    ],
)
def test_what_cannot_be_said_has_a_reason(schema, reason):
    """Nothing is sent that OpenAI would refuse, and the reason is said."""
    compiled = compile_schema(schema, DIALECTS["openai"])

    assert compiled.schema is None
    assert reason in (compiled.reason or "")


def test_objects_within_one_another_are_counted():
    """Eleven objects, one within the other, are one too many for OpenAI."""
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(11):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}

    assert "within one another" in (compile_schema(schema, DIALECTS["openai"]).reason or "")
    assert compile_schema(schema["properties"]["a"], DIALECTS["openai"]).schema is not None


def test_all_of_is_joined_where_it_does_not_contradict_itself():
    """What earlier drafts say by allOf becomes one object."""
    schema = {
        "type": "object",
        "allOf": [{"$ref": "#/definitions/A"}, {"properties": {"b": {"type": "string"}}, "required": ["b"]}],
        "definitions": {"A": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}},
    }
    compiled = compile_schema(schema, DIALECTS["openai"])

    assert compiled.schema is not None
    assert ["a", "b"] == compiled.schema["required"]


def test_a_wrapped_schema_keeps_its_references():
    """A list that refers to its own root, and to definitions, means the same inside the field `value`."""
    schema = {
        "type": "array",
        "items": {"anyOf": [{"$ref": "#"}, {"$ref": "#/$defs/N"}]},
        "$defs": {"N": {"type": "null"}},
    }
    shape = shape_of(schema)

    assert shape.wrapped
    assert jsonschema_rs.is_valid(shape.root, {"value": [[None], None]})
    assert not jsonschema_rs.is_valid(shape.root, {"value": [[1]]})


def test_a_definition_is_walked_once():
    """A schema that is large is walked once: each of its definitions is a node, however often it is named."""
    fields = [(f"f{i}", Annotated[list[Defaults], msgspec.Meta(max_length=3)]) for i in range(2000)]
    shape = shape_of(msgspec.defstruct("Large", fields))

    compiled = compile_schema(shape.root, DIALECTS["grammar"])

    assert compiled.schema is not None
    assert {"Defaults"} == set(compiled.schema["$defs"])
