"""
What came from elsewhere, opened: a text, bytes, a file, or values that a program has already.

Rule: whatever is wrong with it is a `ConfigError`, whose `.field` is the path of the place (`data[3].mapping.author`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.jsonable import check_json

T = TypeVar("T")

Given = str | bytes | os.PathLike[str] | Mapping[str, Any] | Sequence[Any]
"""What is taken: JSON (or Markdown) as text or bytes, the path of a file, or values."""

_BOM: Final = b"\xef\xbb\xbf"
_AT: Final = re.compile(r" - at `\$?(.*)`$", re.DOTALL)


def wrong(form: str, what: str, field: str = "data") -> ConfigError:
    """The error for what is not of a form."""
    return ConfigError(f"{field} is no conversation in the form {form!r}: {what}", field=field)


def content_of(given: Given, form: str) -> bytes | list[Any] | dict[str, Any]:
    """
    Return bytes, or the values that were given.

    Raises:
        ConfigError: A file that cannot be read, or something that is neither text nor JSON.
    """
    if isinstance(given, os.PathLike):
        return _file(given, form)
    if isinstance(given, str):
        try:
            return given.encode()
        except UnicodeEncodeError as error:
            raise wrong(form, "it holds half a surrogate pair") from error
    if isinstance(given, bytes | bytearray | memoryview):
        return bytes(given).removeprefix(_BOM)
    value = _plain(given)
    if not isinstance(value, list | dict):
        raise wrong(form, f"it is {type(given).__name__}")
    found = cast("list[Any] | dict[str, Any]", value)
    check_json(found, "data")
    return found


def _file(path: os.PathLike[str], form: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read().removeprefix(_BOM)
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        raise wrong(form, f"{os.fspath(path)!r} cannot be read: {error}") from error


def _plain(value: Any) -> Any:
    """Values of ours, and of libraries over pydantic, as JSON values; the rest as it is."""
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in cast("Sequence[Any]", value)]
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else value


def decoded(given: Given, kind: type[T], form: str) -> T:
    """
    Read a JSON document of a type.

    Raises:
        ConfigError: It is none; `.field` is the place.
    """
    content = content_of(given, form)
    if isinstance(content, bytes) and not content.strip():
        raise wrong(form, "it is empty")
    try:
        return msgspec.json.decode(content, type=kind) if isinstance(content, bytes) else msgspec.convert(content, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # ValidationError is a DecodeError
        raise translated(error, form, "data") from error


def converted(value: object, kind: type[T], form: str, field: str) -> T:
    """Likewise of a value that was read already; `field` is its place."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise translated(error, form, field) from error


def lines_of(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines of JSONL that are not empty, with their numbers from 1."""
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield number, line


def decoded_line(line: bytes, kind: type[T], form: str, number: int) -> T:
    """
    Read one line of JSONL.

    Raises:
        ConfigError: It is not of the type; `.field` begins with `line 3`.
    """
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise translated(error, form, f"line {number}") from error


def translated(error: Exception, form: str, field: str) -> ConfigError:
    """The error of a decoder, as ours."""
    text = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    found = _AT.search(text)
    return wrong(form, _AT.sub("", text), field + found[1] if found else field)


def documents(given: Given, form: str) -> list[tuple[str, Any]]:
    """
    Read one JSON document, or JSONL, and return the values with their places.

    Raises:
        ConfigError: It is neither.
    """
    content = content_of(given, form)
    if not isinstance(content, bytes):
        return [("data", content)]
    try:
        return [("data", decoded(content, cast("type[Any]", Any), form))]
    except ConfigError:
        lines = list(lines_of(content))
        # A document of its own in the first line is JSONL; then what is wrong is the line.
        if len(lines) < 2 or not _is_document(lines[0][1]):
            raise
    return [(f"line {number}", decoded_line(line, cast("type[Any]", Any), form, number)) for number, line in lines]


def _is_document(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict | list)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def object_at(value: object, form: str, field: str) -> dict[str, Any]:
    """A JSON object, or the error that it is none."""
    if not isinstance(value, dict):
        raise wrong(form, f"an object is expected, not {type(value).__name__}", field)
    return cast("dict[str, Any]", value)


def list_at(value: object, form: str, field: str) -> list[Any]:
    """A JSON array, or the error that it is none."""
    if not isinstance(value, list):
        raise wrong(form, f"a list is expected, not {type(value).__name__}", field)
    return cast("list[Any]", value)


def text_at(value: object, form: str, field: str) -> str:
    """A text, or the error that it is none."""
    if not isinstance(value, str):
        raise wrong(form, f"a text is expected, not {type(value).__name__}", field)
    return value


def talks(given: Given, form: str, key: str, mark: str) -> list[tuple[str, dict[str, Any]]]:
    """
    Read one or several conversations that are lists of messages, with or without an object around each.

    Args:
        given: What came.
        form: Its name.
        key: Field of the object that has the messages.
        mark: Field that each message has, by which a list of them is told from a list of conversations.

    Returns:
        For each the place of its messages, and the object around them.
    """
    found: list[tuple[str, dict[str, Any]]] = []
    for field, value in documents(given, form):
        if isinstance(value, dict):
            found.append((f"{field}.{key}", cast("dict[str, Any]", value)))
            continue
        listed = list_at(value, form, field)
        if not listed or any(isinstance(item, dict) and mark in item for item in listed):
            found.append((field, {key: listed}))
            continue
        for i, item in enumerate(listed):
            place = f"{field}[{i}]"
            if isinstance(item, list):
                found.append((place, {key: cast("Any", item)}))
            else:
                found.append((f"{place}.{key}", object_at(item, form, place)))
    return found
