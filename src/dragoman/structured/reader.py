"""
JSON that is still being written, without I/O.

Text goes in by `feed`, cut anywhere; what is there of the value is in `root`.  A number, a word or an escape is there
when it is whole; a text grows.

Rule: linear in the length of the text, however small the pieces: nothing is read twice but the start of an escape.
What is no JSON stops the reader, and `broken` says so; what was read before stays.

Source: RFC 8259.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

# A value that is nested deeper is not looked at while it is written.
DEEPEST: Final = 200

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f]+')
_NUMBER: Final = re.compile(r"[-+0-9.eE]+")
_WORDS: Final[dict[str, tuple[str, Any]]] = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}
_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


UNKNOWN: Final = object()


class Broken(Exception):
    """What came is not JSON."""


class Node:
    """
    An object or a list.

    Attributes:
        value: The members that are whole, as plain values.
        key: Of the member that is being written, in an object.
        child: The member that is being written, if that is an object or a list.
        text: The pieces of the text that is being written, if that is one; else None.
        done: Whether it is whole.
        kind, shown: For who follows the reading: the type, and what is shown of it.
    """

    __slots__ = ("child", "done", "key", "kind", "shown", "text", "value")

    def __init__(self, value: dict[str, Any] | list[Any]) -> None:
        self.value = value
        self.key: str | None = None
        self.child: Node | None = None
        self.text: list[str] | None = None
        self.done = False
        self.kind: Any = UNKNOWN
        self.shown: Any = None

    def put(self, member: Any) -> None:
        """A member is whole."""
        self.child = self.text = None
        if isinstance(self.value, list):
            self.value.append(member)
        else:
            assert self.key is not None  # the state says so
            self.value[self.key] = member


Whole = Callable[[tuple[Node, ...], Any], None]


class Reader:
    """
    Reads one object.

    Args:
        whole: Called with the open nodes (the root first) and a member of the last of them, when that member is whole.

    Attributes:
        root: The object; None before its first brace.  Words before it are passed over.
        broken: Whether what came is not JSON.
    """

    def __init__(self, whole: Whole | None = None) -> None:
        self.root: Node | None = None
        self.broken = False
        self._whole = whole
        self._open: list[Node] = []
        self._state: Callable[[str, int], int] = self._start
        self._rest = ""
        self._pieces: list[str] = []  # of a key or a number
        self._word: tuple[str, Any] = ("", None)

    @property
    def done(self) -> bool:
        """Whether the object is whole."""
        return self.root is not None and self.root.done

    def feed(self, text: str) -> None:
        """Take the next piece of text."""
        if self.broken or self.done:
            return
        data, at = self._rest + text, 0
        self._rest = ""
        try:
            while at < len(data) and not self.done:
                before, state = at, self._state
                at = self._state(data, at)
                if at == before and state == self._state:
                    break  # the state needs more than there is
        except Broken:
            self.broken = True
            return
        self._rest = data[at:] if not self.done else ""

    # --- states: each reads on from a place, and returns how far it came -----------------------------------------

    def _start(self, data: str, at: int) -> int:
        found = data.find("{", at)
        if found < 0:
            return len(data)
        self.root = Node({})
        self._push(self.root)
        return found + 1

    def _value(self, data: str, at: int) -> int:
        at = _spaces(data, at)
        if at == len(data):
            return at
        begins = data[at]
        if begins in "{[":
            self._descend(Node({} if begins == "{" else []))
        elif begins == '"':
            self._open[-1].text = []
            self._state = self._text
        elif begins in _WORDS:
            self._word, self._state = _WORDS[begins], self._literal
            return at
        elif begins in "-0123456789":
            self._pieces, self._state = [], self._number
            return at
        else:
            raise Broken
        return at + 1

    def _descend(self, node: Node) -> None:
        if len(self._open) >= DEEPEST:
            raise Broken
        self._open[-1].child = node
        self._push(node)

    def _push(self, node: Node) -> None:
        self._open.append(node)
        self._state = self._first_key if isinstance(node.value, dict) else self._first_item

    def _first_item(self, data: str, at: int) -> int:
        at = _spaces(data, at)
        if at < len(data) and data[at] == "]":
            return self._close(at)
        if at < len(data):
            self._state = self._value
        return at

    def _first_key(self, data: str, at: int) -> int:
        at = _spaces(data, at)
        if at < len(data) and data[at] == "}":
            return self._close(at)
        if at < len(data):
            self._state = self._key
        return at

    def _key(self, data: str, at: int) -> int:
        at = _spaces(data, at)
        if at == len(data):
            return at
        if data[at] != '"':
            raise Broken
        self._pieces, self._state = [], self._key_text
        return at + 1

    def _colon(self, data: str, at: int) -> int:
        at = _spaces(data, at)
        if at == len(data):
            return at
        if data[at] != ":":
            raise Broken
        self._state = self._value
        return at + 1

    def _after(self, data: str, at: int) -> int:
        at = _spaces(data, at)
        if at == len(data):
            return at
        in_object = isinstance(self._open[-1].value, dict)
        if data[at] == ",":
            self._state = self._key if in_object else self._value
            return at + 1
        if data[at] != ("}" if in_object else "]"):
            raise Broken
        return self._close(at)

    def _close(self, at: int) -> int:
        node = self._open.pop()
        node.done = True
        if self._open:
            self._put(node.value)
        return at + 1

    def _put(self, member: Any) -> None:
        parent = self._open[-1]
        parent.put(member)
        self._state = self._after
        if self._whole is not None:
            self._whole(tuple(self._open), member)

    def _literal(self, data: str, at: int) -> int:
        word, value = self._word
        if not word.startswith(data[at : at + len(word)]):
            raise Broken
        if len(data) - at < len(word):
            return at
        self._put(value)
        return at + len(word)

    def _number(self, data: str, at: int) -> int:
        found = _NUMBER.match(data, at)
        if found:
            self._pieces.append(found[0])
            at = found.end()
        if at < len(data):  # what follows is no digit: it is whole
            try:
                self._put(msgspec.json.decode("".join(self._pieces)))
            except (msgspec.DecodeError, ValueError) as error:
                raise Broken from error
        return at

    def _key_text(self, data: str, at: int) -> int:
        at, ended = _more_text(data, at, self._pieces)
        if ended:
            self._open[-1].key = "".join(self._pieces)
            self._state = self._colon
        return at

    def _text(self, data: str, at: int) -> int:
        pieces = self._open[-1].text
        assert pieces is not None  # the state says so
        at, ended = _more_text(data, at, pieces)
        if ended:
            self._put("".join(pieces))
        return at


def _spaces(data: str, at: int) -> int:
    found = _SPACE.match(data, at)
    return found.end() if found else at


def _more_text(data: str, at: int, pieces: list[str]) -> tuple[int, bool]:
    """Read on in a text, up to its quote, an escape that is not whole, or the end."""
    while at < len(data):
        found = _PLAIN.match(data, at)
        if found:
            pieces.append(found[0])
            at = found.end()
            continue
        if data[at] == '"':
            return at + 1, True
        if data[at] != "\\":
            raise Broken  # a control character
        read = _escape(data, at)
        if read is None:
            return at, False
        character, at = read
        pieces.append(character)
    return at, False


def _escape(data: str, at: int) -> tuple[str, int] | None:
    """The character of an escape and where it ends; None if it is not whole."""
    if at + 1 == len(data):
        return None
    if data[at + 1] != "u":
        if data[at + 1] not in _ESCAPES:
            raise Broken
        return _ESCAPES[data[at + 1]], at + 2
    first = _unit(data, at)
    if first is None:
        return None
    if not 0xD800 <= first <= 0xDFFF:
        return chr(first), at + 6
    if first >= 0xDC00:
        raise Broken  # the second half of a character, alone
    rest = data[at + 6 : at + 8]
    if not "\\u".startswith(rest[:2]):
        raise Broken
    second = _unit(data, at + 6) if len(rest) == 2 else None
    if second is None:
        return None
    if not 0xDC00 <= second <= 0xDFFF:
        raise Broken
    return chr(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)), at + 12


def _unit(data: str, at: int) -> int | None:
    digits = data[at + 2 : at + 6]
    if any(digit not in "0123456789abcdefABCDEF" for digit in digits):
        raise Broken
    return int(digits, 16) if len(digits) == 4 else None
