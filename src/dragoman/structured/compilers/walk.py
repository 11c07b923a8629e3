"""
A JSON Schema, turned into what a dialect can carry.

Each part of a schema is one short step that takes what it knows out of the node and puts it, or something weaker, into
the schema that is sent.

Rule: what is sent allows every value that the schema allows, but for null or the absence of a property, of which
a dialect may have only one, and for properties without a name in an object that has names.  What had to be left out is
listed, and told to the model in the description.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import msgspec

from dragoman.structured.compilers.dialect import Dialect
from dragoman.structured.compilers.size import exceeds
from dragoman.types.shapes import Schema, resolve

# Look-around, back references and word boundaries: no regular language, or not what grammars are made of.
_NOT_SIMPLE: Final = re.compile(r"\(\?(?:[=!]|<[=!]|P=)|\\[1-9bB]")

# They say something of a schema and nothing of its values.
_REMARKS: Final = frozenset(
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


class Compiled(msgspec.Struct, frozen=True, kw_only=True):
    """
    What is sent.

    Attributes:
        schema: The schema; None where there is none that the dialect could carry.
        lost: What it does not say, as `keyword (place)`.
        reason: Why the dialect cannot hold a model to it, or None.
    """

    schema: Schema | None
    lost: tuple[str, ...] = ()
    reason: str | None = None


class Unfit(Exception):
    """The dialect has nothing for this."""


def compile_schema(schema: Schema, dialect: Dialect) -> Compiled:
    """
    Turn a schema of an object into that of a dialect.

    Args:
        schema: JSON Schema 2020-12 (earlier drafts' `definitions` are read, too); its root is an object.
        dialect: Whose schema to make.
    """
    if not dialect.schemas:
        return Compiled(schema=None, reason="it takes no schema")
    walk = _Walk(schema, dialect)
    try:
        made = walk.root()
        too_large = exceeds(made, dialect.limits)
    except Unfit as error:
        return Compiled(schema=None, reason=str(error))
    except (TypeError, AttributeError, ValueError, RecursionError) as error:
        return Compiled(schema=None, reason=f"it cannot be read as a schema ({error})")
    if too_large:
        return Compiled(schema=None, reason=too_large)
    return Compiled(schema=made, lost=tuple(dict.fromkeys(walk.lost)))


class _Walk:
    """One way through one schema."""

    def __init__(self, source: Schema, dialect: Dialect) -> None:
        self.source = source
        self.dialect = dialect
        self.lost: list[str] = []
        self._definitions: dict[str, Schema] = {}
        self._names: dict[str, str] = {}  # reference to the name of its definition
        self._open: list[tuple[str, int]] = []  # definitions that are being walked; optional properties around each
        self._optional = 0

    # --- the root and what it refers to -------------------------------------------------------------------------

    def root(self) -> Schema:
        top, seen = self.source, set[str]()
        while "$ref" in top:  # a root must be an object, and a reference is not yet one
            ref = str(top["$ref"])
            if ref in seen:
                raise Unfit("its root refers to itself")
            seen.add(ref)
            top = self._target(ref)
        made = self.node({**top, **{k: v for k, v in self.source.items() if k == "description"}}, "$")
        if self._definitions:
            made = {**made, "$defs": dict(sorted(self._definitions.items()))}
        return made

    def _target(self, ref: str) -> Schema:
        found = resolve(self.source, ref)
        if not isinstance(found, dict):
            raise Unfit(f"{ref} leads out of the schema, or nowhere")
        return cast("Schema", found)

    def reference(self, ref: str, path: str) -> Schema:
        """A definition, walked once; a place that refers to it."""
        target = self._target(ref)
        name = self._names.get(ref) or self._new_name(ref)
        around = next((optional for open_ref, optional in self._open if open_ref == ref), None)
        if around is not None and not self._may_recur(around):
            raise Unfit("it holds itself")
        if name not in self._definitions:
            self._definitions[name] = {}
            self._open.append((ref, self._optional))
            self._definitions[name] = self.node(target, path)
            self._open.pop()
        return {"$ref": f"#/$defs/{name}"}

    def _may_recur(self, around: int) -> bool:
        recursion = self.dialect.recursion
        return recursion == "yes" or (recursion == "optional" and self._optional > around)

    def _new_name(self, ref: str) -> str:
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", ref.rsplit("/", 1)[-1].strip("#")) or "Root"
        name, number = plain, 1
        while name in self._names.values():
            number += 1
            name = f"{plain}_{number}"
        self._names[ref] = name
        return name

    # --- one node -----------------------------------------------------------------------------------------------

    def node(self, schema: Any, path: str, *, optional: bool = False) -> Schema:
        """The schema of one place."""
        if schema is False:
            raise Unfit(f"nothing is allowed at {path}")
        if schema is True or not schema.keys() - _REMARKS:
            return self._anything({} if schema is True else schema, path)
        rules = self._merged(dict(schema), path)
        made: Schema = {}
        missing: list[str] = []
        for keyword, value in rules.items():
            step = _STEPS.get(keyword, _plain)
            if step(self, keyword, value, rules, made, path, optional):
                missing.append(keyword)
        self._finish(rules, made, missing, path)
        return self._alone(made)

    def _anything(self, schema: Mapping[str, Any], path: str) -> Schema:
        if not self.dialect.anything:
            raise Unfit(f"any value is allowed at {path}")
        return {"description": schema["description"]} if "description" in schema else {}

    def _merged(self, rules: Schema, path: str) -> Schema:
        """`allOf` of what does not contradict itself is one schema; `oneOf` is read as `anyOf`."""
        parts = cast("list[Any]", rules.pop("allOf", []))
        if len(parts) == 1 and isinstance(parts[0], dict) and not rules.keys() - _REMARKS:
            rules = {**cast("Schema", parts[0]), **rules}
            parts = []
        for part in parts:
            inner = cast("Schema", part)
            rules = _joined(rules, self._target(str(inner["$ref"])) if "$ref" in inner else inner, path)
        if "oneOf" in rules and "anyOf" not in rules:
            rules["anyOf"] = rules.pop("oneOf")
        return rules

    def _finish(self, rules: Schema, made: Schema, missing: list[str], path: str) -> None:
        if "type" not in made and not made.keys() & {"anyOf", "$ref"}:
            kinds = _kinds(made)
            if kinds:
                made["type"] = kinds[0] if len(kinds) == 1 else kinds
            elif not self.dialect.anything:
                raise Unfit(f"no type is said at {path}")
        if missing:
            told = ", ".join(f"{name}: {msgspec.json.encode(rules[name]).decode()}" for name in missing)
            words = f"{made['description']} ({told})" if "description" in made else told
            made["description"] = words
            self.lost += [f"{name} ({path})" for name in missing]

    def _alone(self, made: Schema) -> Schema:
        if "$ref" in made and len(made) > 1 and self.dialect.ref_alone:
            ref = made.pop("$ref")
            if "anyOf" in self.dialect.keywords:
                return {"anyOf": [{"$ref": ref}], **made}
            return {"$ref": ref}
        return made


def _joined(one: Schema, other: Schema, path: str) -> Schema:
    made = dict(one)
    for name, value in other.items():
        if name == "properties":
            made[name] = {**made.get(name, {}), **value}
        elif name == "required":
            made[name] = [*dict.fromkeys([*made.get(name, []), *value])]
        elif made.setdefault(name, value) != value and name not in _REMARKS:
            raise Unfit(f"allOf says two things of {name} at {path}")
    return made


# --- one step per keyword ---------------------------------------------------------------------------------------------
# Each gets the walk, the keyword, its value, the whole node, what is made, the path, and whether the place is that of
# a property that may be left out.  It returns True if the keyword could not be said.

_Step = Callable[[_Walk, str, Any, Schema, Schema, str, bool], bool]


def _plain(walk: _Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    if name in walk.dialect.keywords:
        made[name] = value
        return False
    return name not in _REMARKS and name not in _IMPLIED


# Without the keyword that they belong to they say nothing.
_IMPLIED: Final = frozenset({"minContains", "maxContains"})


def _skip(walk: _Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    return False


def _ref(walk: _Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    made.update(walk.reference(str(value), path))
    return False


def _any_of(walk: _Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    branches = [branch for branch in cast("list[Any]", value) if branch is not False]
    if name in walk.dialect.keywords:
        made[name] = [walk.node(branch, path) for branch in branches]
        return False
    others = [branch for branch in branches if branch != _NULL]
    if len(others) == 1 and (optional or len(branches) == 1):
        made.update(walk.node(others[0], path))  # whoever would say null leaves the property out
        return False
    raise Unfit(f"several types are allowed at {path}")


def _type(walk: _Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    made[name] = value
    if "object" in _listed(value) and not rules.keys() & {"properties", "additionalProperties"}:
        return _object(walk, "properties", {}, rules, made, path, optional)
    if "array" in _listed(value) and not rules.keys() & {"items", "prefixItems"} and not walk.dialect.anything:
        raise Unfit(f"a list of anything is allowed at {path}")
    return False


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _object(walk: _Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
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


def _map(walk: _Walk, others: Any, made: Schema, path: str) -> bool:
    if not walk.dialect.maps:
        raise Unfit(f"an object with properties of any name is allowed at {path}")
    made["type"] = "object"
    if others is not True:
        made["additionalProperties"] = walk.node(others, f"{path}.*")
    return False


def _property(walk: _Walk, key: str, schema: Any, required: list[str], path: str) -> Schema:
    where = f"{path}.{key}"
    if key in required:
        return walk.node(schema, where)
    walk._optional += 1  # pyright: ignore[reportPrivateUsage]
    made = walk.node(schema, where, optional=True)
    walk._optional -= 1  # pyright: ignore[reportPrivateUsage]
    if not walk.dialect.all_required or _takes_null(made):
        return made
    if "anyOf" in made:
        return {**made, "anyOf": [*made["anyOf"], _NULL]}
    described = {"description": made.pop("description")} if "description" in made else {}
    return {"anyOf": [made, _NULL], **described}


def _takes_null(schema: Schema) -> bool:
    return "null" in _listed(schema.get("type")) or any(_takes_null(branch) for branch in schema.get("anyOf", []))


def _items(walk: _Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    if "prefixItems" in rules:
        return False  # done with them
    if value is False:
        made["maxItems"] = 0
        return "maxItems" not in walk.dialect.keywords
    made[name] = walk.node(value, f"{path}[]")
    return False


def _prefix(walk: _Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
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


def _enum(walk: _Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    values = cast("list[Any]", value) if name == "enum" else [value]
    if not all(_json_type(one) in walk.dialect.enums for one in values):
        return _with_null(walk, values, rules, made, path)
    if name in walk.dialect.keywords:
        made[name] = value
    else:
        made["enum"] = values
    return False


def _with_null(walk: _Walk, values: list[Any], rules: Schema, made: Schema, path: str) -> bool:
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


def _kinds(made: Schema) -> list[str]:
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


def _pattern(walk: _Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    patterns = walk.dialect.patterns
    anchored = str(value).startswith("^") and str(value).endswith("$") and not str(value).endswith("\\$")
    simple = patterns == "any" or not _NOT_SIMPLE.search(str(value))
    if name not in walk.dialect.keywords or not simple or (patterns == "whole" and not anchored):
        return True
    made[name] = value
    return False


def _format(walk: _Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    formats = walk.dialect.formats
    if name not in walk.dialect.keywords or (formats is not None and value not in formats):
        return True
    made[name] = value
    return False


def _min_items(walk: _Walk, name: str, value: Any, rules: Schema, made: Schema, path: str, optional: bool) -> bool:
    if name not in walk.dialect.keywords:
        return True
    if walk.dialect.few_items and value > 1:
        made[name] = 1
        return True
    made[name] = value
    return False


_STEPS: Final[dict[str, _Step]] = {
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
