"""Smallest values of JSON Schemas, judged by an independent validator."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from dragoman.transport.minimal import Unsatisfiable, minimal

TREE = {
    "$ref": "#/$defs/Node",
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "left": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
            },
            "required": ["name", "left"],
        }
    },
}

SCHEMAS: dict[str, dict[str, Any]] = {
    "empty": {},
    "object": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]},
    "required-but-not-described": {"type": "object", "required": ["x"]},
    "closed": {"type": "object", "properties": {"a": {"const": 5}}, "required": ["a"], "additionalProperties": False},
    "min-properties": {"type": "object", "minProperties": 3, "properties": {"a": {"type": "null"}}},
    "map": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
    "enum": {"enum": ["red", "green"]},
    "nullable": {"type": ["integer", "null"], "minimum": 7},
    "array": {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
    "tuple": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "minItems": 2},
    "unique-strings": {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
    "unique-enum": {"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 2, "uniqueItems": True},
    "integer-bounds": {"type": "integer", "exclusiveMinimum": 1.5, "maximum": 2},
    "multiple": {"type": "integer", "multipleOf": 7, "minimum": 8},
    "negative": {"type": "number", "maximum": -0.5},
    "narrow": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
    "long-string": {"type": "string", "minLength": 20},
    "short-string": {"type": "string", "maxLength": 2},
    "date": {"type": "string", "format": "date"},
    "uuid": {"type": "string", "format": "uuid"},
    "pattern": {"type": "string", "pattern": "^[A-Z]{3}$"},
    "post-code": {"type": "string", "pattern": "^\\d{5}$", "maxLength": 5},
    "any-of": {"anyOf": [{"type": "string", "pattern": "^Ж+$"}, {"type": "integer"}]},
    "one-of-with-rest": {
        "type": "object",
        "properties": {"kind": {"type": "string"}},
        "required": ["kind"],
        "oneOf": [{"properties": {"size": {"type": "integer"}}, "required": ["size"]}],
    },
    "all-of": {
        "allOf": [
            {"$ref": "#/$defs/Base"},
            {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]},
        ],
        "$defs": {"Base": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}},
    },
    "recursive": TREE,
    "no-type": {"properties": {"a": {"minimum": 2}}, "required": ["a"]},
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_the_value_satisfies_its_schema(schema):
    """An independent validator, formats included, accepts the value; and it is the same every time."""
    value = minimal(schema)

    jsonschema_rs.validator_for(schema, validate_formats=True).validate(value)
    assert value == minimal(schema)


def test_optional_properties_are_left_out():
    """Only what is required is there."""
    assert {"a": "text"} == minimal(SCHEMAS["object"])


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "string", "pattern": "^Ж+$"}, "$"),
        ({"type": "object", "required": ["a"], "properties": {"a": False}}, "$.a"),
        ({"type": "array", "minItems": 2, "items": {"type": "boolean"}, "uniqueItems": True}, "$"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "$"),
        ({"$ref": "#/$defs/gone"}, "$"),
        ({"$ref": "https://example.com/other.json"}, "$"),
        ({"type": "object", "required": ["me"], "properties": {"me": {"$ref": "#"}}, "$defs": {}}, "$.me.me"),
        ({"type": "thing"}, "$"),
        ({"enum": []}, "$"),
        ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/a"}}}, "$"),
        ({"type": "integer", "minimum": "three"}, "$"),
        ({"type": "integer", "multipleOf": 0}, "$"),
        ({"type": "object", "required": 5}, "$"),
    ],
)
def test_what_cannot_be_made_is_said(schema, path):
    """A schema without a value, or beyond what is read, names the place instead of getting a wrong value."""
    with pytest.raises(Unsatisfiable) as caught:
        minimal(schema)

    assert path == caught.value.path
