"""
Good translations, and ways to break them: the seeded set for the checks.

Each pair is a source, its format, its language, a translation with the source's marks, and a glossary.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import NamedTuple

from dragoman.kits.checks.base import Rules
from dragoman.kits.documents import read
from dragoman.kits.documents.base import Segment


class Good(NamedTuple):
    """A pair in which nothing is wrong."""

    source: str
    format: str
    to: str
    target: str
    glossary: dict[str, str]

    @property
    def segment(self) -> Segment:
        """The source's last segment: those before it are inside of it."""
        return [one for one in read(self.source, self.format).segments if not one.done][-1]

    @property
    def rules(self) -> Rules:
        """What it is held to."""
        return Rules(to=self.to, format=self.format, glossary=self.glossary)


GOOD = [
    Good(
        "In 2024 we sold **1,000.5** tons to 37 customers, see [the report](https://a.example/r?x=1) and {name}.",
        "markdown",
        "German",
        "2024 haben wir **1.000,5** Tonnen an 37 Kunden verkauft, siehe ⟦1⟧den Bericht⟦2⟧ und ⟦3⟧.",
        {"report": "Bericht"},
    ),
    Good(
        "The circuit breaker opens after 5 errors; write to ops@plant.example or call `reset()` on Dragoman.",
        "markdown",
        "fr",
        "Le disjoncteur s'ouvre après 5 erreurs ; écrivez à ⟦1⟧ ou appelez ⟦2⟧ sur Dragoman.",
        {"circuit breaker": "disjoncteur", "Dragoman": "keep"},
    ),
    Good(
        "Version 2.5 was released on 14 March 2024 and fixes *37 bugs*; it needs 12 GB and {{ host }}.",
        "markdown",
        "zh-Hans",
        "版本 2.5 于 2024 年 3 月 14 日发布,修复了 *37 个错误*;需要 12 GB 内存和 ⟦1⟧。",
        {"bugs": "错误|缺陷"},
    ),
    Good(
        "请在 2024 年 6 月 30 日之前提交申请,费用为 1,500 元,详见 https://a.example/fee 并联系 {agent}。",
        "plain",
        "English",
        "Please submit the application before June 30, 2024; the fee is 1,500 yuan, see ⟦1⟧ and contact ⟦2⟧.",
        {"申请": "application"},
    ),
    Good(
        '<p>Read the <a href="/terms">terms of use</a> before you pay $49.90 for 3 months, %(user)s.</p>',
        "html",
        "es",
        "Lea las ⟦1⟧condiciones de uso⟦2⟧ antes de pagar $49,90 por 3 meses, ⟦3⟧.",
        {"terms of use": "condiciones de uso"},
    ),
    Good(
        '{"a": "Hello {name}, you have %d new messages in <b>12 folders</b> of ${home}."}',
        "json",
        "Japanese",
        "⟦1⟧さん、こんにちは。⟦5⟧の⟦3⟧12個のフォルダー⟦4⟧に新しいメッセージが⟦2⟧件あります。",
        {"messages": "メッセージ"},
    ),
    Good(
        'msgid "Copied %1$s of %2$s files to drive 7 in 45 seconds"\nmsgstr ""\n',
        "po",
        "ru",
        "Скопировано ⟦1⟧ из ⟦2⟧ файлов на диск 7 за 45 секунд",
        {"drive": "диск"},
    ),
    Good(
        "1\n00:00:01,000 --> 00:00:06,000\n<i>The train leaves at 9:30</i>\nfrom platform 12.\n",
        "srt",
        "de",
        "⟦1⟧Der Zug fährt um 9:30⟦2⟧\nvon Bahnsteig 12.",
        {"platform": "Bahnsteig"},
    ),
    Good(
        "The company earned 5 million euros, 10,000 more than in 1999, with [a new product][p] "
        "and <b>40 people</b>.\n\n[p]: x.html",
        "markdown",
        "German",
        "Das Unternehmen verdiente 5 Millionen Euro, 10.000 mehr als 1999, mit ⟦1⟧einem neuen Produkt⟦2⟧ und "
        "⟦3⟧40 Leuten⟦4⟧.",
        {"product": "Produkt"},
    ),
    Good(
        "A population of 1.4 billion people lives in 34 provinces, says {source}, and **half of them** in cities.",
        "markdown",
        "Chinese",
        "⟦1⟧ 称,34 个省份居住着 14 亿人口,其中**一半**住在城市。",
        {"provinces": "省份"},
    ),
]

# More that is right: numbers in the ways of many languages.
FINE = [
    ("It costs 1,234,567.89 in 3 rooms.", "Das kostet 1.234.567,89 in drei Räumen.", "de"),
    ("It costs 10 000 francs.", "Das kostet 10.000 Franken.", "de"),
    ("The date is 12/31/2024.", "Das Datum ist 31.12.2024.", "de"),
    ("It begins at 3:30 pm.", "Es beginnt um 15:30 Uhr.", "de"),
    ("We have 20,000 readers.", "我们有2万名读者。", "zh"),
    ("There are 12 months in it.", "一年有十二个月。", "zh"),
    ("He is two metres tall.", "Er ist 2 Meter groß.", "de"),
    ("Version 1.2.3 is out.", "La version 1.2.3 est sortie.", "fr"),
    ("It grew by 3.5% in 1998.", "Sie wuchs 1998 um 3,5 %.", "de"),
    ("全文共 ３５ 页。", "The text has 35 pages.", "en"),
    ("OK", "OK", "de"),
    ("Hamburg", "Hamburg", "German"),
    ("The 2 mm gap and a_b_c stay.", "Der Spalt von 2 mm und a_b_c bleiben.", "de"),
]

Fault = Callable[[random.Random, str], str | None]


def _replaced(pattern: str, change: Callable[[random.Random, re.Match[str]], str]) -> Fault:
    def fault(rng: random.Random, text: str) -> str | None:
        found = list(re.finditer(pattern, text))
        if not found:
            return None
        one = rng.choice(found)
        return text[: one.start()] + change(rng, one) + text[one.end() :]

    return fault


def _other_number(rng: random.Random, found: re.Match[str]) -> str:
    digits = found[0]
    at = rng.randrange(len(digits))
    return digits[:at] + rng.choice([d for d in "123456789" if d != digits[at]]) + digits[at + 1 :]


_MARK = r"⟦\d+⟧"
_DIGITS = r"(?<![⟦\d])\d+(?![⟧\d])"

FAULTS: dict[str, tuple[Fault, frozenset[str]]] = {
    "lost mark": (_replaced(_MARK, lambda r, m: ""), frozenset()),
    "doubled mark": (_replaced(_MARK, lambda r, m: m[0] * 2), frozenset()),
    "invented mark": (_replaced(_MARK, lambda r, m: f"{m[0]} ⟦77⟧"), frozenset({"mark"})),
    "torn mark": (_replaced(_MARK, lambda r, m: m[0][:-1]), frozenset()),
    "changed number": (_replaced(_DIGITS, _other_number), frozenset({"number"})),
    "lost number": (_replaced(_DIGITS, lambda r, m: ""), frozenset({"number"})),
    "added number": (lambda r, t: f"{t} 8311", frozenset({"number"})),
    "ten times as much": (_replaced(_DIGITS, lambda r, m: f"{m[0]}0"), frozenset({"number"})),
    "invented link": (lambda r, t: f"{t} https://evil.example/x", frozenset({"url"})),
    "invented mail": (lambda r, t: f"{t} me@evil.example", frozenset({"mail"})),
    "invented placeholder": (lambda r, t: f"{t} {{invented}}", frozenset({"placeholder"})),
    "invented tag": (lambda r, t: f"{t} <u>x</u>", frozenset({"tag"})),
    "chatter in front": (lambda r, t: f"Here is the translation: {t}", frozenset({"chatter"})),
    "chatter in Chinese": (lambda r, t: f"以下是翻译：{t}", frozenset({"chatter"})),
    "chatter behind": (lambda r, t: f"{t}\nNote: I kept the names.", frozenset({"chatter"})),
    "nothing": (lambda r, t: "  ", frozenset({"empty"})),
    "cut": (lambda r, t: t[: len(t) // 8], frozenset()),
    "far too long": (lambda r, t: t + " mehr" * 120, frozenset({"length"})),
}
"""Name, how it is made (None where it cannot be), and the checks of which one must find it; empty for any."""
