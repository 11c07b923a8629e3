"""
A smallest value that satisfies a JSON Schema, so that the simulator can fill in a form without understanding it.

The value is the same every time.  Optional properties are left out; numbers are 0 and texts are short where the schema
lets them.

Rule: what cannot be satisfied is said, not guessed: `Unsatisfiable` names the place.  Not read are `not`, `if`,
`contains`, `dependentRequired` and `dependentSchemas`, and of `oneOf` that the other branches must fail.

Source: JSON Schema 2020-12, Core and Validation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

Schema = Mapping[str, Any]


class Unsatisfiable(Exception):
    """
    No value was found.

    Attributes:
        path: Where in the value (`"$.items[0].code"`).
    """

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        super().__init__(f"{path}: {reason}")


def minimal(schema: Schema) -> Any:
    """
    Return a small value that satisfies `schema`.

    Raises:
        Unsatisfiable: It allows nothing, or asks for what cannot be made here (an unusual `pattern`).

    >>> minimal({"type": "object", "properties": {"n": {"type": "integer", "minimum": 3}}, "required": ["n"]})
    {'n': 3}
    """
    try:
        return _Maker(schema).make(schema, "$")
    except (TypeError, AttributeError, ValueError, ArithmeticError, LookupError) as error:
        raise Unsatisfiable("$", f"the schema is malformed ({error})") from error


class _Maker:
    def __init__(self, root: Schema) -> None:
        self._root = root
        self._open: list[str] = []  # references that are being expanded

    def make(self, schema: Any, path: str) -> Any:
        if schema is True or schema == {}:
            return "text"
        if not isinstance(schema, Mapping):
            raise Unsatisfiable(path, "nothing is allowed here")
        rules = cast("Schema", schema)
        if "$ref" in rules:
            return self._reference(rules, path)
        for keyword, make in _COMBINED.items():
            if keyword in rules:
                return make(self, rules, path)
        return _BY_TYPE[_type(rules, path)](self, rules, path)

    def _reference(self, schema: Schema, path: str) -> Any:
        # A smallest value never holds a value of its own kind: going round means that this branch has no end.
        target = str(schema["$ref"])
        if target in self._open:
            raise Unsatisfiable(path, f"{target} must hold itself, without end")
        self._open.append(target)
        try:
            return self.make(_merged(self._resolve(target, path), _without(schema, "$ref")), path)
        finally:
            self._open.pop()

    def _resolve(self, target: str, path: str) -> Schema:
        if not target.startswith("#"):
            raise Unsatisfiable(path, f"{target} is another document")
        found: Any = self._root
        for step in target[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or name not in found:
                raise Unsatisfiable(path, f"{target} is not there")
            found = cast("Schema", found)[name]
        return cast("Schema", found)

    # --- keywords that combine ----------------------------------------------------------------------------------------

    def const(self, schema: Schema, path: str) -> Any:
        return schema["const"]

    def enum(self, schema: Schema, path: str) -> Any:
        if not schema["enum"]:
            raise Unsatisfiable(path, "the enum is empty")
        return schema["enum"][0]

    def all_of(self, schema: Schema, path: str) -> Any:
        merged = _without(schema, "allOf")
        for part in schema["allOf"]:
            merged = _merged(merged, self._dereferenced(part, path))
        return self.make(merged, path)

    def _dereferenced(self, schema: Schema, path: str) -> Schema:
        seen: list[str] = []
        while "$ref" in schema:
            target = str(schema["$ref"])
            if target in seen:
                raise Unsatisfiable(path, f"{target} leads back to itself")
            seen.append(target)
            schema = _merged(self._resolve(target, path), _without(schema, "$ref"))
        return schema

    def any_of(self, schema: Schema, path: str) -> Any:
        keyword = "anyOf" if "anyOf" in schema else "oneOf"
        rest = _without(schema, keyword)
        failure: Unsatisfiable | None = None
        for branch in schema[keyword]:
            try:
                return self.make(branch if isinstance(branch, bool) else _merged(rest, branch), path)
            except Unsatisfiable as error:
                failure = failure or error
        raise failure or Unsatisfiable(path, f"{keyword} is empty")

    # --- types --------------------------------------------------------------------------------------------------------

    def object(self, schema: Schema, path: str) -> dict[str, Any]:
        properties: Schema = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        names = list(dict.fromkeys(schema.get("required", ())))
        optional = [name for name in properties if name not in names]
        names += optional[: max(0, schema.get("minProperties", 0) - len(names))]
        names += [f"key{number}" for number in range(len(names), schema.get("minProperties", 0))]
        return {name: self.make(properties.get(name, others), f"{path}.{name}") for name in names}

    def array(self, schema: Schema, path: str) -> list[Any]:
        first: Sequence[Any] = schema.get("prefixItems", ())
        rest = schema.get("items", True)
        kinds = [first[at] if at < len(first) else rest for at in range(schema.get("minItems", 0))]
        items = [self.make(kind, f"{path}[{at}]") for at, kind in enumerate(kinds)]
        return _made_unique(items, rest, path) if schema.get("uniqueItems") else items

    def string(self, schema: Schema, path: str) -> str:
        if "pattern" in schema:
            return _matching(schema, path)
        text = _FORMATS.get(schema.get("format", ""), "text")
        text = text.ljust(schema.get("minLength", 0), "x")
        return text[: schema.get("maxLength", len(text))]

    def number(self, schema: Schema, path: str) -> float:
        return _number(schema, path, 0.5)

    def integer(self, schema: Schema, path: str) -> int:
        return math.floor(_number(schema, path, 1))

    def boolean(self, schema: Schema, path: str) -> bool:
        return False

    def null(self, schema: Schema, path: str) -> None:
        return None


_Make = Callable[[_Maker, Schema, str], Any]

_COMBINED: Final[dict[str, _Make]] = {
    "const": _Maker.const,
    "enum": _Maker.enum,
    "allOf": _Maker.all_of,
    "anyOf": _Maker.any_of,
    "oneOf": _Maker.any_of,
}

_BY_TYPE: Final[dict[str, _Make]] = {
    "object": _Maker.object,
    "array": _Maker.array,
    "string": _Maker.string,
    "number": _Maker.number,
    "integer": _Maker.integer,
    "boolean": _Maker.boolean,
    "null": _Maker.null,
}

# What a schema without `type` must mean, judged by its keywords.
_HINTS: Final = (
    ("object", ("properties", "required", "additionalProperties", "minProperties")),
    ("array", ("items", "prefixItems", "minItems")),
    ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
)

_FORMATS: Final = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "a@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}

# Texts that the patterns of everyday schemas match.
_SAMPLES: Final = (
    *("", "a", "A", "0", "1", "text", "Text", "TEXT", "aa", "AA", "AAA", "00", "000", "0000", "00000", "000000"),
    *("a0", "A0", "A-0", "AA-00", "AB-1234", "ABC-123", "a_b", "a-b", "a/b", "1.0", "1.0.0", "v1.0.0", "+10000000000"),
    *("#000000", "00:00", *_FORMATS.values()),
)


def _type(schema: Schema, path: str) -> str:
    kinds: Any = schema.get("type")
    if kinds is None:
        return next((name for name, words in _HINTS if any(word in schema for word in words)), "string")
    names: Sequence[str] = [kinds] if isinstance(kinds, str) else kinds
    kind = names[0]
    if kind not in _BY_TYPE:
        raise Unsatisfiable(path, f"{kind!r} is no type of JSON Schema")
    return kind


def _without(schema: Schema, keyword: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != keyword}


def _merged(one: Schema | bool, other: Schema | bool) -> dict[str, Any]:
    """Both schemas at once, as far as a union of properties and requirements goes; the second wins elsewhere."""
    first: dict[str, Any] = dict(one) if isinstance(one, Mapping) else {}
    second: dict[str, Any] = dict(other) if isinstance(other, Mapping) else {}
    both: dict[str, Any] = {**first, **second}
    if "properties" in first and "properties" in second:
        both["properties"] = {**first["properties"], **second["properties"]}
    if "required" in first and "required" in second:
        both["required"] = [*first["required"], *second["required"]]
    return both


def _number(schema: Schema, path: str, nudge: float) -> float:
    step: float = schema.get("multipleOf", nudge)
    low: float = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high: float = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    start = 0 if low <= 0 <= high else (low if low > 0 else high)
    around = [start, *(math.ceil(start / step) * step + offset * step for offset in (0, 1, -1, 2, -2))]
    bounds = (low + high) / 2 if math.isfinite(low + high) else start
    for value in (*around, bounds):
        if _fits(value, schema, nudge):
            return value
    raise Unsatisfiable(path, "no number lies within the bounds")


def _fits(value: float, schema: Schema, nudge: float) -> bool:
    return (
        schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
        and schema.get("exclusiveMinimum", -math.inf) < value < schema.get("exclusiveMaximum", math.inf)
        and math.isclose(value % schema.get("multipleOf", value or 1), 0, abs_tol=1e-12)
        and (nudge != 1 or value == math.floor(value))
    )


def _matching(schema: Schema, path: str) -> str:
    pattern = schema["pattern"]
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise Unsatisfiable(path, f"the pattern {pattern!r} is not one that Python reads ({error})") from error
    for sample in _SAMPLES:
        if schema.get("minLength", 0) <= len(sample) <= schema.get("maxLength", math.inf) and regex.search(sample):
            return sample
    raise Unsatisfiable(path, f"no sample matches the pattern {pattern!r}")


def _made_unique(items: list[Any], rest: Any, path: str) -> list[Any]:
    choices = cast("Schema", rest).get("enum") if isinstance(rest, Mapping) else None
    if choices is not None and len(items) > 1:
        items = list(choices[: len(items)])
    unique = [_varied(item, at) for at, item in enumerate(items)] if choices is None else items
    if any(item in unique[:at] for at, item in enumerate(unique)):
        raise Unsatisfiable(path, "the items must differ, and only equal ones can be made")
    return unique


def _varied(item: Any, number: int) -> Any:
    if isinstance(item, str):
        return f"{item}{number}" if number else item
    return item + number if isinstance(item, int | float) and not isinstance(item, bool) else item
