"""
PO files of gettext: messages whose translation is empty.

The text is the message, and it is written to its `msgstr`; comments, flags, contexts, the header and translations that
are there stay.  Each form of a plural is a segment of its own.
"""

from __future__ import annotations

import re
from typing import Any, Final

from dragoman.errors import ConfigError
from dragoman.kits.documents.base import Document
from dragoman.kits.documents.json_text import string_text
from dragoman.kits.documents.maker import Maker, Span

_FIELD: Final = re.compile(
    r"^(?P<name>msgctxt|msgid_plural|msgid|msgstr(?:\[(?P<form>\d+)\])?)[ \t]+"
    r'(?P<value>"(?:[^"\\\n]|\\.)*+"(?:[ \t]*\r?\n[ \t]*"(?:[^"\\\n]|\\.)*+")*)',
    re.MULTILINE,
)
_STRING: Final = re.compile(r'"((?:[^"\\\n]|\\.)*+)"')
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)", re.DOTALL)
_SIGNS: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_NAMES: Final = {sign: f"\\{name}" for name, sign in _SIGNS.items()}
_WRITTEN: Final = re.compile(r'[\n\t\r"\\\a\b\f\v]')


def read_po(source: str) -> Document:
    """
    Read a file.

    Raises:
        ConfigError: It has no messages.
    """
    maker = Maker("po", source)
    known: dict[str, str] = {}
    seen = False
    for found in _FIELD.finditer(source):
        name, value = found["name"], decoded(found["value"])
        if not name.startswith("msgstr"):
            known = (
                ({"msgctxt": known["msgctxt"]} if name == "msgid" and known.keys() == {"msgctxt"} else known)
                if (name != "msgctxt")
                else {}
            )
            if name == "msgid" and "msgid" in known:
                known = {}
            known[name] = value
            continue
        seen = True
        _message(maker, known, found["form"], found.span("value"), value)
    if not seen:
        raise ConfigError("the document has no messages: it is no PO file", field="source")
    return maker.document()


def _message(maker: Maker, known: dict[str, str], form: str | None, span: Span, value: str) -> None:
    message = known.get("msgid", "")
    if not message:
        return  # the header
    plural = known.get("msgid_plural")
    source = plural if plural is not None and form not in (None, "0") else message
    notes = [f"context: {known['msgctxt']}"] if known.get("msgctxt") else []
    notes += [f"plural form {form}; one: {message!r}, more: {plural!r}"] if plural is not None else []
    text, pieces = string_text(maker, source, span[0])
    note = "; ".join(notes)
    joiner = "\r\n" if "\r\n" in maker.source else "\n"
    fields: dict[str, Any] = {"pieces": pieces, "note": note, "done": bool(value), "joiner": joiner}
    maker.slot(*span, text, form="po", kind="string", same=False, **fields)


def decoded(literal: str) -> str:
    """The value of one or more quoted strings."""
    return "".join(_ESCAPE.sub(_sign, one[1]) for one in _STRING.finditer(literal))


def _sign(found: re.Match[str]) -> str:
    name = found[1]
    if len(name) > 1 or name.isdigit():
        return chr(int(name[1:], 16) if name[0] == "x" else int(name, 8))
    return _SIGNS.get(name, name)


def encoded(text: str, joiner: str = "\n") -> str:
    """A value as quoted strings, one for each line of it."""
    lines = text.splitlines(keepends=True) if "\n" in text.rstrip("\n") else [text]
    quoted = [f'"{_WRITTEN.sub(lambda sign: _NAMES[sign[0]], line)}"' for line in lines]
    return joiner.join(['""', *quoted]) if len(quoted) > 1 else quoted[0] if quoted else '""'
