"""
A JSON Schema, turned into what a dialect can carry.

Each part of a schema is one short step (`keywords`) that takes what it knows out of the node and puts it, or something
weaker, into the schema that is sent.

Rule: what is sent allows every value that the schema allows, but for null or the absence of a property, of which
a dialect may have only one, and for properties without a name in an object that has names.  What had to be left out is
listed, and told to the model in the description.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from dragoman.structured.compilers.dialect import Dialect
from dragoman.structured.compilers.keywords import REMARKS, STEPS, Unfit, kinds_of, plain
from dragoman.structured.compilers.size import exceeds
from dragoman.types.shapes import Schema, resolve


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
        self.optional = 0

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
            self._open.append((ref, self.optional))
            self._definitions[name] = self.node(target, path)
            self._open.pop()
        return {"$ref": f"#/$defs/{name}"}

    def _may_recur(self, around: int) -> bool:
        recursion = self.dialect.recursion
        return recursion == "yes" or (recursion == "optional" and self.optional > around)

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
        if schema is True or not schema.keys() - REMARKS:
            return self._anything({} if schema is True else schema, path)
        rules = self._merged(dict(schema), path)
        made: Schema = {}
        missing: list[str] = []
        for keyword, value in rules.items():
            step = STEPS.get(keyword, plain)
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
        if len(parts) == 1 and isinstance(parts[0], dict) and not rules.keys() - REMARKS:
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
            kinds = kinds_of(made)
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
        elif made.setdefault(name, value) != value and name not in REMARKS:
            raise Unfit(f"allOf says two things of {name} at {path}")
    return made
