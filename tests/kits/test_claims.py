"""Numbers, links and languages, as programs compare them."""

from __future__ import annotations

import pytest

from dragoman.kits.claims import claims, links, unproved
from dragoman.kits.tongues import language_of, length_of


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("thirty days", "30 days"),
        ("三十天", "30 days"),
        ("30天", "thirty days"),
        ("４.90 €", "€4.90"),
        ("4,90 EUR", "4.90 €"),
        ("1.234,50 €", "€1,234.50"),
        ("1 000 EUR", "1000 EUR"),
        ("1,000", "1000"),
        ("5 March 2026", "2026-03-05"),
        ("5 pm", "17:00"),
        ("9 Uhr", "9:00 am"),
        ("3 business days", "3 days"),
        ("14 days", "14 or 30 days"),
        ("1. first\n2. second [3]", ""),
        ("￥199", "199元"),
    ],
)
def test_the_same_claim_is_proved(text: str, source: str):
    """Other words, signs and formats say the same."""
    assert [] == unproved(text, [source])


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("30 hours", "30 days"),
        ("30 $", "30 €"),
        ("10 %", "10 €"),
        ("5 April 2026", "2026-03-05"),
        ("5 am", "17:00"),
        ("0 EUR", "9:00"),
        ("30 days", "+49 30 5550100"),
        ("三十元", "三十天"),
        ("1,001", "1000"),
    ],
)
def test_another_claim_is_not(text: str, source: str):
    """Another unit, month, hour or number is another claim; digits of times and telephones prove nothing else."""
    assert [] != unproved(text, [source])


def test_what_has_no_number_claims_nothing():
    """Words like one and may are no claims by themselves."""
    assert [] == claims("One may march on, second to none.")


def test_links_end_where_they_end():
    """Marks of the sentence are no part of a link, brackets of its own are."""
    assert ["https://acme.example/a(b)", "www.acme.example"] == links(
        "See https://acme.example/a(b), or <www.acme.example>."
    )
    assert ["https://acme.example/x"] == links("见https://acme.example/x。")


def test_languages_are_told_or_not():
    """Scripts and common words tell; a name, a number or a greeting does not."""
    texts = {
        "en": "Where is my parcel?",
        "de": "Wo ist mein Paket?",
        "zh": "我的包裹在哪里？",
        "ja": "荷物はどこですか？",
    }

    assert list(texts) == [language_of(text) for text in texts.values()]
    assert {""} == {language_of(text) for text in ("OK", "12", "", "Acme", "https://acme.example", "[EMAIL_ABCDEF]")}
    assert "zh" == language_of("我的 iPhone 在哪里？")
    assert (2, 3) == (length_of("Two words."), length_of("三个字。"))
