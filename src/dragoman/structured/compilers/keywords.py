"""
What becomes of each keyword of a JSON Schema: one step for each, and the table of them.

A step gets the walk, the keyword, its value, the whole node, what is made of it, the path, and whether the place is
that of a property that may be left out.

Rule: a step returns True if the keyword could not be said; then it is told in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from dragoman.structured.compilers.dialect import Dialect
from dragoman.types.shapes import Schema

# Look-around, back references and word boundaries: no regular language, or not what grammars are made of.
_NOT_SIMPLE: Final = re.compile(r"\(\?(?:[=!]|<[=!]|P=)|\\[1-9bB]")

# They say something of a schema and nothing of its values.
REMARKS: Final = frozenset(
    {"default", "examples", "title", "description", "discriminator", "deprecated", "readOnly", "writeOnly"}
    | {"propertyOrdering", "$comment", "$schema", "$id", "$anchor", "$vocabulary", "$defs", "definitions"}
)
_NULL: Final[Schema] = {"type": "null"}

_TYPES: Final[dict[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


class Unfit(Exception):
    """The dialect has nothing for this."""


class Walk(Protocol):
    """
    The way through a schema, as its steps know it.

    Attributes:
        dialect: Whose schema is made.
        lost: What could not be said.
        optional: Properties around this place that may be left out.
    """

    dialect: Dialect
    lost: list[str]
    optional: int

    def node(self, schema: Any, path: str, *, optional: bool = False) -> Schema:
        """The schema of one place."""
        ...

    def reference(self, ref: str, path: str) -> Schema:
        """A definition, walked once; a place that refers to it."""
        ...


_Step = Callable[[Walk, str, Any, Schema, Schema, str, bool], bool]


def plain(walk: Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    """The step of a keyword that has none of its own."""
    if name in walk.dialect.keywords:
        made[name] = value
        return False
    return name not in REMARKS and name not in _IMPLIED


# Without the keyword that they belong to they say nothing.
_IMPLIED: Final = frozenset({"minContains", "maxContains"})


def _skip(walk: Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    return False


def _ref(walk: Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    made.update(walk.reference(str(value), path))
    return False


def _any_of(walk: Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    branches = [branch for branch in cast("list[Any]", value) if branch is not False]
    if name in walk.dialect.keywords:
        made[name] = [walk.node(branch, path) for branch in branches]
        return False
    others = [branch for branch in branches if branch != _NULL]
    if len(others) == 1 and (optional or len(branches) == 1):
        made.update(walk.node(others[0], path))  # whoever would say null leaves the property out
        return False
    raise Unfit(f"several types are allowed at {path}")


def _type(walk: Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    made[name] = value
    if "object" in _listed(value) and not rules.keys() & {"properties", "additionalProperties"}:
        return _object(walk, "properties", {}, rules, made, path, optional)
    if "array" in _listed(value) and not rules.keys() & {"items", "prefixItems"} and not walk.dialect.anything:
        raise Unfit(f"a list of anything is allowed at {path}")
    return False


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _object(walk: Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    """The properties of an object, and what else it may hold, which are one question."""
    if name == "additionalProperties" and "properties" in rules:
        return False  # done with the properties
    properties = cast("Schema", rules.get("properties", {}))
    others = rules.get("additionalProperties", not properties and "properties" not in rules)
    if not properties and others is not False and "patternProperties" not in rules:
        return _map(walk, others, made, path)
    required = [key for key in cast("list[str]", rules.get("required", [])) if key in properties]
    if walk.dialect.some_required and not required:
        raise Unfit(f"an object without a required property is allowed at {path}")
    made["properties"] = {key: _property(walk, key, inner, required, path) for key, inner in properties.items()}
    made["required"] = list(properties) if walk.dialect.all_required else required
    if walk.dialect.closed or others is False:
        made["additionalProperties"] = False
    elif isinstance(others, dict):
        made["additionalProperties"] = walk.node(others, f"{path}.*")
    if walk.dialect.closed and isinstance(others, dict):
        walk.lost.append(f"additionalProperties ({path})")
    return False


def _map(walk: Walk, others: Any, made: Schema, path: str) -> bool:
    if not walk.dialect.maps:
        raise Unfit(f"an object with properties of any name is allowed at {path}")
    made["type"] = "object"
    if others is not True:
        made["additionalProperties"] = walk.node(others, f"{path}.*")
    return False


def _property(walk: Walk, key: str, schema: Any, required: list[str], path: str) -> Schema:
    where = f"{path}.{key}"
    if key in required:
        return walk.node(schema, where)
    walk.optional += 1
    made = walk.node(schema, where, optional=True)
    walk.optional -= 1
    if not walk.dialect.all_required or _takes_null(made):
        return made
    if "anyOf" in made:
        return {**made, "anyOf": [*made["anyOf"], _NULL]}
    described = {"description": made.pop("description")} if "description" in made else {}
    return {"anyOf": [made, _NULL], **described}


def _takes_null(schema: Schema) -> bool:
    return "null" in _listed(schema.get("type")) or any(_takes_null(branch) for branch in schema.get("anyOf", []))


def _items(walk: Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    if "prefixItems" in rules:
        return False  # done with them
    if value is False:
        made["maxItems"] = 0
        return "maxItems" not in walk.dialect.keywords
    made[name] = walk.node(value, f"{path}[]")
    return False


def _prefix(walk: Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    """The places of a list with a type each; where that cannot be said, any of these types in any place."""
    places = [walk.node(inner, f"{path}[{i}]") for i, inner in enumerate(cast("list[Any]", value))]
    rest = rules.get("items", True)
    if name in walk.dialect.keywords:
        made[name] = places
        return False
    if rest not in (True, False):
        places.append(walk.node(rest, f"{path}[]"))
    kinds = [kind for i, kind in enumerate(places) if kind not in places[:i]]
    if len(kinds) > 1 and "anyOf" not in walk.dialect.keywords:
        raise Unfit(f"several types are allowed at {path}")
    made["items"] = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return len(kinds) > 1


def _enum(walk: Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    values = cast("list[Any]", value) if name == "enum" else [value]
    if not all(_json_type(one) in walk.dialect.enums for one in values):
        return _with_null(walk, values, rules, made, path)
    if name in walk.dialect.keywords:
        made[name] = value
    else:
        made["enum"] = values
    return False


def _with_null(walk: Walk, values: list[Any], rules: Schema, made: Schema, path: str) -> bool:
    """Null among values that may be sent is a type of its own; other values cannot be told one by one."""
    said = [one for one in values if _json_type(one) in walk.dialect.enums]
    rest = {_json_type(one) for one in values} - walk.dialect.enums
    if rest == {"null"} and said and "anyOf" in walk.dialect.keywords:
        kinds = list(dict.fromkeys(_json_type(one) for one in said))
        made["anyOf"] = [{"enum": said, "type": kinds[0] if len(kinds) == 1 else kinds}, _NULL]
        made.pop("type", None)
        return False
    kinds = list(dict.fromkeys(_json_type(one) for one in values))
    if set(kinds) - set(_TYPES.values()):
        raise Unfit(f"lists or objects are among the values at {path}")
    made["type"] = kinds[0] if len(kinds) == 1 else kinds
    return "enum" in rules or "const" in rules


def _json_type(value: Any) -> str:
    return _TYPES.get(cast("type[Any]", type(value)), "object")


def kinds_of(made: Schema) -> list[str]:
    """Types of a node that does not say one: those of its values, or the one that its keywords belong to."""
    if "enum" in made or "const" in made:
        values = made["enum"] if "enum" in made else [made["const"]]
        return list(dict.fromkeys(_json_type(value) for value in values))
    for kind, keywords in _OWN.items():
        if made.keys() & keywords:
            return [kind]
    return []


_OWN: Final = {
    "object": frozenset({"properties", "additionalProperties", "required"}),
    "array": frozenset({"items", "prefixItems"}),
}


def _pattern(walk: Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    patterns = walk.dialect.patterns
    anchored = str(value).startswith("^") and str(value).endswith("$") and not str(value).endswith("\\$")
    simple = patterns == "any" or not _NOT_SIMPLE.search(str(value))
    if name not in walk.dialect.keywords or not simple or (patterns == "whole" and not anchored):
        return True
    made[name] = value
    return False


def _format(walk: Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    formats = walk.dialect.formats
    if name not in walk.dialect.keywords or (formats is not None and value not in formats):
        return True
    made[name] = value
    return False


def _min_items(walk: Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    if name not in walk.dialect.keywords:
        return True
    if walk.dialect.few_items and value > 1:
        made[name] = 1
        return True
    made[name] = value
    return False


STEPS: Final[dict[str, _Step]] = {
    "$ref": _ref,
    "anyOf": _any_of,
    "type": _type,
    "properties": _object,
    "additionalProperties": _object,
    "required": _skip,
    "items": _items,
    "prefixItems": _prefix,
    "enum": _enum,
    "const": _enum,
    "pattern": _pattern,
    "format": _format,
    "minItems": _min_items,
    "$defs": _skip,
    "definitions": _skip,
}
