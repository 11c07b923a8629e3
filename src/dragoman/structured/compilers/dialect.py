"""
What each dialect's schemas can say, as data.

A dialect is a row.  `compile` walks a schema once, by the row; nothing else knows where dialects differ.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """
    How large a schema may be; None for no limit.

    Attributes:
        properties: Properties of all objects together.
        depth: Objects within one another.
        enums: Values of all enums together.
        letters: Characters of all names and enum values together.
        enum_letters: Characters of one enum that has more than 250 values.
        optional: Properties that are not required, together.
        unions: Places where several types are allowed, together.
    """

    properties: int | None = None
    depth: int | None = None
    enums: int | None = None
    letters: int | None = None
    enum_letters: int | None = None
    optional: int | None = None
    unions: int | None = None


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """
    The schemas of one dialect.

    Attributes:
        name: Of the dialect.
        keywords: What may be sent; anything else is left out, told to the model in words, and held to here.
        formats: Values of `format` that may be sent; None for any.
        patterns: `any`, `simple` (no look-around, back reference or word boundary) or `whole` (the same, anchored at
            both ends).
        enums: JSON types of enum values.
        closed: Whether objects must say `additionalProperties: false`.
        all_required: Whether every property must be required; one that may be left out becomes nullable.
        some_required: Whether every object must have a required property.
        maps: Whether an object may have properties of any name.
        anything: Whether a schema may allow any value.
        recursion: Whether a schema may hold itself; `optional` for only in properties that may be left out.
        ref_alone: Whether nothing may stand beside `$ref`.
        few_items: Whether `minItems` may be 0 and 1 only.
        limits: How large it may be.
        strict: What `strict` is set to, where the dialect has that switch.
        otherwise: What is done with a schema that cannot be said: it is sent unchanged and without `strict`, or said
            in words only.
        json_object: Whether the dialect can hold a model to any JSON object.
        schemas: Whether the dialect takes a schema at all.
        tool: Whether the value is asked for as the arguments of a tool that must be called.
    """

    name: str
    keywords: frozenset[str] = frozenset()
    formats: frozenset[str] | None = None
    patterns: Literal["any", "simple", "whole"] = "any"
    enums: frozenset[str] = frozenset({"string", "number", "integer", "boolean", "null"})
    closed: bool = False
    all_required: bool = False
    some_required: bool = False
    maps: bool = False
    anything: bool = False
    recursion: Literal["yes", "optional", "no"] = "yes"
    ref_alone: bool = True
    few_items: bool = False
    limits: Limits = Limits()
    strict: bool | None = None
    otherwise: Literal["loose", "words"] = "words"
    json_object: bool = True
    schemas: bool = True
    tool: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BASIC: Final = _words(
    "type properties required additionalProperties items enum anyOf $ref $defs definitions title description"
)
_BOUNDS: Final = _words("minimum maximum exclusiveMinimum exclusiveMaximum")

# platform.openai.com, Structured Outputs, "Supported schemas".
OPENAI: Final = Dialect(
    name="openai",
    keywords=_BASIC | _BOUNDS | _words("const pattern format multipleOf minItems maxItems"),
    formats=_words("date-time time date duration email hostname ipv4 ipv6 uuid"),
    patterns="simple",
    closed=True,
    all_required=True,
    limits=Limits(properties=5_000, depth=10, enums=1_000, letters=120_000, enum_letters=15_000),
    strict=True,
    otherwise="loose",
)

# platform.claude.com, Structured outputs, "JSON Schema limitations"; FACTS: no numeric or length bounds.
ANTHROPIC: Final = Dialect(
    name="anthropic",
    keywords=_BASIC | _words("const pattern format minItems"),
    formats=_words("date-time time date duration email hostname uri ipv4 ipv6 uuid"),
    patterns="simple",
    closed=True,
    recursion="no",
    few_items=True,
    limits=Limits(optional=24, unions=16),
    json_object=False,
)

# docs.aws.amazon.com, Bedrock structured outputs: the same subset, for every model that has them.
BEDROCK: Final = msgspec.structs.replace(ANTHROPIC, name="bedrock")

# GenerationConfig.responseJsonSchema: its list of properties, and what it says of cycles and of $ref.
GEMINI: Final = Dialect(
    name="gemini",
    keywords=_BASIC - {"definitions"} | _words("format prefixItems minItems maxItems minimum maximum"),
    enums=_words("string number integer"),
    maps=True,
    recursion="optional",
)

# The official client closes objects and sends everything else as it is.
MISTRAL: Final = Dialect(
    name="mistral",
    keywords=OPENAI.keywords | _words("minLength maxLength uniqueItems prefixItems default"),
    closed=True,
    strict=True,
    otherwise="loose",
)

# docs.cohere.com, Structured Outputs: "Unsupported schema features", and a required field in every object.
COHERE: Final = Dialect(
    name="cohere",
    keywords=(_BASIC - {"anyOf"}) | _words("const format"),
    formats=_words("date-time uuid date time"),
    some_required=True,
    recursion="no",
)

# llama.cpp turns a schema into a grammar (grammars/README.md), Ollama is built on it; vLLM and SGLang use xgrammar.
GRAMMAR: Final = Dialect(
    name="grammar",
    keywords=_BASIC | _BOUNDS | _words("const pattern format minItems maxItems minLength maxLength prefixItems"),
    formats=_words("date-time time date uuid"),
    patterns="whole",
    closed=False,
    maps=True,
    anything=True,
)

# Models that call tools and take no schema for answers: the arguments of a tool that must be called.
TOOL: Final = msgspec.structs.replace(GRAMMAR, name="tool", formats=None, json_object=False, tool=True)

# The provider can hold a model to JSON, not to a schema: that is said in words.
OBJECT: Final = Dialect(name="object", schemas=False)
WORDS: Final = Dialect(name="words", schemas=False, json_object=False)

_ALL: Final = (OPENAI, ANTHROPIC, BEDROCK, GEMINI, MISTRAL, COHERE, GRAMMAR, TOOL, OBJECT, WORDS)
DIALECTS: Final = {dialect.name: dialect for dialect in _ALL}

BY_WIRE: Final = {
    "openai-chat": OPENAI,
    "openai-responses": OPENAI,
    "anthropic-messages": ANTHROPIC,
    "bedrock-anthropic": ANTHROPIC,
    "vertex-anthropic": ANTHROPIC,
    "bedrock-converse": BEDROCK,
    "gemini-generate": GEMINI,
    "gemini-interactions": GEMINI,
    "ollama-chat": GRAMMAR,
    "cohere-chat": COHERE,
}
