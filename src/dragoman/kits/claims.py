"""
Facts that a program can compare: numbers with their units, dates, links, addresses.

A number in an answer is proved if a source has it, with the same unit or with none.  "30 days", "thirty days" and
"30天" are one claim; "30 €" and "30 $" are two.  What may be read in two ways (1.234) has both values.

Rule: nothing is guessed.  What has no digits, and no number word before a unit, is no claim.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final, NamedTuple

_UNITS: Final[dict[str, str]] = {
    "%": "% percent prozent pourcent pour·cent per·cent por·ciento 个百分点",
    "EUR": "€ eur euro euros 欧元 ユーロ 유로",
    "USD": "$ usd us$ dollar dollars dólares dolares 美元 ドル 달러",
    "GBP": "£ gbp pound pounds pfund 英镑",
    "CNY": "¥ cny rmb yuan 元 块 块钱 人民币 円 jpy yen",
    "KRW": "₩ krw won 원",
    "CHF": "chf franken",
    "minute": "min minute minutes minuten minuto minutos 分钟 分",
    "hour": "h hour hours hr hrs stunde stunden heure heures hora horas 小时 個小時 时间 時間 시간",
    "day": "day days tag tage tagen werktag werktage werktagen jour jours día días dia dias 天 日 日間 个工作日 "
    "工作日 일",
    "week": "week weeks woche wochen semaine semaines semana semanas 周 星期 个星期 週 週間 주",
    "month": "month months monat monate monaten mois mes meses 个月 個月 か月 ヶ月 개월",
    "year": "year years jahr jahre jahren an ans année années año años 年 年間 년",
}
_UNIT_OF: Final = {word.replace("·", " "): unit for unit, words in _UNITS.items() for word in words.split()}
_LONGEST: Final = sorted(_UNIT_OF, key=len, reverse=True)
_LATIN: Final = "|".join(re.escape(word) for word in _LONGEST if word[0].isalpha() and word[0] < "\u0250")
_SIGNS: Final = "|".join(re.escape(word) for word in _LONGEST if not (word[0].isalpha() and word[0] < "\u0250"))
_ADJECTIVE: Final = r"(?:(?:business|working|calendar|full|volle|jours? ouvrés?)\s)?"
_AFTER: Final = re.compile(rf"[ \u00a0\u202f-]?{_ADJECTIVE}(?:({_SIGNS})|({_LATIN})(?![^\W\d_]))", re.IGNORECASE)
_BEFORE: Final = re.compile(r"(US\$|[€$£¥₩]|\b(?:EUR|USD|GBP|CNY|RMB|CHF|KRW))[ \u00a0]?$", re.IGNORECASE)

_NUMBER: Final = re.compile(
    r"(?<!\d)(?:\d{1,3}(?:[ \u00a0\u2009\u202f'’]\d{3})+(?:[.,]\d{1,2})?(?!\d)|\d+(?:[.,]\d+)*)"
)
_CLOCK: Final = re.compile(
    r"(?<![\d:])(?:([01]?\d|2[0-4]):([0-5]\d)(?![\d:])|([01]?\d|2[0-4])(?=\s?(?:[ap]\.?m\b|uhr\b|点)))"
    r"(?:\s?([ap]\.?m\b\.?|uhr\b|点))?",
    re.IGNORECASE,
)
_DIALLED: Final = re.compile(r"(?<!\w)(?:\+|00)[1-9](?:[ ()./-]{0,2}\d){6,14}")
_MARKS: Final = re.compile(r"^[ \t>]*\d{1,2}[.)、](?=\s)|\[\d{1,3}\]", re.MULTILINE)

_COUNTED: Final = (  # number, and its words in English, German, French, Spanish
    "1 one",
    "2 two zwei deux dos",
    "3 three drei trois tres",
    "4 four vier quatre cuatro",
    "5 five fünf cinq cinco",
    "6 six sechs seis",
    "7 seven sieben sept siete",
    "8 eight acht huit ocho",
    "9 nine neun neuf nueve",
    "10 ten zehn dix diez",
    "11 eleven elf onze once",
    "12 twelve zwölf douze doce",
    "14 fourteen vierzehn quatorze catorce",
    "15 fifteen fünfzehn quinze quince",
    "20 twenty zwanzig vingt veinte",
    "21 twenty-one einundzwanzig",
    "24 twenty-four vierundzwanzig",
    "30 thirty dreißig trente treinta",
    "40 forty vierzig quarante cuarenta",
    "48 forty-eight achtundvierzig",
    "50 fifty fünfzig cinquante cincuenta",
    "60 sixty sechzig soixante sesenta",
    "90 ninety neunzig noventa",
    "100 hundred hundert cent cien",
)
_WORDS: Final = {word: int(number) for number, *words in map(str.split, _COUNTED) for word in words}
_SPELLED: Final = re.compile(rf"\b({'|'.join(sorted(_WORDS, key=len, reverse=True))})(?=[\s-])", re.IGNORECASE)
_HAN: Final = {sign: at for at, sign in enumerate("〇一二三四五六七八九")} | {"两": 2, "零": 0}
_HAN_TENS: Final = {"十": 10, "百": 100, "千": 1000}
_HAN_NUMBER: Final = re.compile("[一二两三四五六七八九十百千零〇]+")

_MONTHS: Final = (
    "january jan januar janvier enero",
    "february feb februar février febrero",
    "march mar märz mars marzo",
    "april apr avril abril",
    "mai mayo",
    "june jun juni juin junio",
    "july jul juli juillet julio",
    "august aug août agosto",
    "september sep sept septembre septiembre",
    "october oct oktober octobre octubre",
    "november nov novembre noviembre",
    "december dec dezember décembre diciembre",
)
_MONTH_OF: Final = {word: at for at, words in enumerate(_MONTHS, 1) for word in words.split()} | {"may": 5}
# "May" and "march" are words, too: a month stands beside a number.
_NAMES: Final = "|".join(sorted(_MONTH_OF, key=len, reverse=True))
_DAY: Final = r"\d{1,2}(?:st|nd|rd|th|er|\.)?"
_DATES: Final = re.compile(
    r"(?<!\d)(?:\d{4}\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,2}日?|\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d{2})(?!\d)|\d{1,2}月\d{1,2}日"
    rf"|{_DAY}\s(?:of\s|de\s)?(?:{_NAMES})\b(?:,?\s(?:de\s)?\d{{4}})?)"
    rf"|\b(?:{_NAMES})\.?\s(?:\d{{4}}|{_DAY}(?:,?\s\d{{4}})?)(?!\d)",
    re.IGNORECASE,
)
_LINK: Final = re.compile(r"(?:https?://|www\.)[^\s<>\"'`|\\）】」]+", re.IGNORECASE)


class Claim(NamedTuple):
    """
    A number.

    Attributes:
        values: What it may mean.
        unit: `EUR`, `%`, `day`, `date`, `time`...; empty for none that is known.
        text: As it stands there.
        at: Where.
    """

    values: frozenset[Decimal]
    unit: str
    text: str
    at: int


def claims(text: str) -> list[Claim]:
    """
    Numbers of a text; marks of lists and citations are none.

    >>> [(claim.text, claim.unit) for claim in claims("1. Send it back within thirty days, for 4.90 €.")]
    [('4.90 €', 'EUR'), ('thirty days', 'day')]
    """
    flat = _MARKS.sub(_blank, flattened(text))
    whole = [*_wholes(flat), *_dates(flat)]
    for pattern in (_DATES, _CLOCK, _DIALLED):
        flat = pattern.sub(_blank, flat)
    return [*whole, *_digits(flat), *_spelled(flat)]


def unproved(text: str, sources: Iterable[str]) -> list[Claim]:
    """Numbers of a text that no source has."""
    known: dict[Decimal, set[str]] = {}
    for source in sources:
        for claim in claims(source):
            for value in claim.values:
                known.setdefault(value, set()).add(claim.unit)
    return [claim for claim in claims(text) if not any(_fits(claim.unit, known.get(value)) for value in claim.values)]


def _fits(unit: str, units: set[str] | None) -> bool:
    return units is not None and (not unit or "" in units or unit in units)


def flattened(text: str) -> str:
    """The same text with full-width signs, and digits of any script, as ASCII; each character stays where it is."""
    return "".join(map(_flat, text)) if not text.isascii() else text


# Full-width yen and pound, the ideographic space, what has no width, and every kind of hyphen.
_OTHERS: Final = {
    "￥": "¥",
    "￡": "£",
    "\u3000": " ",
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", " "),
    **dict.fromkeys("‐‑‒–—−", "-"),
}


def _flat(sign: str) -> str:
    if sign.isascii():
        return sign
    if "\uff01" <= sign <= "\uff5e":
        return chr(ord(sign) - 0xFEE0)
    if sign in _OTHERS:
        return _OTHERS[sign]
    digit = unicodedata.decimal(sign, None)
    return sign if digit is None else str(int(digit))


def links(text: str) -> list[str]:
    """
    Web addresses of a text.

    >>> links("See https://acme.example/a(b), or <www.acme.example>.")
    ['https://acme.example/a(b)', 'www.acme.example']
    """
    return [_link(found[0]) for found in _LINK.finditer(text)]


def _link(text: str) -> str:
    text = text.rstrip(".,;:!?*_。，；！？")
    while text.endswith((")", "]")) and text.count("(") + text.count("[") < text.count(")") + text.count("]"):
        text = text[:-1].rstrip(".,;:!?*_")
    return text


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _wholes(text: str) -> Iterator[Claim]:
    """Times of day and telephone numbers: their digits are no numbers of their own."""
    for found in _CLOCK.finditer(text):
        hour, minute = int(found[1] or found[3]), int(found[2] or 0)
        half = (found[4] or "").lower().replace(".", "")
        hour = hour % 12 + 12 * (half == "pm") if half in ("am", "pm") else hour
        yield Claim(frozenset({Decimal(hour * 60 + minute)}), "time", found[0], found.start())
    for found in _DIALLED.finditer(text):
        digits = "".join(filter(str.isdigit, found[0]))
        yield Claim(frozenset({Decimal(digits)}), "phone", found[0], found.start())


def _digits(text: str) -> Iterator[Claim]:
    for found in _NUMBER.finditer(text):
        before, after = _BEFORE.search(text[max(0, found.start() - 5) : found.start()]), _AFTER.match(text, found.end())
        unit = _UNIT_OF.get(before[1].lower(), "") if before else ""
        end = found.end()
        if not unit and after:
            unit, end = _UNIT_OF[(after[1] or after[2]).lower()], after.end()
        shown = (before[0] if before else "") + text[found.start() : end]
        for values in _readings(found[0]):
            yield Claim(values, unit, shown, found.start())


def _readings(number: str) -> Iterator[frozenset[Decimal]]:
    """What a number may mean; a date of several is several."""
    parts = re.split(r"[.,]", re.sub(r"[ \u00a0\u2009\u202f'’]", "", number))
    if len(parts) == 1:
        yield frozenset({Decimal(parts[0])})
        return
    thousands = all(len(part) == 3 for part in parts[1:]) and len(parts[0]) <= 3
    if len(parts) == 2:
        both = {Decimal(f"{parts[0]}.{parts[1]}").normalize()}
        yield frozenset(both | ({Decimal("".join(parts))} if thousands else set()))
    elif thousands:
        yield frozenset({Decimal("".join(parts))})
    elif all(len(part) == 3 for part in parts[1:-1]):
        yield frozenset({Decimal("".join(parts[:-1]) + "." + parts[-1]).normalize()})
    else:
        yield from (frozenset({Decimal(part)}) for part in parts)


def _dates(text: str) -> Iterator[Claim]:
    """Day, month and year of dates: each proves another date, and no price."""
    for found in _DATES.finditer(text):
        for part in re.findall(r"\d+|[^\W\d_]+", found[0]):
            value = int(part) if part.isdigit() else _MONTH_OF.get(part.lower())
            if value is not None:
                yield Claim(frozenset({Decimal(value)}), "date", found[0], found.start())


def _spelled(text: str) -> Iterator[Claim]:
    for found in _SPELLED.finditer(text):
        if after := _AFTER.match(text, found.end()):
            unit = _UNIT_OF[(after[1] or after[2]).lower()]
            yield Claim(frozenset({Decimal(_WORDS[found[1].lower()])}), unit, found[0] + after[0], found.start())
    for found in _HAN_NUMBER.finditer(text):
        if after := _AFTER.match(text, found.end()):
            unit = _UNIT_OF[(after[1] or after[2]).lower()]
            yield Claim(frozenset({Decimal(_han(found[0]))}), unit, found[0] + after[0], found.start())


def _han(text: str) -> int:
    total, digit = 0, 0
    for sign in text:
        if sign in _HAN_TENS:
            total += (digit or 1) * _HAN_TENS[sign]
            digit = 0
        else:
            digit = _HAN[sign]
    return total + digit
