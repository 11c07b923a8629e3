"""
JSON: the strings that are values; keys, numbers and white space stay.

A string without words, or that is only an address or a placeholder, has nothing to do.  `skip` names keys whose
strings stay, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.kits.documents.attributes import attribute_parts
from dragoman.kits.documents.base import Document, Piece, Role, Weaver
from dragoman.kits.documents.maker import Maker
from dragoman.kits.documents.protect import protected
from dragoman.kits.documents.tags import tag_at

_TOKEN: Final = re.compile(r'"(?P<string>(?:[^"\\]|\\.)*+)"|(?P<sign>[\[\]{},:])|[^\s"\[\]{},:]+', re.DOTALL)


def read_json(source: str, skip: Sequence[str] = ()) -> Document:
    """
    Read a document.

    Args:
        source: JSON.
        skip: Patterns of keys, or of whole paths with dots: `id`, `*.url`, `meta.*`.

    Raises:
        ConfigError: It is no JSON.
    """
    try:
        json.loads(source.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the document is no JSON: {error}", field="source") from error
    maker = Maker("json", source)
    for begin, end, path in _strings(source):
        if any(fnmatchcase(name, pattern) for pattern in skip for name in (path, path.rpartition(".")[2])):
            continue
        raw = source[begin:end]
        text, pieces = string_text(maker, json.loads(f'"{raw}"', strict=False), begin)
        maker.slot(begin, end, text, form="json", kind="string", note=path, pieces=pieces)
    return msgspec.structs.replace(maker.document(), skip=tuple(skip))


def string_text(maker: Maker, value: str, at: int) -> tuple[str, tuple[Piece, ...]]:
    """A message as text and pieces: placeholders, and tags if it has any."""
    weaver, begin = Weaver(), 0
    while (found := value.find("<", begin)) >= 0:
        tag = tag_at(value, found)
        end = tag.end if tag else found + 1
        _give(weaver, value[begin : found if tag else end])
        if tag:
            role: Role = "" if tag.alone else "close" if tag.closes else "open"
            source = value[tag.begin : tag.end]
            weaver.piece(Piece(kind="tag", source=source, role=role, parts=attribute_parts(maker, source, at)))
        begin = end
    _give(weaver, value[begin:])
    return weaver.result, tuple(weaver.pieces)


def _give(weaver: Weaver, text: str) -> None:
    for token in protected(text):
        weaver.text(token) if isinstance(token, str) else weaver.piece(token)


def _strings(source: str) -> Iterator[tuple[int, int, str]]:
    """(begin, end, path) of each string that is a value."""
    path: list[str] = []  # of objects their key now, of lists an asterisk
    kinds: list[str] = []
    wants_key = False
    for found in _TOKEN.finditer(source):
        sign = found["sign"]
        if sign in ("{", "["):
            kinds.append(sign)
            path.append("*" if sign == "[" else "")
        elif sign in ("}", "]"):
            kinds.pop()
            path.pop()
        elif found["string"] is not None:
            if wants_key:
                path[-1] = json.loads(found[0], strict=False)
            else:
                yield found.start("string"), found.end("string"), ".".join(path)
        wants_key = bool(kinds) and kinds[-1] == "{" and sign in ("{", ",")
