"""
The words of a text, as they are looked up.

Words are folded to lower case without accents, and English ones to their stems.  Scripts that put no spaces between
words (Han, kana, Thai) or write suffixes onto them (Hangul) are cut into pairs of letters, and single letters beside
them, so that a Chinese word of one or two characters is found as well as a long one.

Rule: the same text gives the same terms in every store; `VERSION` changes when this does, and stores index anew.

Source: M. F. Porter, "An algorithm for suffix stripping" (1980), steps 1a to 1c; pairs of characters for Chinese:
Kwok, "Comparing representations in Chinese information retrieval" (SIGIR 1997).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

VERSION: Final = 1

_WORD: Final = re.compile(r"[^\W_]+")
_DENSE: Final = "\u0e00-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_PARTS: Final = re.compile(f"[{_DENSE}]+|[^{_DENSE}]+")
_VOWEL: Final = re.compile("[aeiouy]")

# Words that are in nearly every text and tell nothing of it.
STOP: Final = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "me",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "shall",
        "should",
        "so",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "的",
        "了",
        "是",
        "在",
        "我",
        "你",
        "他",
        "她",
        "它",
        "们",
        "吗",
        "呢",
        "吧",
        "和",
        "与",
        "或",
        "也",
        "就",
        "都",
        "而",
        "及",
        "着",
        "之",
        "其",
        "个",
        "这",
        "那",
        "有",
        "被",
        "把",
        "请",
        "么",
        "啊",
        "什么",
        "怎么",
        "如何",
        "多少",
        "是否",
        "可以",
        "我们",
        "你们",
        "他们",
        "这个",
        "那个",
        "哪些",
        "一个",
        "为什",
        "是什",
        "的是",
    ]
)


def terms(text: str) -> list[str]:
    """
    The terms that a text is found by.

    >>> terms("Refunds of 上海店")
    ['refund', 'of', '上海', '海店', '上', '海', '店']
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    found: list[str] = []
    for word in _WORD.findall(text.casefold()):
        if word.isascii():
            found.append(stem(word))
        else:
            found += _mixed(word)
    return found


def asked_terms(text: str) -> list[str]:
    """
    The terms that a question looks for, each once: no stop words (unless there is nothing else), and single letters of
    dense scripts only where they stand alone.

    >>> asked_terms("What is the refund policy?"), asked_terms("茶 的价格")
    (['refund', 'polici'], ['茶', '的价', '价格'])
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    found: dict[str, None] = {}
    for word in _WORD.findall(folded):
        parts = [word] if word.isascii() else _PARTS.findall(word)
        for part in parts:
            found.update(dict.fromkeys(_asked(part)))
    telling = [term for term in found if term not in STOP]
    return telling or list(found)


def _asked(part: str) -> list[str]:
    if part.isascii() or not _is_dense(part[0]):
        return [part if part in STOP else _folded(part)]
    return [part] if len(part) == 1 else _pairs(part)


@lru_cache(65536)
def stem(word: str) -> str:
    """
    The stem of an English word in lower case: endings of number and tense go.

    >>> [stem(word) for word in ("policies", "running", "charged", "charges", "glass", "this")]
    ['polici', 'run', 'charg', 'charg', 'glass', 'this']
    """
    if len(word) < 4 or not word.isascii() or not word.isalpha() or word in STOP:
        return word
    word = _singular(word)
    for ending in ("ing", "ed"):
        base = word[: -len(ending)]
        if word.endswith(ending) and len(base) > 2 and _VOWEL.search(base):
            word = base[:-1] if base[-1] == base[-2] and base[-1] not in "lsz" else base
            break
    if word.endswith("e") and len(word) > 4:
        word = word[:-1]
    return f"{word[:-1]}i" if word.endswith("y") and len(word) > 3 and word[-2] not in "aeiou" else word


def _singular(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _mixed(word: str) -> list[str]:
    found: list[str] = []
    for part in _PARTS.findall(word):
        if _is_dense(part[0]):
            found += _pairs(part) if len(part) > 1 else ()
            found += part
        else:
            found.append(_folded(part))
    return found


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


@lru_cache(65536)
def _folded(word: str) -> str:
    if word.isascii():
        return stem(word)
    bare = "".join(letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))
    return stem(bare) if bare else word


@lru_cache(65536)
def _is_dense(letter: str) -> bool:
    return _PARTS.match(letter) is not None and re.match(f"[{_DENSE}]", letter) is not None
