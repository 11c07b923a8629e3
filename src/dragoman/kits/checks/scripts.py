"""The scripts of languages, by their codes and names; and how many letters of a script a text has."""

from __future__ import annotations

import re
from typing import Final

SCRIPTS: Final[dict[str, re.Pattern[str]]] = {
    "latin": re.compile("[A-Za-z\u00aa\u00ba\u00c0-\u024f\u1e00-\u1eff]"),
    "han": re.compile("[\u3400-\u9fff\uf900-\ufaff]"),
    "kana": re.compile("[\u3040-\u30ff\u3400-\u9fff]"),
    "hangul": re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
    "cyrillic": re.compile("[\u0400-\u052f]"),
    "greek": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
    "arabic": re.compile("[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff]"),
    "hebrew": re.compile("[\u0590-\u05ff]"),
    "devanagari": re.compile("[\u0900-\u097f]"),
    "bengali": re.compile("[\u0980-\u09ff]"),
    "tamil": re.compile("[\u0b80-\u0bff]"),
    "thai": re.compile("[\u0e00-\u0e7f]"),
    "georgian": re.compile("[\u10a0-\u10ff]"),
    "armenian": re.compile("[\u0530-\u058f]"),
}

_LANGUAGES: Final = {
    "han": "zh chinese mandarin cantonese 中文 简体中文 繁體中文 汉语",
    "kana": "ja japanese 日本語",
    "hangul": "ko korean 한국어",
    "cyrillic": "ru russian uk ukrainian bg bulgarian mk macedonian be belarusian kk kazakh русский",
    "greek": "el greek",
    "arabic": "ar arabic fa persian farsi ur urdu",
    "hebrew": "he hebrew yi yiddish",
    "devanagari": "hi hindi mr marathi ne nepali",
    "bengali": "bn bengali",
    "tamil": "ta tamil",
    "thai": "th thai",
    "georgian": "ka georgian",
    "armenian": "hy armenian",
    "latin": "en english de german deutsch fr french français es spanish español it italian italiano pt portuguese "
    "português nl dutch sv swedish da danish no nb norwegian fi finnish is icelandic pl polish cs czech sk slovak "
    "sl slovenian hr croatian hu hungarian ro romanian tr turkish vi vietnamese id indonesian ms malay sw swahili et "
    "estonian lv latvian lt lithuanian ca catalan eu basque ga irish cy welsh af afrikaans la latin eo esperanto",
}
_BY_NAME: Final = {name: script for script, names in _LANGUAGES.items() for name in names.split()}


def script_of(language: str) -> str | None:
    """
    The script of a language; None if it is not known.

    >>> script_of("zh-Hans"), script_of("Brazilian Portuguese"), script_of("Klingon")
    ('han', 'latin', None)
    """
    words = re.split(r"[\W_]+", language.casefold())
    if "latn" in words:
        return "latin"
    return next((_BY_NAME[word] for word in words if word in _BY_NAME), None)


def letters_of(text: str, script: str) -> int:
    """How many letters of a script a text has; Japanese has Chinese characters, too."""
    return len(SCRIPTS[script].findall(text))
