"""
JSON for people: one thing a line, so that a change is a line of a diff.

What fits in a line stands in one; what does not is broken up, one member a line.  It is ordinary JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

_WIDTH: Final = 110
_STEP: Final = "  "


_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def laid_out(value: Any) -> str:
    """Return a value as JSON text, with a line break at its end."""
    return _written(value, "", 0) + "\n"


def _written(value: Any, indent: str, used: int) -> str:
    """
    Args:
        indent: Of the line that the value begins in.
        used: Characters that the line has before the value.
    """
    flat = _flat(value)
    fits = used + len(flat) <= _WIDTH
    if isinstance(value, dict):
        members = cast("Mapping[str, Any]", value)
        return flat if fits and not _is_record(members) else _object(members, indent)
    if isinstance(value, list | tuple):
        return flat if fits else _array(cast("Sequence[Any]", value), indent)
    return flat


def _object(value: Mapping[str, Any], indent: str) -> str:
    inner = indent + _STEP
    return _block("{", "}", indent, [_member(name, one, inner) for name, one in value.items()])


def _array(value: Sequence[Any], indent: str) -> str:
    inner = indent + _STEP
    if len(value) == 2 and isinstance(value[0], float):
        return f"[{_flat(value[0])}, {_came(value[1], indent)}]"
    return _block("[", "]", indent, [inner + _written(one, inner, len(inner)) for one in value])


def _came(value: Any, indent: str) -> str:
    """What came at a time: one line for each event."""
    if not isinstance(value, list | tuple):
        return _flat(value)
    return _block("[", "]", indent, [f"{indent}{_STEP}{_flat(one)}" for one in cast("Sequence[Any]", value)])


def _block(begin: str, end: str, indent: str, lines: Sequence[str]) -> str:
    return "\n".join((begin, ",\n".join(lines), indent + end))


def _member(name: str, value: Any, indent: str) -> str:
    head = f"{indent}{_flat(name)}: "
    return head + _written(value, indent, len(head))


def _is_record(value: Mapping[str, Any]) -> bool:
    """Whether an object holds objects: each of its members has a line, however short."""
    return any(isinstance(one, dict) and len(cast("Mapping[str, Any]", one)) > 0 for one in value.values())


def _flat(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if _SURROGATE.search(text) else text  # half a character has no UTF-8
