"""
Words: the glossary is kept, the text is in the language that was asked for, it is about as long as its source, and it
is the text and nothing that the model says about it.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Final
from unicodedata import east_asian_width

from dragoman.kits.checks.base import Pair
from dragoman.kits.checks.scripts import SCRIPTS, letters_of, script_of
from dragoman.kits.findings import Finding

KEEP: Final = "keep"
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_SLACK: Final = 30  # columns: a short text may be longer by more than the ratio
_CHATTER: Final = re.compile(
    r"""\s*(?:
    (?:here(?:\s+is|\s+are|['’]s)|below\s+is)\s+(?:the|your|a|my)\s+(?:\w+\s+){0,3}(?:translat|text|version|polish|improv|revis)
    |(?:sure|certainly|of\s+course|absolutely)[!,.:]\s
    |(?:the\s+)?(?:translation|translated\s+text|polished\s+text|revised\s+text)(?:\s+\w+){0,3}\s*:
    |as\s+an\s+ai\b|i(?:['’]m|\s+am)\s+sorry,?\s+(?:but\s+)?i|i\s+can(?:no|['’])t\s+(?:translate|assist|help)
    |hier\s+ist\s+(?:die|der|eine)\s+(?:\w+\s+)?(?:übersetz|text)|voici\s+(?:la|le|une)\s+(?:tradu|texte)
    |aquí\s+(?:está|tienes)\s+la\s+traduc|ecco\s+la\s+traduz|вот\s+перевод
    |以下是.{0,12}(?:翻译|译文|潤色|润色)|(?:翻译|译文|翻訳)(?:如下|結果)?[：:]|以下は.{0,12}(?:翻訳|訳)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_REMARK: Final = re.compile(
    r"\n\s*[(\[*]*\s*(?:translator['’]?s?\s+note|note|anmerkung|注|译注|訳注)\s*[:：][^\n]*\Z", re.IGNORECASE
)


def empty(pair: Pair) -> list[Finding]:
    """There is a text."""
    return [] if pair.target.strip() else [pair.finding("empty", "there is no text")]


def glossary(pair: Pair) -> list[Finding]:
    """Terms of the glossary that the source has are in the new text as they should be."""
    findings: list[Finding] = []
    for term, wanted in terms_in(pair.source_words, dict(pair.rules.glossary)).items():
        choices = [term] if wanted == KEEP else [choice.strip() for choice in wanted.split("|")]
        text = pair.target_words if wanted == KEEP else pair.target_words.casefold()
        folded = choices if wanted == KEEP else [choice.casefold() for choice in choices]
        if any(choice in text for choice in folded):
            continue
        if any(_inflected(choice, text) for choice in folded):
            message, severity = f"{term!r} may be {' or '.join(choices)!r} in another form", "warning"
            findings.append(pair.finding("glossary", message, expected=wanted, severity=severity))  # type: ignore[arg-type]
        else:
            message = f"{term!r} is not {' or '.join(map(repr, choices))}"
            findings.append(pair.finding("glossary", message, expected=choices[0]))
    return findings


def terms_in(text: str, glossary: dict[str, str]) -> dict[str, str]:
    """The part of a glossary whose terms stand in a text; of terms in others only the longest."""
    folded = text.casefold()
    found: dict[str, str] = {}
    for term in sorted(glossary, key=len, reverse=True):
        pattern = rf"(?<!\w){re.escape(term.casefold())}(?!\w)" if term[:1].isascii() else re.escape(term.casefold())
        if term.casefold() in folded and re.search(pattern, folded):
            found[term] = glossary[term]
            folded = re.sub(pattern, " ", folded)
    return found


def _inflected(choice: str, text: str) -> bool:
    """Whether each word of a translation is there with another ending."""
    words = choice.split()
    return bool(words) and all(len(word) > 4 and word[: max(4, len(word) * 7 // 10)] in text for word in words)


# --- language ---------------------------------------------------------------------------------------------------------


def language(pair: Pair) -> list[Finding]:
    """The text is translated, and in the script of its language."""
    if not pair.rules.to:
        return []
    source, target = _without_kept(pair, pair.source_words), _without_kept(pair, pair.target_words)
    wanted = script_of(pair.rules.to)
    if wanted is not None and wanted not in _scripts(source):
        return _script(pair, source, target, wanted)
    return _unchanged(pair, source, target)


def _without_kept(pair: Pair, text: str) -> str:
    for term, wanted in pair.rules.glossary.items():
        if wanted == KEEP:
            text = text.replace(term, " ")
    return text


def _scripts(text: str) -> set[str]:
    """Scripts that make at least a fifth of a text's letters."""
    counts = {name: letters_of(text, name) for name in SCRIPTS}
    return {name for name, count in counts.items() if count and count * 5 >= sum(counts.values())}


def _script(pair: Pair, source: str, target: str, wanted: str) -> list[Finding]:
    right = letters_of(target, wanted)
    foreign = max((letters_of(target, name) for name in SCRIPTS if name != wanted), default=0)
    if right * (4 if wanted == "han" else 2) >= foreign:
        return []
    words = _WORD.findall(source)
    sentence = len(words) >= 3 or sum(map(len, words)) >= 12
    message = f"the text is not in the script of {pair.rules.to}"
    return [pair.finding("untranslated", message, severity="error" if sentence else "warning")]


def _unchanged(pair: Pair, source: str, target: str) -> list[Finding]:
    before, after = _units(source), _units(target)
    if len(before) < 4:
        return []
    same = SequenceMatcher(None, before, after, autojunk=False).ratio()
    return [pair.finding("untranslated", "the text is that of the source")] if same > 0.85 else []


def _units(text: str) -> list[str]:
    words = _WORD.findall(text.casefold())
    return [unit for word in words for unit in ([word] if word.isascii() or letters_of(word, "latin") else list(word))]


# --- length -----------------------------------------------------------------------------------------------------------


def width(text: str) -> int:
    """Columns: two for a wide character."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def length(pair: Pair) -> list[Finding]:
    """The text is not far longer or shorter than its source."""
    before, after = width(pair.source_words.strip()), width(pair.target_words.strip())
    if after > before * pair.rules.max_ratio + _SLACK:
        message = f"the text is {after / max(before, 1):.1f} times as long as its source"
        return [pair.finding("length", message, expected=f"at most {pair.rules.max_ratio:g} times")]
    if before >= 60 and after and after * 4 < before:
        return [
            pair.finding("length", f"the text has {after / before:.0%} of the length of its source: is a part missing?")
        ]
    return []


def caption(pair: Pair) -> list[Finding]:
    """Subtitles fit on the screen, and can be read in their time."""
    if pair.segment.kind != "caption":
        return []
    rules, lines = pair.rules, pair.target_words.split("\n")
    findings: list[Finding] = []
    widest, before = max(width(line.strip()) for line in lines), pair.source_words.split("\n")
    limit = max(rules.line_width, max(width(line.strip()) for line in before))
    if widest > limit:
        findings.append(pair.finding("length", f"a line has {widest} columns, and {limit} have room"))
    if len(lines) > max(rules.lines, len(before)):
        findings.append(pair.finding("length", f"there are {len(lines)} lines, and {rules.lines} have room"))
    seconds = pair.segment.seconds
    if seconds and width(pair.target_words) / seconds > rules.reading_speed:
        speed = width(pair.target_words) / seconds
        message = f"{speed:.0f} characters a second are too many to read"
        findings.append(pair.finding("length", message, expected=f"{rules.reading_speed:g}", severity="warning"))
    return findings


# --- what the model says ----------------------------------------------------------------------------------------------


def chatter(pair: Pair) -> list[Finding]:
    """The text begins with itself, and ends with itself."""
    for pattern in (_CHATTER, _REMARK):
        found = pattern.search(pair.target) if pattern is _REMARK else pattern.match(pair.target)
        source = pattern.search(pair.segment.text) if pattern is _REMARK else pattern.match(pair.segment.text)
        if found and not source:
            return [pair.finding("chatter", f"the model speaks about the text: {found[0].strip()!r}", found=found[0])]
    return []
