"""
What is personal is replaced by placeholders before it leaves, and put back into the answer.

    "I am at ann@acme.example"  ->  "I am at [EMAIL_5QK3ZD]"

A placeholder is a function of the message's id and its place in it, so that a message that comes again, in any process,
is masked to the same text.  With a `secret` it is a keyed hash of the value: then a value has the same placeholder in
all messages of its ticket.  Neither tells the value to who has no key.

Rule: no value is kept here longer than its session lives, and none is in a repr.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from dragoman.errors import ConfigError
from dragoman.kits.claims import flattened
from dragoman.kits.support.numbers import bank_account, card, chinese_id, taiwan_id
from dragoman.kits.support.values import Kind
from dragoman.redact import places

# What a model makes of a placeholder: other brackets, an escaped underscore, small letters, a tag of its own.
_PLACEHOLDER: Final = re.compile(
    r"\\?[\[［【]\s*(EMAIL|PHONE|CARD|IBAN|ID|NAME|SECRET|OTHER)\\?_([A-Z0-9]{1,32})\s*\\?[\]］】]", re.IGNORECASE
)
# Only what was really made here is left alone in a customer's words: nobody hides a number in brackets.
_MADE: Final = re.compile(r"\[(?:EMAIL|PHONE|CARD|IBAN|ID|NAME|SECRET|OTHER)_[A-Z2-7]{6}\]")
# Parts of an address are as long as RFC 5321 lets them be, so that a search takes time in proportion to the text.
# An address in Latin letters ends where Chinese or Japanese begin: those put no space between words.
_EAST: Final = "\u2e80-\uffef\U00020000-\U0003ffff"
_SET: Final = "A-Za-z0-9_\u00c0-\u1fff"
_LETTERS: Final = f"[{_SET}]"
_LABEL: Final = f"(?:[{_SET}-]{{1,63}}|[\u2e80-\u2fff\u3040-\ufaff]{{1,63}})"
_BIT: Final = r"[ ().-]{0,2}"
_EDGE: Final = r"(?<![A-Za-z0-9_])"
_END: Final = r"(?![A-Za-z0-9])"
_DATE: Final = re.compile(r"\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d{2})(?![./-]?\d)")
_DIGITS_END: Final = r"(?!\d)"


class Found(NamedTuple):
    """Something personal: from where to where, and what it is."""

    start: int
    end: int
    kind: Kind


_Check = Callable[[str], int]
"""Of what a pattern found: how many characters of it are one, from its start; 0 for none."""


def _all(text: str) -> int:
    return len(text)


def _dialled(text: str) -> int:
    """A telephone number has 7 to 15 digits (E.164)."""
    return len(text) if 7 <= sum(map(str.isdigit, text)) <= 15 and not _DATE.match(text) else 0


_WRITTEN: Final[tuple[tuple[Kind, str, _Check], ...]] = (
    (
        "email",
        rf"(?:{_LETTERS}[.+%'{_SET}-]{{0,63}}|[{_EAST}.]{{1,64}})\s?(?:@|[\[(]\s?at\s?[\])])\s?{_LABEL}(?:(?:\.|\s?[\[(]\s?dot\s?[\])]\s?){_LABEL}){{1,8}}",
        _all,
    ),
    ("iban", rf"{_EDGE}[A-Z]{{2}}\d{{2}}(?:[ -]?[A-Z0-9]){{11,30}}", bank_account),
    (
        "id",
        rf"{_EDGE}\d{{6}}(?:19|20)\d{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{{3}}[\dX]{_END}",
        chinese_id,
    ),
    ("id", rf"{_EDGE}[A-Z][1289]\d{{8}}{_END}", taiwan_id),
    ("id", rf"{_EDGE}[A-Z]{{1,2}}\d{{6}}\([0-9A]\)", _all),  # Hong Kong
    ("id", rf"{_EDGE}\d{{6}}-[1-8]\d{{6}}{_END}", _all),  # Korea
    ("id", rf"{_EDGE}(?!000|666|9\d\d)\d{{3}}-\d{{2}}-\d{{4}}{_END}", _all),  # United States
    ("id", rf"{_EDGE}[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]{_END}", _all),  # United Kingdom
    (
        "id",
        r"(?:passport|reisepass|pasaporte|passeport)(?:[ -]?(?:no|nr|number|nummer|is|n°)\b)*\W{0,3}"
        r"([A-Z]{0,2}\d[A-Z0-9]{6,8})",
        _all,
    ),
    ("id", r"(?:护照|護照|旅券)(?:号码?|號碼?|番号)?(?:是|为|は|:)?\s?([A-Z]{0,2}\d{7,9})", _all),
    ("card", r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)", card),
    ("phone", rf"(?<![A-Za-z0-9_+])(?:\+|00)[1-9](?:{_BIT}\d){{6,14}}{_DIGITS_END}", _dialled),
    ("phone", rf"(?<![\d-])(?:86[ -]?)?1[3-9]\d[ -]?\d{{4}}[ -]?\d{{4}}{_DIGITS_END}", _all),  # China, mobile
    ("phone", r"(?<![A-Za-z0-9_-])0\d{1,4}-\d{1,4}-\d{3,4}(?![\d-])", _dialled),  # East Asia
    (
        "phone",
        r"(?<![A-Za-z0-9_-])(?:\(0\d{1,5}\)|0\d{1,5})(?:[ ./-]{1,3}\d{2,8}){1,5}(?!\d|-\d)",
        _dialled,
    ),  # with its area code
    ("phone", rf"(?<![A-Za-z0-9_.,-])0[1-9]\d{{8,10}}{_DIGITS_END}", _dialled),  # the same in one row
    (
        "phone",
        rf"(?<![A-Za-z0-9_-])(?:1[ .-])?(?:\([2-9]\d\d\)|[2-9]\d\d)[ .-]\d{{3}}[ .-]\d{{4}}{_DIGITS_END}",
        _all,
    ),  # North America
    ("phone", r"(?<![A-Za-z0-9_,.-])(?<!\d )(?:[5-9]\d{3}[ -]|[23](?!0\d\d)\d{3} )\d{4}(?![ -]?\d)", _all),  # Hong Kong
    (
        "phone",
        r"(?:phone|mobile|call me (?:at|on)|telefon|tel\.?|handy|电话|電話|手机|手機|전화)"
        r"(?:[ -]?(?:is|number|no|nummer|号码?|是|番号|は)(?![a-z]))*[: ]{0,2}(\d[\d -]{5,13}\d)",
        _all,
    ),
)
_PATTERNS: Final[tuple[tuple[Kind, re.Pattern[str], _Check], ...]] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE), check) for kind, pattern, check in _WRITTEN
)


class Masked(NamedTuple):
    """A text without what is personal, what was replaced, and what it was."""

    text: str
    values: dict[str, str]
    kinds: dict[str, int]

    def __repr__(self) -> str:
        return f"Masked({self.text!r}, kinds={self.kinds})"


class Masker:
    """
    Args:
        ticket: Whose values: the same value of two tickets has two placeholders.
        names: Names to mask, in every spelling that the caller knows; case does not count.
        keep: Patterns of what is never personal.
        more: Patterns of what is, too.
        secret: Key of the placeholders; None to number them by message.
    """

    def __init__(
        self,
        ticket: str,
        *,
        names: Iterable[str] = (),
        keep: Sequence[str] = (),
        more: Sequence[str] = (),
        secret: str | bytes | None = None,
    ) -> None:
        self._ticket = ticket
        self._names = _names_pattern(names)
        self._keep = [re.compile(pattern) for pattern in keep]
        self._more = [re.compile(pattern) for pattern in more]
        self._secret = secret.encode() if isinstance(secret, str) else secret

    def mask(self, text: str, message: str) -> Masked:
        """
        Replace what is personal.

        Args:
            text: A customer's words.
            message: Id of the message.
        """
        pieces: list[str] = []
        values: dict[str, str] = {}
        given: dict[tuple[str, str], str] = {}
        kinds: Counter[str] = Counter()
        at = 0
        for found in self.find(text):
            value = text[found.start : found.end]
            key = (found.kind, value if self._secret is None else _bare(value))
            name = given.setdefault(key, self._placeholder(found.kind, value, message, len(given)))
            kinds[found.kind] += name not in values
            values.setdefault(name, value)
            pieces += [text[at : found.start], name]
            at = found.end
        return Masked("".join([*pieces, text[at:]]), values, dict(kinds))

    def find(self, text: str) -> list[Found]:
        """What is personal in a text, in order, without overlaps."""
        flat = flattened(text)
        kept = [found.span() for pattern in self._keep for found in pattern.finditer(flat)]
        kept += [found.span() for found in _MADE.finditer(text)]
        taken: list[Found] = []
        while new := self._more_of(flat, kept):
            # What is found is blanked, and the rest looked at again: a number may have begun as the end of another.
            taken += new
            for one in new:
                flat = flat[: one.start] + "\0" * (one.end - one.start) + flat[one.end :]
        return sorted(taken)

    def _more_of(self, flat: str, kept: Sequence[tuple[int, int]]) -> list[Found]:
        taken: list[Found] = []
        for one in self._candidates(flat):
            inside = any(start <= one.start and one.end <= end for start, end in kept)
            if not inside and not any(one.start < other.end and other.start < one.end for other in taken):
                taken.append(one)
        return taken

    def _candidates(self, flat: str) -> Iterator[Found]:
        yield from (Found(start, end, "secret") for start, end in places(flat))
        for pattern in self._more:
            yield from (Found(*found.span(), "other") for found in pattern.finditer(flat))
        for kind, pattern, check in _PATTERNS:
            yield from _matches(flat, kind, pattern, check)
        if self._names is not None:
            yield from (Found(*found.span(), "name") for found in self._names.finditer(flat))

    def _placeholder(self, kind: str, value: str, message: str, number: int) -> str:
        if self._secret is None:
            digest = hashlib.sha256(f"{self._ticket}\0{message}\0{number}".encode()).digest()
        else:
            digest = hmac.digest(self._secret, f"{self._ticket}\0{kind}\0{_bare(value)}".encode(), "sha256")
        return f"[{kind.upper()}_{base64.b32encode(digest).decode()[:6]}]"


def _matches(flat: str, kind: Kind, pattern: re.Pattern[str], check: _Check) -> Iterator[Found]:
    """What a pattern finds and its check proves; where it proves nothing, the search goes on one character later."""
    group = pattern.groups  # where a word says what follows, the group is what follows
    found = pattern.search(flat)
    while found is not None:
        length = check(found[group])
        if length:
            yield Found(found.start(group), found.start(group) + length, kind)
        found = pattern.search(flat, found.start(group) + length if length else found.start() + 1)


def restore(text: str, values: dict[str, str]) -> str:
    """Put the values back; placeholders that are not known stay."""
    return _PLACEHOLDER.sub(lambda found: values.get(f"[{found[1]}_{found[2]}]".upper(), found[0]), text)


def placeholders(text: str) -> list[str]:
    """Those that stand in a text."""
    return [f"[{found[1]}_{found[2]}]".upper() for found in _PLACEHOLDER.finditer(text)]


def _bare(value: str) -> str:
    return "".join(sign for sign in flattened(value).casefold() if sign.isalnum() or sign == "@")


def _names_pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    if isinstance(names, str):
        raise ConfigError("names is a text: give a list of names", field="names")
    given = sorted({" ".join(name.split()) for name in names if name.strip()}, key=len, reverse=True)
    if not given:
        return None
    return re.compile("|".join(map(_name_pattern, given)), re.IGNORECASE)


def _name_pattern(name: str) -> str:
    """Words of Latin and other letters end where they end; in Chinese and Japanese there is no such end."""
    body = r"\s+".join(re.escape(part) for part in name.split())
    bounded = all(sign < "\u2e80" for sign in name)
    return rf"(?<![{_SET}]){body}(?![{_SET}])" if bounded else body
