"""Citations are held to the documents: planted faults are found, all of them."""

from __future__ import annotations

import random

import pytest

from dragoman.knowledge.checking import Quoted, Reply, check, locate
from dragoman.knowledge.values import Hit
from tests.knowledge.conftest import SHOP

PASSAGES = [
    Hit(source=name, text=text, start=0, end=len(text), id=number)
    for number, (name, text) in enumerate(SHOP.items(), 1)
]


def checked(text: str, *citations: tuple[int, int, str], found: bool = True):
    return check(Reply(found, text, [Quoted(*one) for one in citations]), PASSAGES)


def names(result) -> list[str]:
    return [finding.check for finding in result.findings]


def test_a_citation_resolves_to_the_letter():
    """White space, bold and quotation marks may differ; the citation has the words as they stand in the document."""
    result = checked("Within 14 days [1].", (1, 1, "sent  back within\n14 days of delivery"))

    (citation,) = result.citations
    assert result.found
    assert [] == names(result)
    assert "sent back within **14 days** of delivery" == citation.quote
    assert SHOP["refunds.md"][citation.start : citation.end] == citation.quote


@pytest.mark.parametrize(
    ("text", "citations", "check_name"),
    [
        ("Ten days [1].", [(1, 1, "sent back within 10 days of delivery")], "citation_quote"),
        ("Four days [1].", [(1, 1, "4 days of delivery")], "citation_quote"),
        ("Yes [1].", [(1, 1, "Goods can never be sent back")], "citation_quote"),
        ("Yes [1].", [(1, 9, "words that nobody wrote anywhere")], "citation_quote"),
        ("Yes [2].", [(1, 1, "The buyer pays the postage.")], "citation_number"),
        ("Yes [1][3].", [(1, 1, "The buyer pays the postage.")], "citation_number"),
        ("Yes [1].", [(1, 1, "days")], "citation_short"),
        ("Yes.", [], "unproved"),
        ("七天 [1]。", [(1, 3, "八天内可以无理由退货")], "citation_quote"),
    ],
)
def test_what_does_not_hold_is_an_error(text, citations, check_name):
    """An altered quote, a cut number, a mark to nothing, a quote that proves nothing, no quote at all."""
    result = checked(text, *citations)

    assert check_name in names(result)
    assert not result.holds


def test_a_citation_of_the_wrong_passage_is_put_right_and_told():
    """The quote stands in another passage than the one named: the citation has the right one, with a warning."""
    result = checked("Two days [1].", (1, 1, "Delivery takes 2 working days."))

    assert "delivery.md" == result.citations[0].source
    assert ["citation_passage"] == names(result)


def test_marks_are_numbered_in_their_order():
    """Marks become 1, 2, 3 as they stand in the text; those without a citation go, links and brackets stay."""
    text = "Post [7], 14 days [2, 7][5] see [1](http://x) and [a]."
    result = checked(text, (2, 1, "within 14 days of delivery"), (7, 1, "The buyer pays the postage."))

    assert "Post [1], 14 days [2][1] see [1](http://x) and [a]." == result.text
    assert [1, 2] == [one.number for one in result.citations]


def test_a_number_that_no_passage_has_is_told():
    """A number of the answer that stands in none of the passages cited is a warning."""
    assert ["number"] == names(checked("Within 15 days [1].", (1, 1, "within 14 days of delivery")))
    assert [] == names(checked("Within 14 days [1].", (1, 1, "within 14 days of delivery")))


def test_not_found_needs_no_proof():
    """An answer that says it is not there has no citations and no marks."""
    result = checked("The documents do not say it [1].", (1, 1, "within 14 days of delivery"), found=False)

    assert (False, (), "The documents do not say it.") == (result.found, result.citations, result.text)


def test_quotes_begin_and_end_at_words_and_numbers():
    """A part of a word or of a number is no quote."""
    text = "It costs 1,000.50 euros, or thirteen."
    assert locate("costs 1,000.50 euros", text)
    for cut in ("000.50 euros", "costs 1,000", "osts 1,000.50", "or thirtee"):
        assert locate(cut, text) is None
    assert (4, 8) == locate("价格是三", "他说这个价格是三百元")
    assert (0, 5) == locate("退款政策", "退款\n政策如下")


def test_every_planted_fault_is_caught():
    """Of 300 quotes with one seeded fault each, none passes; of 300 untouched ones, all do."""
    rng = random.Random(11)
    for number in range(300):
        passage = rng.randrange(len(PASSAGES))
        words = PASSAGES[passage].text.split()
        begin = rng.randrange(max(1, len(words) - 6))
        quote = " ".join(words[begin : begin + rng.randint(4, 8)])
        if sum(letter.isalnum() for letter in quote) < 8:
            quote = " ".join(words)
        good = checked("So it is [1].", (1, passage + 1, quote))
        bad = checked("So it is [1].", *FAULTS[number % len(FAULTS)](rng, passage + 1, quote))

        assert good.found, quote
        assert bad.findings, quote
        assert not bad.holds or "citation_passage" in names(bad)


def _changed_letter(rng, passage, quote):
    at = rng.choice([at for at, letter in enumerate(quote) if letter.isalnum()])
    return [(1, passage, f"{quote[:at]}{'Q' if quote[at] != 'Q' else 'Z'}{quote[at + 1 :]}")]


def _to_nothing(rng, passage, quote):
    return [(1, passage, f"Nobody has ever written number {rng.randint(10**6, 10**7)}.")]


def _same_number(rng, passage, quote):
    return [(1, passage, quote), (1, passage, quote)]


def _word_put_in(rng, passage, quote):
    words = quote.split()
    words.insert(rng.randrange(1, len(words)) if len(words) > 1 else 1, "never")
    words = [*words, "never"] if words[-1] == "never" else words
    return [(1, passage, " ".join(words))]


def _wrong_passage(rng, passage, quote):
    return [(1, passage % len(PASSAGES) + 1, quote)]


FAULTS = (_changed_letter, _to_nothing, _same_number, _word_put_in, _wrong_passage)
