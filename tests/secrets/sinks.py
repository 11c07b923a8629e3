"""Everywhere that a key could be seen, and what is searched for there."""

from __future__ import annotations

import base64
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any
from urllib.parse import quote

import msgspec


def forms(key: str) -> list[bytes]:
    """A key as it could be written down: itself, escaped, in base64, and each of its longer lines."""
    lines = [line for line in (key, *key.splitlines()) if len(line) > 8]
    texts = [*lines, repr(key)[1:-1], ascii(key)[1:-1], quote(key), msgspec.json.encode(key).decode()[1:-1]]
    data = [text.encode("utf-8", "surrogatepass") for text in texts]
    return [*data, base64.b64encode(key.encode("utf-8", "surrogatepass"))]


def found(key: str, seen: str | bytes) -> list[bytes]:
    """The forms of a key that are in what was seen."""
    data = seen.encode("utf-8", "surrogatepass") if isinstance(seen, str) else seen
    return [form for form in forms(key) if form in data]


def shown(error: BaseException) -> str:
    """All that an error shows: its text, its traceback with variables, its attributes to depth 10, its pickle."""
    parts = [str(error), repr(error), format(error)]
    parts += traceback.TracebackException(type(error), error, _ours(error), capture_locals=True).format()
    parts += _attributes(error, 10, set())
    parts.append(pickle.dumps(error).decode("latin-1"))
    parts.append(repr(pickle.loads(pickle.dumps(error)).__dict__))
    return "\n".join(parts)


def _ours(error: BaseException) -> TracebackType | None:
    """The traceback from our first frame on; those before it are the test's, which knows the key."""
    step = error.__traceback__
    while step is not None and not step.tb_frame.f_globals.get("__name__", "").startswith("dragoman"):
        step = step.tb_next
    return step


def _attributes(value: Any, depth: int, seen: set[int]) -> Iterator[str]:
    """What is reachable from a value by its attributes and items; frames have been asked for already."""
    if depth == 0 or id(value) in seen or isinstance(value, type | str | bytes | int | float | None):
        if isinstance(value, str | bytes):
            yield repr(value)
        return
    seen.add(id(value))
    yield repr(value)
    for inner in _inner(value):
        yield from _attributes(inner, depth - 1, seen)


def _inner(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    if isinstance(value, BaseException):
        yield from (value.__cause__, value.__context__, value.args, getattr(value, "__notes__", None))
    if isinstance(value, BaseException | msgspec.Struct) or type(value).__module__.startswith("dragoman"):
        yield vars(value) if hasattr(value, "__dict__") else None
        for owner in type(value).__mro__:
            names = owner.__dict__.get("__slots__", ())
            yield from (getattr(value, name, None) for name in names if isinstance(name, str) and name[0] != "_")


@contextmanager
def all_logs() -> Iterator[Callable[[], str]]:
    """Everything that any logger of this process says at DEBUG."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.name}: {record.getMessage()} {record.__dict__}")

    root, handler = logging.getLogger(), Collector(logging.DEBUG)
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lambda: "\n".join(lines)
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
