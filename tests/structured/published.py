"""
What each dialect publishes about the schemas that it takes, as checks that know nothing of our compilers.

Sources: platform.openai.com, Structured Outputs, "Supported schemas"; platform.claude.com, Structured outputs, "JSON
Schema limitations"; GenerationConfig.responseJsonSchema of the Gemini API; docs.cohere.com, Structured Outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Check = Callable[[dict[str, Any]], list[str]]


def nodes(schema: Any, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema."""
    yield path, schema
    for name in ("properties", "$defs"):
        for key, inner in schema.get(name, {}).items():
            yield from nodes(inner, f"{path}.{name}.{key}")
    for name in ("anyOf", "prefixItems"):
        for i, inner in enumerate(schema.get(name, ())):
            yield from nodes(inner, f"{path}.{name}[{i}]")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from nodes(schema[name], f"{path}.{name}")


def unknown(schema: dict[str, Any], allowed: str) -> list[str]:
    """Keywords that the dialect does not list."""
    words = set(allowed.split())
    return [f"{path}: {name}" for path, node in nodes(schema) for name in node if name not in words]


def closed(schema: dict[str, Any]) -> list[str]:
    """Objects that do not say that there is nothing else in them."""
    objects = ((path, node) for path, node in nodes(schema) if node.get("type") == "object")
    return [f"{path}: not closed" for path, node in objects if node.get("additionalProperties") is not False]


def cycles(schema: dict[str, Any], *, through_required_only: bool = False) -> list[str]:
    """Definitions that hold themselves."""
    found: list[str] = []

    def walk(node: dict[str, Any], open_refs: tuple[str, ...]) -> None:
        ref = node.get("$ref")
        if ref in open_refs:
            found.append(str(ref))
            return
        if ref is not None:
            walk(schema["$defs"][ref.removeprefix("#/$defs/")], (*open_refs, ref))
        for key, inner in node.get("properties", {}).items():
            if not through_required_only or key in node.get("required", ()):
                walk(inner, open_refs)
        for inner in (*node.get("anyOf", ()), *node.get("prefixItems", ())):
            walk(inner, open_refs)
        for name in ("items", "additionalProperties"):
            if isinstance(node.get(name), dict):
                walk(node[name], open_refs)

    walk(schema, ())
    return found


def roots(schema: dict[str, Any]) -> list[str]:
    return [] if schema.get("type") == "object" and "anyOf" not in schema else ["$: the root is no object"]


def _openai(schema: dict[str, Any]) -> list[str]:
    words = (
        "type properties required additionalProperties items enum anyOf $ref $defs title description const pattern"
        " format multipleOf maximum exclusiveMaximum minimum exclusiveMinimum minItems maxItems"
    )
    formats = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
    found = unknown(schema, words) + closed(schema) + roots(schema)
    for path, node in nodes(schema):
        if set(node.get("properties", {})) != set(node.get("required", ())):
            found.append(f"{path}: not all required")
        if not node.keys() & {"type", "anyOf", "$ref"}:
            found.append(f"{path}: no type")
        if "$ref" in node and len(node) > 1:
            found.append(f"{path}: something stands beside $ref")
        if node.get("format", "uuid") not in formats:
            found.append(f"{path}: format {node['format']}")
        if "(?" in node.get("pattern", "").replace("(?:", ""):
            found.append(f"{path}: look-around")
    return found


def _anthropic(schema: dict[str, Any]) -> list[str]:
    words = (
        "type properties required additionalProperties items enum anyOf $ref $defs title description const pattern"
        " format minItems default"
    )
    formats = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
    found = unknown(schema, words) + closed(schema) + roots(schema) + cycles(schema)
    for path, node in nodes(schema):
        if node.get("minItems", 0) not in (0, 1) or node.get("format", "uuid") not in formats:
            found.append(f"{path}: minItems or format")
    return found


def _gemini(schema: dict[str, Any]) -> list[str]:
    words = (
        "$id $defs $ref $anchor type format title description enum items prefixItems minItems maxItems minimum maximum"
        " anyOf oneOf properties additionalProperties required"
    )
    found = unknown(schema, words) + cycles(schema, through_required_only=True)
    for path, node in nodes(schema):
        if "$ref" in node and any(not name.startswith("$") for name in node):
            found.append(f"{path}: something stands beside $ref")
        if not all(type(value) in (str, int, float) for value in node.get("enum", ())):
            found.append(f"{path}: enum")
    return found


def _cohere(schema: dict[str, Any]) -> list[str]:
    words = "type properties required additionalProperties items enum $ref $defs title description const format"
    formats = ("date-time", "uuid", "date", "time")
    found = unknown(schema, words) + cycles(schema)
    for path, node in nodes(schema):
        if node.get("type") == "object" and not node.get("required"):
            found.append(f"{path}: nothing is required")
        if node.get("format", "uuid") not in formats:
            found.append(f"{path}: format")
    return found


def _mistral(schema: dict[str, Any]) -> list[str]:
    return closed(schema) + roots(schema)


def _grammar(schema: dict[str, Any]) -> list[str]:
    patterns = ((path, node["pattern"]) for path, node in nodes(schema) if "pattern" in node)
    return [f"{path}: {text} is not anchored" for path, text in patterns if not (text[0] == "^" and text[-1] == "$")]


PUBLISHED: dict[str, Check] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "bedrock": _anthropic,
    "gemini": _gemini,
    "mistral": _mistral,
    "cohere": _cohere,
    "grammar": _grammar,
    "tool": _grammar,
}
