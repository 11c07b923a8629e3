"""
Where in a JSON text one stands, character by character.

Rule: it says of any text whether it can be the beginning of JSON, and whether it is a whole value.

Source: RFC 8259.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_SPACE: Final = " \t\r\n"
_NUMBER: Final = frozenset("0123456789+-.eE")
_WHOLE_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?\Z")
_BEGUN_NUMBER: Final = re.compile(r"-?(?:(?:0|[1-9]\d*)(?:\.\d*)?(?:(?<=\d)[eE][+-]?\d*)?)?\Z")
_WORDS: Final = ("true", "false", "null")
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f]+')


class WholeJson:
    """
    Reads JSON in pieces.

    Attributes:
        wrong: Whether what was read cannot be the beginning of JSON.
        whole: Whether an object or an array is complete; a lone number, text or word never is.
        inside: Whether a text (a string) is open.
    """

    def __init__(self) -> None:
        self.wrong = False
        self.whole = False
        self.inside = False
        self._escape = ""
        self._atom = ""
        self._stack: list[str] = []
        self._next = "value"
        self._key = False

    def copy(self) -> WholeJson:
        """The same place, to be read on from twice."""
        other = WholeJson()
        other.__dict__.update(self.__dict__)
        other._stack = list(self._stack)
        return other

    def goes_on(self, text: str) -> bool:
        """Whether a text can follow."""
        other = self.copy()
        other.feed(text)
        return not other.wrong

    def feed(self, text: str) -> int:
        """Read more; return how many characters were read until the value was whole, or something was wrong."""
        at = 0
        while at < len(text) and not (self.wrong or self.whole):
            at = self._step(text, at)
        return at

    def _step(self, text: str, at: int) -> int:
        if self.inside:
            return self._in_text(text, at)
        sign = text[at]
        if self._atom:
            if sign in _NUMBER or sign.isalpha():
                self._in_atom(sign)
                return at + 1
            self._end_atom()
            return at
        if sign not in _SPACE:
            self._sign(sign)
        return at + 1

    def _in_text(self, text: str, at: int) -> int:
        if self._escape:
            self._in_escape(text[at])
            return at + 1
        found = _PLAIN.match(text, at)
        if found:
            return found.end()
        sign = text[at]
        if sign == "\\":
            self._escape = sign
        elif sign == '"':
            self.inside = False
            self._done()
        else:
            self.wrong = True
        return at + 1

    def _in_escape(self, sign: str) -> None:
        self._escape += sign
        if self._escape.startswith("\\u"):
            self.wrong = len(self._escape) > 2 and sign not in "0123456789abcdefABCDEF"
            if len(self._escape) == 6:
                self._escape = ""
        else:
            self.wrong = sign not in '"\\/bfnrt'
            self._escape = ""

    def _in_atom(self, sign: str) -> None:
        self._atom += sign
        begun = _BEGUN_NUMBER.match(self._atom) or any(word.startswith(self._atom) for word in _WORDS)
        self.wrong = not begun

    def _end_atom(self) -> None:
        self.wrong = not (self._atom in _WORDS or _WHOLE_NUMBER.match(self._atom))
        self._atom = ""
        if not self.wrong:
            self._done()

    def _sign(self, sign: str) -> None:
        action = _SIGNS.get(sign)
        if action is not None:
            action(self, sign)
        elif self._next in ("value", "value or end"):
            self._in_atom(sign)
        else:
            self.wrong = True

    # --- signs --------------------------------------------------------------------------------------------------------

    def on_open(self, sign: str) -> None:
        if self._next not in ("value", "value or end"):
            self.wrong = True
            return
        self._stack.append(sign)
        self._next = "key or end" if sign == "{" else "value or end"

    def on_close(self, sign: str) -> None:
        pair = "{" if sign == "}" else "["
        if not self._stack or self._stack[-1] != pair or self._next not in ("more", "key or end", "value or end"):
            self.wrong = True
            return
        self._stack.pop()
        self._done()
        self.whole = not self._stack

    def on_quote(self, sign: str) -> None:
        self._key = self._next in ("key", "key or end")
        self.wrong = not self._key and self._next not in ("value", "value or end")
        self.inside = True

    def on_comma(self, sign: str) -> None:
        self.wrong = self._next != "more" or not self._stack
        self._next = "key" if self._stack and self._stack[-1] == "{" else "value"

    def on_colon(self, sign: str) -> None:
        self.wrong = self._next != "colon"
        self._next = "value"

    def _done(self) -> None:
        """A key or a value is complete."""
        self._next = "colon" if self._key else "more"
        self._key = False


_SIGNS: Final[dict[str, Callable[[WholeJson, str], None]]] = {
    "{": WholeJson.on_open,
    "[": WholeJson.on_open,
    "}": WholeJson.on_close,
    "]": WholeJson.on_close,
    '"': WholeJson.on_quote,
    ",": WholeJson.on_comma,
    ":": WholeJson.on_colon,
}
