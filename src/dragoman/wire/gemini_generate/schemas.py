"""
Google's own form of a schema, as JSON Schema.

The dialect takes JSON Schema too, and that is what is sent; this form is only read.  It is OpenAPI 3.0's: types in
capitals, `nullable` in place of a type `null`, numbers that JSON writes as texts.

Source: google-genai SDK 3.4.0 (`Schema.json_schema`).
"""

from __future__ import annotations

from typing import Any, Final

from dragoman.wire.gemini_generate.dialect import Json, camel
from dragoman.wire.lenient import is_object, list_of, object_of

# 64-bit integers are texts in the JSON of protocol buffers.
_COUNTS: Final = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_DROPPED: Final = frozenset({"propertyOrdering", "nullable", "example"})


def json_schema(schema: Any) -> Any:
    """
    Read a schema.

    >>> json_schema({"type": "STRING", "nullable": True, "maxLength": "5"})
    {'type': ['string', 'null'], 'maxLength': 5}
    """
    if not is_object(schema):
        return schema
    sent = {camel(name): value for name, value in schema.items()}
    made = {name: _field(name, value) for name, value in sent.items() if name not in _DROPPED and value is not None}
    return _nullable(made) if sent.get("nullable") is True else made


def _field(name: str, value: Any) -> Any:
    if name == "type" and isinstance(value, str):
        return value.lower()
    if name == "properties":
        return {key: json_schema(inner) for key, inner in object_of(value).items()}
    if name == "items":
        return json_schema(value)
    if name == "anyOf":
        return [json_schema(inner) for inner in list_of(value)]
    if name in _COUNTS and isinstance(value, str) and value.isdecimal():
        return int(value)
    return value


def _nullable(schema: Json) -> Json:
    if isinstance(schema.get("type"), str):
        made = {**schema, "type": [schema["type"], "null"]}
        return {**made, "enum": [*made["enum"], None]} if isinstance(made.get("enum"), list) else made
    if isinstance(schema.get("anyOf"), list):
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    return schema
