"""
Null where a property was left out.

Dialects in which every property must be there say of one that need not that it may be null.  So null means that it was
left out, wherever the type has no null there; where it has, null stays null.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from dragoman.types.shapes import Schema, resolve

_DEEPEST = 200


def without_nulls(value: Any, schema: Schema) -> Any:
    """Return a value without the nulls that stand for properties that were left out."""
    return _cleaned(value, [schema], schema, _DEEPEST)


def _cleaned(value: Any, schemas: list[Schema], root: Schema, depth: int) -> Any:
    if depth == 0 or not isinstance(value, dict | list):
        return value
    branches = [branch for schema in schemas for branch in _branches(schema, root, ())]
    if isinstance(value, list):
        return [
            _cleaned(item, _elements(branches, i), root, depth - 1) for i, item in enumerate(cast("list[Any]", value))
        ]
    made: dict[str, Any] = {}
    for name, item in cast("dict[str, Any]", value).items():
        inner = [branch["properties"][name] for branch in branches if name in branch.get("properties", {})]
        inner = _schemas(inner)
        if item is None and inner and _left_out(name, branches, inner, root):
            continue
        if not inner:
            others = (branch.get("additionalProperties") for branch in branches)
            inner = _schemas(others)
        made[name] = _cleaned(item, inner, root, depth - 1)
    return made


def _left_out(name: str, branches: list[Schema], inner: list[Schema], root: Schema) -> bool:
    required = any(name in branch.get("required", ()) for branch in branches)
    return not required and not any(_takes_null(one, root) for one in inner)


def _takes_null(schema: Schema, root: Schema) -> bool:
    return any(_says_null(branch) for branch in _branches(schema, root, ()))


def _says_null(schema: Schema) -> bool:
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if values is not None:
        return None in values
    kind = schema.get("type")
    return kind is None or kind == "null" or (isinstance(kind, list) and "null" in kind)


def _branches(schema: Schema, root: Schema, seen: tuple[str, ...]) -> list[Schema]:
    """A schema as the plain ones of which one must hold."""
    ref = schema.get("$ref")
    if isinstance(ref, str):
        target = None if ref in seen else resolve(root, ref)
        return _branches(cast("Schema", target), root, (*seen, ref)) if isinstance(target, dict) else []
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return [branch for part in _schemas(schema[several]) for branch in _branches(part, root, seen)]
    return [schema]


def _elements(branches: list[Schema], place: int) -> list[Schema]:
    found: list[Any] = []
    for branch in branches:
        prefix = branch.get("prefixItems", [])
        found.append(prefix[place] if place < len(prefix) else branch.get("items"))
    return _schemas(found)


def _schemas(values: Iterable[Any]) -> list[Schema]:
    return [cast("Schema", one) for one in values if isinstance(one, dict)]
