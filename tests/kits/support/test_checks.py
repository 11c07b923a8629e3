"""Planted faults: each is found by its check, and replies without a fault have no finding."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from dragoman.kits.prompts import Prompts
from dragoman.kits.support.checks import Ground, Source, check, cited
from dragoman.kits.support.files import Persona, read_persona, read_policy
from dragoman.kits.support.masking import Masker
from dragoman.kits.support.rules import ruled, unanswered
from dragoman.kits.support.values import Draft, KeptReply, Quote
from tests.kits.support.desks import SHOP
from tests.kits.support.test_masking import PERSONAL

PROMPTS = Prompts("support")
POLICY, PERSONA = read_policy(None, PROMPTS), read_persona(None, PROMPTS)
PASSAGES = tuple(SHOP.search("", 9))
RETURNS, SHIPPING, HOURS = 1, 2, 3


def ground(customer: str = "How long can I return it?", **more: Any) -> Ground:
    """What a draft of these tests rests on."""
    values = {
        "passages": PASSAGES,
        "ours": (PERSONA.text, POLICY.text),
        "theirs": (customer,),
        "persona": PERSONA,
        "policy": POLICY,
        "language": "en",
        "known": frozenset({"[EMAIL_ABCDEF]"}),
        "masker": Masker("t", names=["Ann Lee", "王小明"]),
        "ruled": ruled(customer, POLICY),
    }
    return Ground(**{**values, **more})


def draft(text: str, *quotes: tuple[int, str], **more: Any) -> Draft:
    return Draft(text=text, citations=[Quote(*quote) for quote in quotes], **more)


# Text, quotes, language, customer: replies that nothing is wrong with.
CLEAN: list[tuple[str, list[tuple[int, str]], str, str]] = [
    ("You can send it back free of charge within 30 days.", [(RETURNS, "within 30 days of delivery")], "en", "Return?"),
    ("You have thirty days to send it back.", [(RETURNS, "within 30 days")], "en", "Return?"),
    ("Standard shipping costs €4.90 and takes three working days.", [(SHIPPING, "4.90 €")], "en", "Shipping?"),
    ("Der Versand kostet 4,90 € und dauert 3 Werktage.", [(SHIPPING, "costs 4.90 €")], "de", "Was kostet der Versand?"),
    ("La livraison coûte 4,90 € et prend 3 jours.", [(SHIPPING, "takes 3 working days")], "fr", "Combien ?"),
    ("标准运费是4.90欧元，需要三天。", [(SHIPPING, "costs 4.90 €")], "zh", "运费多少？"),
    ("We answer from 9:00 to 17:00, and by telephone on +49 30 5550100.", [(HOURS, "9:00 to 17:00")], "en", "Hours?"),
    ("Write to returns@acme.example, please.", [(RETURNS, "returns@acme.example")], "en", "Whom do I write to?"),
    ("You can follow it on https://acme.example/track.", [(SHIPPING, "https://acme.example/track")], "en", "Where?"),
    ("I have looked at your order 55123, and will find out.", [], "en", "Where is my order 55123?"),
    ("Thank you, we will write to [EMAIL_ABCDEF].", [], "en", "My mail is [EMAIL_ABCDEF]."),
    ("I do not know this yet, and will find out for you.", [], "en", "Do you sell gift cards?"),
    ("1. Pack it.\n2. Send it back within 30 days.", [(RETURNS, "WITHIN **30 DAYS**")], "en", "How?"),
    ("A colleague will look at your wish for a refund of 450 EUR.", [], "en", "I want a refund of 450 EUR."),
]


@pytest.mark.parametrize(("text", "quotes", "language", "customer"), CLEAN)
def test_clean_replies_have_no_finding(text: str, quotes: list[tuple[int, str]], language: str, customer: str):
    """Facts in other words, languages and formats are no fault."""
    found = check(draft(text, *quotes), ground(customer, language=language))

    assert [] == [finding for finding in found if finding.severity == "error"]


GOOD = (RETURNS, "within 30 days of delivery")
Fault = tuple[str, Draft, Ground]


def planted_facts() -> Iterator[Fault]:
    """Personal data and numbers, by the check that must find them."""
    rng = random.Random(11)
    for kind, values in PERSONAL.items():
        for value in values:
            if kind != "secret":
                yield "leak", draft(f"We have written to {value} about it.", GOOD), ground()
    for _ in range(20):
        days = rng.choice([number for number in range(2, 400) if number not in (3, 9, 17, 30)])
        yield "number", draft(f"You can return it within {days} days.", GOOD), ground()
        price = f"{rng.randrange(5, 90)}.{rng.randrange(10, 89)}"
        yield "number", draft(f"Shipping costs {price} € for you.", (SHIPPING, "costs 4.90 €")), ground()
    for text in (
        "You can return it within 30 hours.",
        "Shipping costs 4.90 $.",
        "Shipping costs £4.90.",
        "You have sixty days for it.",
        "It comes on 12 March 2027.",
        "You get 15 % off.",
        "You get ten percent off.",
        "运费是三十元。",
        "We answer from 8:00 on.",
        "It takes 3 weeks.",
    ):
        yield "number", draft(text, GOOD), ground(language="")


def planted_words() -> Iterator[Fault]:
    """Citations, words, languages, links and marks."""
    yield "number", draft("Yes, express costs 0 EUR.", GOOD), ground("Confirm that express costs 0 EUR.")
    yield "number", draft("Yes, you have 60 days.", GOOD), ground("Your colleague said that I have 60 days.")
    for quote in (
        (RETURNS, "within 60 days"),
        (9, "within 30 days"),
        (0, "x"),
        (-1, "x"),
        (RETURNS, ""),
        (RETURNS, " * "),
    ):
        yield "citation", draft("You can send it back.", quote), ground()
    yield "citation", draft("You can send it back within 30 days."), ground()
    yield "citation", draft("Shipping takes 3 working days."), ground()
    for mark in ("[1]", "[2, 3]", "【1】"):
        yield "mark", draft(f"You can send it back {mark}.", GOOD), ground()
    for phrase in POLICY.forbidden:
        yield "forbidden", draft(f"Well, {phrase.upper()}: you may send it back.", GOOD), ground(language="")
    for language, text in (
        ("de", "You can send it back to us, and we will have a look."),
        ("en", "Sie können es zurückschicken, und wir sehen es uns an."),
        ("fr", "You can send it back to us, and we will have a look."),
        ("en", "Vous pouvez nous le renvoyer, et nous le regardons."),
        ("zh", "You can send it back to us, and we will have a look."),
        ("en", "您可以把它寄回给我们。"),
        ("es", "Sie können es zurückschicken, und wir sehen es uns an."),
        ("en", "それを送り返すことができます。"),
        ("ja", "您可以把它寄回给我们。"),
        ("ko", "Вы можете вернуть товар."),
    ):
        yield "language", draft(text), ground(language=language)


def planted_marks() -> Iterator[Fault]:
    """Links, placeholders, refunds, lengths and tones."""
    for link in (
        "https://acme.example/other",
        "http://evil.example",
        "www.acme.example.evil.example",
        "https://acme.example/track?x",
    ):
        yield "link", draft(f"Look at {link} please.", GOOD), ground(f"Is {link} yours?")
    for name in ("[EMAIL_QQQQQQ]", "[PHONE_1]", "[ID_X]", "【NAME_ABCDEF】"):
        yield "placeholder", draft(f"We write to {name}.", GOOD), ground()
    for amount in ("450 EUR", "€101", "150.50 €", "1,000 EUR", "2000 $"):
        text = f"You get a refund of {amount} now."
        source = (*PASSAGES, Source("old.md", f"Once somebody had {amount}."))
        yield "refund", draft(text, GOOD), ground(passages=source)
    yield "length", draft("word " * 161, GOOD), ground()
    yield "length", draft("字" * 161, GOOD), ground(language="zh")
    yield "empty", draft(" \n"), ground()
    formal = ground(persona=Persona(tone="formal"))
    for loud in ("Great!!", "Hello 😀.", "好！！"):
        yield "tone", draft(f"{loud} You may send it back.", GOOD), formal


PLANTED = [*planted_facts(), *planted_words(), *planted_marks()]


def test_the_planted_set_is_large():
    """There are enough faults to say that all are found."""
    assert 120 <= len(PLANTED)


@pytest.mark.parametrize(
    ("kind", "written", "held"), PLANTED, ids=[f"{kind}-{at}" for at, (kind, *_) in enumerate(PLANTED)]
)
def test_planted_fault_is_found(kind: str, written: Draft, held: Ground):
    """The check that is named finds it, as an error."""
    assert kind in [finding.check for finding in check(written, held) if finding.severity == "error"]


MUST = {
    "asked_for_human": [
        "I want to talk to a real person.",
        "Ich will mit einem Mitarbeiter reden.",
        "转人工",
        "Give me a human!",
    ],
    "legal": ["My lawyer will call.", "Ich gehe zum Anwalt.", "我要找律师", "I will sue you."],
    "angry": ["This is a SCAM.", "Das ist Betrug!", "你们就是骗子", "C'est une arnaque."],
    "safety": ["It caught fire.", "Meine Tochter ist verletzt.", "充电器着火了", "I want to kill myself."],
    "account": ["I was hacked.", "我的账号被盗了", "Mein Konto wurde gehackt."],
    "refund_over_limit": [
        "I want a refund of 450 EUR.",
        "Ich will die Erstattung von 101 €.",
        "我要退款500元",
        "refund $300",
    ],
}


@pytest.mark.parametrize(("reason", "text"), [(reason, text) for reason, texts in MUST.items() for text in texts])
def test_rules_escalate_whatever_the_model_says(reason: str, text: str):
    """Words of the policy decide, in every language that it names, and that the model said nothing is told."""
    assert reason == ruled(text, POLICY)
    found = check(draft("Fine."), ground(text, language=""))
    assert ["escalation"] == [finding.check for finding in found if finding.expected == reason]


@pytest.mark.parametrize(
    "text",
    [
        "I forgot the password of my manager app.",
        "The issue is that the court shoes are small.",
        "I want a refund of 99 EUR.",
        "My order of 450 EUR is late.",
        "The agency sent it.",
        "我要退款50欧元",
    ],
)
def test_rules_stay_quiet_otherwise(text: str):
    """Words inside of other words, and amounts below the limit, call nobody."""
    assert ruled(text, POLICY) is None


def test_gravest_reason_counts():
    """Where several rules fire, the gravest is told."""
    assert "safety" == ruled("This scam caught fire, my lawyer wants a refund of 900 EUR.", POLICY)


def test_questions_without_an_answer_are_counted():
    """So many in a row as the policy says, and a person takes over; an answer begins the count anew."""
    no, yes = KeptReply(answered=False), KeptReply(answered=True)
    cases = [([], False), ([no], True), ([no, yes], False), ([yes, no], True)]

    assert [due for _, due in cases] == [unanswered(before, False, POLICY) for before, _ in cases]
    assert not unanswered([no, no], True, POLICY)


def test_only_citations_that_resolve_are_given():
    """A citation that leads nowhere is left out, also where the reply is used in spite of it."""
    written = draft("Yes.", (RETURNS, "30 days"), (RETURNS, "60 days"), (7, "30 days"))

    assert ["returns.md"] == [one.source for one in cited(written, ground())]
