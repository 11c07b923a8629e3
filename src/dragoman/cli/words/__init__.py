"""
What the command line says, in the language of its reader.

`t("ask.nothing")` is the sentence of that key.  The language is that of `DRAGOMAN_LANG`, else of `LC_ALL`,
`LC_MESSAGES` or `LANG`, the first that is set: Chinese for `zh...`, else English.

Rule: every key and its places are in every catalogue (tested).  The library's own errors stay as they are, so that they
can be searched for.

Source: POSIX.1-2024, section 8.2 "Internationalization Variables".
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "zh")
_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")


def language(environ: Mapping[str, str] | None = None) -> str:
    """
    The language to speak.

    >>> language({"LANG": "zh_CN.UTF-8"}), language({"LANG": "zh_CN.UTF-8", "DRAGOMAN_LANG": "en"})
    ('zh', 'en')
    """
    environ = os.environ if environ is None else environ
    told = environ.get("DRAGOMAN_LANG") or next((value for name in _VARIABLES if (value := environ.get(name))), "")
    name = told.replace("-", "_").partition("_")[0].partition(".")[0].lower()
    return name if name in LANGUAGES else ENGLISH


def catalogue(name: str) -> Mapping[str, str]:
    """All sentences of a language, by key."""
    words: Mapping[str, str] = import_module(f"dragoman.cli.words.{name}").WORDS
    return words


def t(key: str, /, **values: Any) -> str:
    """
    The sentence of a key, its places filled.

    Where standard error cannot write the letters of the language, it is the English one.
    """
    sentence = catalogue(language())[key]
    if not sentence.isascii() and not _writable(sentence):
        sentence = catalogue(ENGLISH)[key]
    return sentence.format_map(values) if values else sentence


def _writable(sentence: str) -> bool:
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    try:
        sentence.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def help_text(text: str) -> str:
    """
    The help of a command or option in the language of its reader, paragraph by paragraph.

    Examples (paragraphs that begin with click's `\\b`) stay as they are.
    """
    if language() == ENGLISH or not text:
        return text
    table: Mapping[str, str] = import_module(f"dragoman.cli.words.{language()}_help").HELP
    paragraphs = text.split("\n\n")
    return "\n\n".join(table.get(" ".join(paragraph.split()), paragraph) for paragraph in paragraphs)


def of_click(text: str) -> str:
    """A sentence that click says, in the language of its reader; one that is not known stays as it is."""
    if language() == ENGLISH:
        return text
    table: Mapping[str, str] = import_module(f"dragoman.cli.words.{language()}_click").CLICK
    for english, other in table.items():
        fits = _pattern(english).fullmatch(text)
        if fits is not None:
            values = {name: of_click(value) if name == "message" else value for name, value in fits.groupdict().items()}
            sentence = other.format_map(values)
            return sentence if _writable(sentence) else text
    return text


@cache
def _pattern(sentence: str) -> re.Pattern[str]:
    """What a sentence with places looks like when they are filled."""
    parts = re.split(r"{(\w+)}", sentence)
    parts[::2] = [re.escape(part) for part in parts[::2]]
    parts[1::2] = [f"(?P<{name}>.+?)" for name in parts[1::2]]
    return re.compile("".join(parts), re.DOTALL)
