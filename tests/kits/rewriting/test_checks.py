"""The checks find every fault that is planted, and none where there is none."""

from __future__ import annotations

import random

import pytest

from dragoman.kits.checks import check
from dragoman.kits.checks.base import Rules
from dragoman.kits.checks.marks import mended
from dragoman.kits.checks.numbers import _han
from dragoman.kits.checks.scripts import script_of
from dragoman.kits.documents import read
from dragoman.kits.findings import Finding
from tests.kits.rewriting.pairs import FAULTS, FINE, GOOD, Good

_SEEDS = 4


def errors(found: list[Finding]) -> list[Finding]:
    """Those that are no warnings."""
    return [finding for finding in found if finding.severity == "error"]


def _planted() -> list[tuple[str, Good, str, frozenset[str]]]:
    planted: dict[tuple[str, str], tuple[str, Good, str, frozenset[str]]] = {}
    for seed in range(_SEEDS):
        rng = random.Random(seed)
        for name, (fault, checks) in FAULTS.items():
            for good in GOOD:
                broken = fault(rng, good.target)
                if broken is not None and broken != good.target:
                    planted[name, broken] = (name, good, broken, checks)
    for good in GOOD:  # what needs the source
        planted["untranslated", good.source] = ("untranslated", good, good.segment.text, frozenset({"untranslated"}))
        for wanted in good.glossary.values():
            for term in wanted.split("|"):
                if term in good.target:
                    planted["glossary", good.source] = (
                        "glossary", good, good.target.replace(term, "Dings"), frozenset({"glossary"})
                    )  # fmt: skip
        if "**" in good.target:
            planted["markup", good.source] = (
                "markup", good, good.target.replace("**", "", 1), frozenset({"markup"})
            )  # fmt: skip
    return list(planted.values())


PLANTED = _planted()


def test_there_are_enough_faults():
    """The set has at least 200 faults, of each kind some."""
    assert len(PLANTED) >= 200
    assert {name for name, *_ in PLANTED} >= {*FAULTS, "untranslated", "glossary", "markup"}


@pytest.mark.parametrize("good", GOOD, ids=lambda good: good.source[:20])
def test_good_translations_have_no_findings(good: Good):
    """A right translation has neither errors nor warnings."""
    assert [] == errors(check(good.segment, good.target, good.rules))


@pytest.mark.parametrize(("source", "target", "to"), FINE)
def test_numbers_of_all_languages_are_the_same(source: str, target: str, to: str):
    """What another language writes in another way is no error."""
    segment = next(iter(read(source, "plain").segments))

    assert [] == errors(check(segment, target, Rules(to=to)))


def test_every_planted_fault_is_found():
    """Each of them is an error, found by the check that it is for."""
    missed: list[str] = []
    for name, good, broken, checks in PLANTED:
        found = {finding.check for finding in errors(check(good.segment, broken, good.rules))}
        if not found or (checks and not found & checks):
            missed.append(f"{name}: {broken!r} gives {found or 'nothing'}")
    assert [] == missed


def test_links_must_be_in_order():
    """What closes a link stands behind what opens it."""
    segment = read("See [a](x) and [b](y) now.", "markdown").segments[0]
    rules = Rules(format="markdown")

    assert [] == errors(check(segment, "Now ⟦3⟧b⟦4⟧ and ⟦1⟧a⟦2⟧ see.", rules))
    for wrong in ("See ⟦2⟧a⟦1⟧ and ⟦3⟧b⟦4⟧ now.", "See ⟦1⟧a and ⟦3⟧b⟦2⟧⟦4⟧ now."):
        assert ["markup"] == [finding.check for finding in check(segment, wrong, rules)]


def test_written_out_pieces_get_their_marks_back():
    """A model that writes a placeholder instead of its mark is right, where there is no doubt."""
    segment = read("Hi {name}, {name2} and %s or %s.", "plain").segments[0]

    assert "Du ⟦1⟧, ⟦2⟧ und %s oder %s." == mended(segment, "Du {name}, {name2} und %s oder %s.")


def test_subtitles_have_limits():
    """Too wide and too many lines are errors, too fast is a warning."""
    segment = read("1\n00:00:01,000 --> 00:00:02,000\nHi there\n", "srt").segments[0]

    found = check(segment, "A line that is far too wide for any screen there is\nb\nc", Rules(format="srt"))
    assert {"length"} == {finding.check for finding in found}
    assert "a line has 51 columns, and 42 have room" in [finding.message for finding in found]
    assert "there are 3 lines, and 2 have room" in [finding.message for finding in found]
    assert ["warning"] == [finding.severity for finding in found if "too many to read" in finding.message]


def test_glossary_takes_the_longest_term_and_other_endings():
    """A term inside of another does not count, and an inflected translation is a warning."""
    segment = read("The circuit breaker and its houses.", "plain").segments[0]
    rules = Rules(glossary={"circuit": "Kreis", "circuit breaker": "Schutzschalter", "houses": "Wohnhaus|Gebäude"})

    assert [] == check(segment, "Der Schutzschalter und seine Gebäude.", rules)
    assert ["warning"] == [f.severity for f in check(segment, "Der Schutzschalter und seine Wohnhäuser.", rules)]
    assert ["glossary"] == [f.check for f in check(segment, "Der Schalter und seine Gebäude.", rules)]


@pytest.mark.parametrize(
    ("text", "value"),
    [("三千五百万", 35_000_000), ("二〇二四", 2024), ("十二", 12), ("一百零五", 105), ("三亿", 3 * 10**8)],
)
def test_chinese_numerals(text: str, value: int):
    """Numbers in Chinese characters have their value."""
    assert value == _han(text)


@pytest.mark.parametrize(
    ("language", "script"), [("de", "latin"), ("zh-TW", "han"), ("Brazilian Portuguese", "latin"), ("Klingon", None)]
)
def test_languages_have_scripts(language: str, script: str | None):
    """By code or name; what is not known has none, and is not checked for it."""
    assert script == script_of(language)
