"""
What a value of another library has besides what ours says of it.

An adapter keeps a message of ours, from which most of theirs can be written again, and beside it only the difference.

Law: `restored(have, difference(wanted, have))` is `wanted`.  Both are JSON.
"""

from __future__ import annotations

from typing import Any, cast

Json = Any


def difference(wanted: Json, have: Json) -> Json:
    """
    Say how to make one JSON value of another; None if they are equal.

    >>> difference({"a": 1, "b": 2}, {"a": 1, "c": 3})
    {'put': {'b': {'is': 2}}, 'drop': ['c']}
    """
    if _same(wanted, have):
        return None
    if isinstance(wanted, dict) and isinstance(have, dict):
        return _of_objects(cast("dict[str, Json]", wanted), cast("dict[str, Json]", have))
    if isinstance(wanted, list) and isinstance(have, list):
        news, olds = cast("list[Json]", wanted), cast("list[Json]", have)
        if len(news) == len(olds):
            changes = {str(i): difference(new, old) for i, (new, old) in enumerate(zip(news, olds, strict=True))}
            return {"at": {i: change for i, change in changes.items() if change is not None}}
    return {"is": cast("Json", wanted)}


def _of_objects(wanted: dict[str, Json], have: dict[str, Json]) -> Json:
    put: dict[str, Json] = {
        name: difference(value, have[name]) if name in have else {"is": value}
        for name, value in wanted.items()
        if name not in have or not _same(value, have[name])
    }
    drop: list[str] = [name for name in have if name not in wanted]
    return {"put": put, "drop": drop} if drop else {"put": put}


def _same(left: Json, right: Json) -> bool:
    """Equal as JSON: 1 is neither 1.0 nor true."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        other = cast("dict[str, Json]", right)
        return left.keys() == other.keys() and all(
            _same(value, other[name]) for name, value in cast("dict[str, Json]", left).items()
        )
    if isinstance(left, list):
        others = cast("list[Json]", right)
        mine = cast("list[Json]", left)
        return len(mine) == len(others) and all(map(_same, mine, others))
    return bool(left == right)


def restored(have: Json, change: Json) -> Json:
    """Give back what `difference` was given."""
    if change is None:
        return have
    if "is" in change:
        return change["is"]
    if "at" in change:
        return [restored(value, change["at"].get(str(i))) for i, value in enumerate(have)]
    kept = {name: value for name, value in have.items() if name not in change.get("drop", ())}
    return kept | {name: restored(have.get(name), inner) for name, inner in change["put"].items()}
