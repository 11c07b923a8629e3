"""How large a compiled schema is, beside what its dialect allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from dragoman.structured.compilers.dialect import Limits
from dragoman.types.shapes import Schema

# An enum of more values than this is held to a limit of its own.
_LONG_ENUM: Final = 250


def exceeds(schema: Schema, limits: Limits) -> str | None:
    """Say what of a schema is too much, or None."""
    if limits == Limits():
        return None
    nodes = list(_nodes(schema))
    counts = {
        "properties": sum(len(node.get("properties", {})) for node in nodes),
        "depth": _depth(schema, schema, ()),
        "enums": sum(len(node.get("enum", ())) for node in nodes),
        "letters": sum(map(_letters, nodes)) + sum(map(len, schema.get("$defs", {}))),
        "enum_letters": max(
            (_length(node["enum"]) for node in nodes if len(node.get("enum", ())) > _LONG_ENUM), default=0
        ),
        "optional": sum(len(node.get("properties", {})) - len(node.get("required", ())) for node in nodes),
        "unions": sum("anyOf" in node or isinstance(node.get("type"), list) for node in nodes),
    }
    for name, count in counts.items():
        limit = getattr(limits, name)
        if limit is not None and count > limit:
            return f"it has {count} {_CALLED[name]}, and {limit} is the most"
    return None


_CALLED: Final = {
    "properties": "properties",
    "depth": "objects within one another",
    "enums": "enum values",
    "letters": "characters of names and values",
    "enum_letters": "characters in one enum",
    "optional": "optional properties",
    "unions": "places with several types",
}


def _children(node: Schema) -> Iterator[Schema]:
    yield from node.get("properties", {}).values()
    yield from node.get("anyOf", ())
    yield from node.get("prefixItems", ())
    yield from (inner for inner in (node.get("items"), node.get("additionalProperties")) if isinstance(inner, dict))


def _nodes(schema: Schema) -> Iterator[Schema]:
    """Every place of a schema, those of its definitions once."""
    waiting = [schema, *schema.get("$defs", {}).values()]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += _children(node)


def _depth(node: Schema, root: Schema, open_refs: tuple[str, ...]) -> int:
    ref = node.get("$ref")
    if isinstance(ref, str):
        if ref in open_refs:
            return 0
        return _depth(root["$defs"][ref.rsplit("/", 1)[-1]], root, (*open_refs, ref))
    inner = max((_depth(child, root, open_refs) for child in _children(node)), default=0)
    return inner + ("properties" in node)


def _letters(node: Schema) -> int:
    values = cast("list[Any]", node.get("enum", ())) or ([node["const"]] if "const" in node else [])
    return sum(map(len, node.get("properties", {}))) + _length(values)


def _length(values: list[Any]) -> int:
    return sum(len(value) for value in values if isinstance(value, str))
