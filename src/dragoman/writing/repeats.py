"""
What of a second piece is a repetition of the first one's end.

Two readings.  In words only letters and digits count, so that a repetition with other white space, quotes or marks is
still one.  In code and JSON everything but white space counts.

A repetition is told from an accident by its weight: `very very` and `</div></div>` are no repetitions, a whole sentence
that stands there twice is one.  What is shorter cannot be told, and stays.

Rule: what is taken out stands in the first piece.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Final, Literal

import msgspec

Reading = Literal["words", "signs"]

# Weight of a repetition: letters and digits; a letter of a script without spaces counts for three.
_LEAST_IN_WORDS: Final = 12
_LEAST_OF_ONE: Final = 16  # of a single word, or a text without spaces
_LEAST_IN_SIGNS: Final = 20
_LEAST_OF_ALL: Final = 4  # of one that is all that there was
_WIDE: Final = 0x2E80  # first code point of the scripts of East Asia
_WINDOW: Final = 20_000  # characters at the end of the first piece that are looked at
_SEED: Final = 16  # characters after which the places of a repetition are looked for

_PLAIN: Final = str.maketrans("“”„«»‘’‚–—", '"' * 5 + "'" * 3 + "--")
_WORD: Final = re.compile(r"\w*[^\W\d_]\w*")
_LAST_WORD: Final = re.compile(r"[^\W\d_]\w{2,}\Z")
_LAST_OF_ALL: Final = re.compile(r"(?<!\w)([^\W\d_]{5,}[ ,;:]*)\Z")


class Normal(msgspec.Struct):
    """A text as it is compared, and where each of its characters stands in the text itself."""

    text: str
    places: list[int]


def normal(text: str, reading: Reading, start: int = 0) -> Normal:
    """Leave out what does not count."""
    if reading == "words":
        found = [(sign.casefold(), at) for at, sign in enumerate(text, start) if sign.isalnum()]
        found = [(letter, at) for letters, at in found for letter in letters]
    else:
        found = [(sign, at) for at, sign in enumerate(text, start) if not sign.isspace()]
    return Normal("".join(sign for sign, _ in found), [at for _, at in found])


class Repeats:
    """
    Looks for a repetition while the second piece comes.

    Args:
        first: The first piece.
        reading: How they are compared.

    Attributes:
        alive: Whether what came may still go on to be a longer repetition.
    """

    def __init__(self, first: str, reading: Reading) -> None:
        self._reading: Reading = reading
        self._first = first
        self._shown = first[-_WINDOW:]
        self._last = normal(self._shown, reading)
        self._window = self._last.text
        self._head = normal(first[: 4 * _SEED], reading).text if len(first) > _WINDOW else ""
        self._whole: str | None = None  # all of it, if the second piece begins as the first did
        self._held = ""
        self._came = Normal("", [])
        self._at: list[tuple[str, int]] | None = None
        self.alive = bool(self._window)

    def feed(self, text: str) -> None:
        """More of the second piece."""
        if not self.alive or not text:
            return
        before = len(self._came.text)
        more = normal(text, self._reading, len(self._held))
        self._held += text
        self._came.text += more.text
        self._came.places += more.places
        if len(self._came.text) == before:
            return
        if self._at is None and len(self._came.text) < _SEED:
            self.alive = self._came.text in self._window or self._head.startswith(self._came.text)
            return
        self._follow(before)

    def _follow(self, before: int) -> None:
        """Keep those places from where on the first piece goes on as the second does."""
        came = self._came.text
        if self._at is None:
            self._at, before = self._places(came[:_SEED]), _SEED
        more = came[before:]
        self._at = [(text, at) for text, at in self._at if text.startswith(more, at + before)]
        self.alive = any(at + len(came) <= len(text) for text, at in self._at)

    def _places(self, seed: str) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        if self._head.startswith(seed):
            self._whole = normal(self._first, self._reading).text
            found.append((self._whole, 0))
        at = self._window.find(seed)
        while at >= 0:
            found.append((self._window, at))
            at = self._window.find(seed, at + 1)
        return found

    def cut(self, *, least: int | None = None) -> int:
        """
        How many characters of what came are a repetition.

        Args:
            least: The weight that it must have; by the reading, if not given.
        """
        came = self._came
        size = self._longest()
        # A piece that brings nothing else does not go on, whatever the text repeats: the model runs in a circle.
        if not size or (size < len(came.text) and self._goes_on(size)):
            return 0
        end = came.places[size - 1] + 1
        if not _is_heavy(self._held[:end], self._reading, least, size, self._window):
            return 0
        return behind(self._first, self._held, end, self._reading)

    def _longest(self) -> int:
        """The longest beginning of what came that the first piece ends with."""
        came, window = self._came.text, self._window
        if self._whole is not None and came.startswith(self._whole):
            return len(self._whole)
        sizes = range(min(len(window), len(came)), 0, -1)
        return next((size for size in sizes if window.endswith(came[:size])), 0)

    def _goes_on(self, size: int) -> bool:
        """
        Whether what may be a repetition is as well the text that goes on, because the text itself repeats there: rows
        of a table, lines of a song.  It is so if the same stands at the end of the first piece twice already, or if
        its last line was begun with the words that stand before the repetition in the line of that.
        """
        if size >= len(self._window):
            return False
        again = self._window[-size:]
        unit = again[: (again + again).index(again, 1)]
        if self._window.endswith(2 * unit):
            return True
        begin = len(self._window) - size
        words = self._window[self._line_at(self._last.places[begin]) : begin]
        return bool(words) and words == self._window[self._line_at(len(self._shown)) :]

    def _line_at(self, place: int) -> int:
        """Where in the window the line begins in which a character of the first piece stands."""
        return bisect_left(self._last.places, self._shown.rfind("\n", 0, place) + 1)


def _is_heavy(text: str, reading: Reading, least: int | None, size: int, window: str) -> bool:
    """Whether a repetition is no accident; one that is all there was before it is none."""
    heavy = weight(text)
    if least is not None:
        return heavy >= least
    if size == len(window):
        return heavy >= _LEAST_OF_ALL
    several = len(_WORD.findall(text)) > 1
    if reading == "words":
        return heavy >= (_LEAST_IN_WORDS if several else _LEAST_OF_ONE)
    return several and heavy >= _LEAST_IN_SIGNS


def weight(text: str) -> int:
    """How much a repetition says; what is made of signs says nothing."""
    if not any(sign.isalpha() for sign in text):
        return 0
    return sum(3 if ord(sign) >= _WIDE else 1 for sign in text if sign.isalnum())


def behind(first: str, second: str, at: int, reading: Reading = "words") -> int:
    """
    Where the new begins, when all up to `at` is repeated: signs and white space behind may be repeated, too.

    >>> second = "he came.\\n\\nThen"
    >>> second[behind("and he came.\\n", second, 7):]
    '\\nThen'
    """
    tail = _unread(first) if reading == "words" else first[len(first.rstrip()) :]
    rest = second[at:]
    if rest.startswith(tail):
        return at + len(tail)
    signs = "".join(tail.split()).translate(_PLAIN)
    here = at
    for sign in signs:
        blank = here + len(second[here:]) - len(second[here:].lstrip())
        if second[blank : blank + 1].translate(_PLAIN) != sign:
            return at + _common(tail, rest)
        here = blank + 1
    return here + _blank(tail[len(tail.rstrip()) :], second[here:])


def _unread(first: str) -> str:
    """What stands behind the last letter or digit."""
    for at in range(len(first) - 1, -1, -1):
        if first[at].isalnum():
            return first[at + 1 :]
    return first


def _common(one: str, other: str) -> int:
    size = 0
    while size < min(len(one), len(other)) and one[size] == other[size]:
        size += 1
    return size


def _blank(there: str, rest: str) -> int:
    """White space of the rest that is there already; a space for a space, a line break for a line break."""
    more = rest[: len(rest) - len(rest.lstrip())]
    if there and more and "\n" not in more:
        return len(more)
    return _common(there, more)


# --- short ones that are no accident ----------------------------------------------------------------------------------


def short_cut(first: str, second: str, reading: Reading) -> int:
    """
    How many characters of the second piece are a short repetition: of a word or a line that was begun, or a long word.

    >>> short_cut("an interna", "international one", "words")
    7
    """
    line = first[first.rfind("\n") + 1 :]
    if weight(line) >= 4 and "|" not in line and second.startswith(line):
        return len(line)
    found = _LAST_WORD.search(first[-200:])
    if found and second.startswith(found[0]) and second[len(found[0]) : len(found[0]) + 1].isalnum():
        return len(found[0])
    found = _LAST_OF_ALL.search(first[-200:]) if reading == "words" else None
    return len(found[0]) if found and second.startswith(found[0]) else 0
