"""
Numbers: each of the source is in the new text, in whatever way its language writes them.

1,000.5 and 1.000,5 and 1 000,5 are the same; so are 1,000 and 1.000, in which a sign before three digits groups.  A
number that is a word, a month's name or Chinese characters on the other side is a warning.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from typing import Final

import msgspec

from dragoman.kits.checks.base import Pair
from dragoman.kits.checks.scripts import script_of
from dragoman.kits.findings import Finding

_NUMBER: Final = re.compile(r"[0-9]+(?:[.,'’\u00a0\u202f\u2009٬٫][0-9]+)*|[0-9]{1,3}(?: [0-9]{3})+(?![0-9])")
_SPACED: Final = re.compile(r"(?<![0-9.,])[0-9]{1,3}(?: [0-9]{3})+(?![0-9])(?:[.,][0-9]+)?|" + _NUMBER.pattern)
_SEPARATOR: Final = re.compile(r"[^0-9]")
_SCALE: Final = re.compile(
    r"[ \u00a0\-]?(?:(thousand|tausend|mille|mil\b|тысяч\w*|тыс\b|千)|(million\w*|mio\b|mill[oó]n\w*|milh\w+|milion\w*|"
    r"миллион\w*|млн|百万|百萬)|(billion\w*|bn\b|milliarde\w*|mrd\b|miliard\w*|миллиард\w*|млрд|十亿|十億)|(亿|億|억)|(万|萬|만))",
    re.IGNORECASE,
)
_POWERS: Final = (3, 6, 9, 8, 4)
_HAN_DIGITS: Final = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "兩": 2}
_HAN_UNITS: Final = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_HAN: Final = re.compile(f"[{''.join(_HAN_DIGITS)}{''.join(_HAN_UNITS)}]+")
_WORDS: Final = (
    "zero null zéro cero ноль,one eine ein eins einen einem einer un une uno una um uma один одна одно first erste "
    "ersten premier première primero primera,two zwei deux dos dois duas due два две second zweite twice zweimal,"
    "three drei trois tres três tre три third dritte,four vier quatre cuatro quatro quattro четыре,"
    "five fünf cinq cinco cinque пять,six sechs seis sei шесть,seven sieben sept siete sete sette семь,"
    "eight acht huit ocho oito otto восемь,nine neun neuf nueve nove девять,ten zehn dix diez dez dieci десять,"
    "eleven elf onze once undici одиннадцать,twelve zwölf douze doce doze dodici двенадцать"
)
_MONTHS: Final = (
    "january januar janvier enero gennaio janeiro января,february februar février febrero febbraio fevereiro февраля,"
    "march märz mars marzo março марта,april avril abril aprile апреля,may mai mayo maggio maio мая,"
    "june juni juin junio giugno junho июня,july juli juillet julio luglio julho июля,"
    "august août agosto августа,september septembre septiembre settembre setembro сентября,"
    "october oktober octobre octubre ottobre outubro октября,november novembre noviembre novembro ноября,"
    "december dezember décembre diciembre dicembre dezembro декабря"
)
_NAMED: Final = {
    word: frozenset(value for value, words in numbered if word in words.split())
    for numbered in ([*enumerate(_WORDS.split(",")), *enumerate(_MONTHS.split(","), 1)],)
    for word in f"{_WORDS},{_MONTHS}".replace(",", " ").split()
}
_MONTH_NUMBERS: Final = {word: n for n, words in enumerate(_MONTHS.split(","), 1) for word in words.split()}
_DATED: Final = re.compile(
    rf"(?<=[0-9] )\b(?:{'|'.join(_MONTH_NUMBERS)})\b|\b(?:{'|'.join(_MONTH_NUMBERS)})\b(?=[ ,][0-9])", re.IGNORECASE
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_AFTERNOON: Final = re.compile(r"\bp\.?\s?m\b|下午|晚上|午後|nachmittags|abends", re.IGNORECASE)


class Number(msgspec.Struct, frozen=True):
    """
    Attributes:
        shown: As it is written.
        values: What it can be read as.
        scaled: With the word behind it, such as `million`; empty if there is none that is known.
    """

    shown: str
    values: frozenset[Decimal]
    scaled: frozenset[Decimal]

    def same(self, other: Number) -> bool:
        """Whether both can be the same."""
        if self.scaled and other.scaled:
            return bool(self.scaled & other.scaled)
        return bool((self.values | self.scaled) & (other.values | other.scaled))


def numbers(pair: Pair) -> list[Finding]:
    """Numbers that are not there any more, and such as the source has not."""
    source, target = pair.source_words, pair.target_words
    if script_of(pair.rules.to) in ("han", "kana", "hangul"):
        source = _numbered_months(source)
    best = min((_difference(source, target, a, b) for a in _WAYS for b in _WAYS), key=lambda d: len(d[0]) + len(d[1]))
    lost, new = best
    afternoon = _AFTERNOON.search(source) or _AFTERNOON.search(target)
    for number in list(lost) if afternoon else []:
        other = next((n for n in new if _twelve_apart(number, n)), None)
        if other is not None:
            lost.remove(number)
            new.remove(other)
    before, after = _in_words(source), _in_words(target)
    return [
        *(_lost(pair, number, after) for number in lost),
        *(_new(pair, number, before) for number in new),
    ]


def _numbered_months(text: str) -> str:
    """In East Asian languages months are numbers, so a name that stands in a date is one, too."""
    return _DATED.sub(lambda found: f" {_MONTH_NUMBERS[found[0].casefold()]} ", text)


def _lost(pair: Pair, number: Number, words: frozenset[Decimal]) -> Finding:
    if number.values & words or number.scaled & words:
        message = f"the number {number.shown} is written in words"
        return pair.finding("number", message, expected=number.shown, severity="warning")
    return pair.finding("number", f"the number {number.shown} is missing", expected=number.shown)


def _new(pair: Pair, number: Number, words: frozenset[Decimal]) -> Finding:
    if number.values & words or number.scaled & words:
        message = f"the number {number.shown} is a word in the source"
        return pair.finding("number", message, found=number.shown, severity="warning")
    return pair.finding("number", f"the number {number.shown} is not in the source", found=number.shown)


def _difference(
    source: str, target: str, first: re.Pattern[str], second: re.Pattern[str]
) -> tuple[list[Number], list[Number]]:
    lost, new = list[Number](), _found(target, second)
    for number in _found(source, first):
        match = next((other for other in new if number.same(other)), None)
        if match is None:
            lost.append(number)
        else:
            new.remove(match)
    return lost, new


_WAYS: Final = (_NUMBER, _SPACED)


def _found(text: str, pattern: re.Pattern[str]) -> list[Number]:
    text = _western(text)
    found: list[Number] = []
    for one in pattern.finditer(text):
        scale = _SCALE.match(text, one.end())
        for shown in _parts(one[0]):
            values = _values(shown)
            power = 10 ** _POWERS[(scale.lastindex or 1) - 1] if scale else 1
            found.append(Number(shown, values, frozenset(value * power for value in values) if scale else frozenset()))
    return found


def _western(text: str) -> str:
    """Full-width, Arabic and other digits as 0 to 9."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.digit(char)) if char.isdecimal() else char for char in text)


def _parts(shown: str) -> list[str]:
    """A date or version is several numbers: 31.12.2024, 1.2.3."""
    signs = _SEPARATOR.findall(shown)
    groups = _SEPARATOR.split(shown)
    grouped = all(len(group) == 3 for group in groups[1:-1]) and 1 <= len(groups[0]) <= 3
    if len(signs) < 2 or (grouped and len(set(signs[:-1])) == 1 and (signs[-1] != signs[0] or len(groups[-1]) == 3)):
        return [shown]
    return groups


@lru_cache(maxsize=4096)
def _values(shown: str) -> frozenset[Decimal]:
    signs, groups = _SEPARATOR.findall(shown), _SEPARATOR.split(shown)
    if not signs:
        return frozenset({Decimal(shown)})
    # With a part of three digits a single sign groups: 1,000 and 1.000 are the same, and neither is 1.
    if groups[0].strip("0") and len(set(signs)) == 1 and all(len(group) == 3 for group in groups[1:]):
        return frozenset({Decimal("".join(groups))})
    if signs[-1] in ".,٫":
        return frozenset({Decimal("".join(groups[:-1]) + "." + groups[-1])})
    return frozenset({Decimal("".join(groups))})


def _twelve_apart(first: Number, second: Number) -> bool:
    return any(abs(one - other) == 12 for one in first.values for other in second.values)


# --- words ------------------------------------------------------------------------------------------------------------


def _in_words(text: str) -> frozenset[Decimal]:
    """The numbers that stand there as words, or in Chinese characters."""
    values = {Decimal(value) for word in _WORD.findall(text.casefold()) for value in _NAMED.get(word, ())}
    for found in _HAN.finditer(text):
        values |= {Decimal(_han(found[0])), *(Decimal(_HAN_DIGITS[s]) for s in found[0] if s in _HAN_DIGITS)}
    return frozenset(values)


def _han(text: str) -> int:
    """The value of Chinese numerals.

    >>> _han("三千五百万"), _han("二〇二四"), _han("十二")
    (35000000, 2024, 12)
    """
    if all(sign in _HAN_DIGITS for sign in text):
        return int("".join(str(_HAN_DIGITS[sign]) for sign in text))
    total = part = digit = 0
    for sign in text:
        if sign in _HAN_DIGITS:
            digit = _HAN_DIGITS[sign]
            continue
        unit = _HAN_UNITS[sign]
        if unit >= 10**4:
            total, part, digit = (
                (total + (part + digit or 1)) * unit if unit == 10**4 else (total + part + digit) * unit,
                0,
                0,
            )
        else:
            part, digit = part + (digit or 1) * unit, 0
    return total + part + digit
