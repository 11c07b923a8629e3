"""What is personal is found, whatever it is written like, and comes back to the last character."""

from __future__ import annotations

import random
import time

import pytest

from dragoman import ConfigError
from dragoman.kits.support.masking import Masker, placeholders, restore
from dragoman.kits.support.numbers import bank_account, card, chinese_id, taiwan_id

PERSONAL = {
    "email": [
        "ann@acme.example",
        "Ann.Lee+shop@mail.acme.example",
        "ann (at) acme (dot) example",
        "ann@ACME.Example",
        "jörg@bücher.example",
        "ａｎｎ＠acme.example",
        "o'neill@acme.example",
    ],
    "phone": [
        "+49 30 5550123",
        "+1 (415) 555-2671",
        "(415) 555-2671",
        "415.555.2671",
        "0049 30 5550123",
        "030/5550123",
        "030 555 01 23",
        "06 12 34 56 78",
        "13800138000",
        "138 0013 8000",
        "138-0013-8000",
        "+86 138 0013 8000",
        "010-62345678",
        "03-1234-5678",
        "090-1234-5678",
        "010-1234-5678",
        "0912-345-678",
        "9123 4567",
        "１３８００１３８０００",
        "02079460958",
    ],
    "card": [
        "4111111111111111",
        "4111 1111 1111 1111",
        "5500-0000-0000-0004",
        "340000000000009",
        "6011000000000004",
        "6200000000000005",
        "４１１１ １１１１ １１１１ １１１１",
    ],
    "iban": [
        "DE89370400440532013000",
        "DE89 3704 0044 0532 0130 00",
        "GB29 NWBK 6016 1331 9268 19",
        "FR14 2004 1010 0505 0001 3M02 606",
        "nl91abna0417164300",
        "CH93 0076 2011 6238 5295 7",
        "ES91 2100 0418 4502 0005 1332",
    ],
    "id": [
        "11010519491231002X",
        "１１０１０５１９４９１２３１００２Ｘ",
        "123-45-6789",
        "A123456789",
        "900101-1234567",
        "A123456(3)",
        "AB 12 34 56 C",
    ],
    "name": ["Ann Lee", "ann  lee", "ANN LEE", "王小明"],
    "secret": ["sk-proj-abcdefghijklmnop1234"],
}
FRAMES = {"I am reached by {}, thanks.": "en", "我的联系方式是{}，谢谢。": "zh", "{}": "", "({}) or not": "en"}
CLEAN = [
    "My order 20261122 of 5 March came in 3 parts for 1,234.50 €.",
    "I ordered on 2026-11-22 at 10:30, it came on 05.03.2026 and 01-02-2026.",
    "Version 1.2.3 of 2023-2024, article 978-3-16-148410-0, size 42.",
    "我在2026年3月5日买了3件，一共199元。",
    "The card ending in 1111, number 4111 1111 1111 1112 is not one.",
    "DE00 is no account, and 12345678 is an order.",
    "Ann is not Anna Leesburg, and @acme is a handle.",
    "1Z999AA10123456784 is the parcel, 100-200 pieces.",
]


def masker(ticket: str = "t", **options: object) -> Masker:
    return Masker(ticket, names=["Ann Lee", "王小明"], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in PERSONAL.items() for value in values])
def test_every_kind_is_masked_and_comes_back(kind: str, value: str):
    """In any surroundings, nothing of a value is left, its kind is told, and it comes back as it was."""
    for frame in FRAMES:
        text = frame.format(value)
        masked = masker().mask(text, "m1")

        assert value not in masked.text
        assert {kind: 1} == masked.kinds, masked.text
        assert frame.format(next(iter(masked.values))) == masked.text
        assert text == restore(masked.text, masked.values)
        assert [] == masker().find(masked.text)


@pytest.mark.parametrize("text", CLEAN)
def test_what_is_not_personal_stays(text: str):
    """Prices, dates, orders and numbers that prove nothing are left alone."""
    assert text == masker().mask(text, "m1").text


@pytest.mark.parametrize(
    "text", ["护照号码：E12345678", "passport no. X1234567", "my phone number is 5551234", "电话:88123456"]
)
def test_a_word_says_what_a_number_is(text: str):
    """A number that proves nothing by itself is masked where the word before it says what it is."""
    assert 1 == len(masker().find(text))


def test_placeholders_are_those_of_the_message():
    """The same message is masked alike in any process; another message, or ticket, has other placeholders."""
    text = "ann@acme.example, ann@acme.example or bob@acme.example"
    first, again, other = masker().mask(text, "m1"), masker().mask(text, "m1"), masker().mask(text, "m2")

    assert first == again
    assert 2 == len(first.values)
    assert {"email": 2} == first.kinds
    assert not first.values.keys() & other.values.keys()
    assert not first.values.keys() & masker("t2").mask(text, "m1").values.keys()


def test_a_secret_gives_a_value_one_placeholder():
    """With a key, a value has one placeholder in all messages of its ticket, however it is written."""
    one = masker(secret="key").mask("+49 30 5550123", "m1").text

    assert one == masker(secret="key").mask("+49 (30) 555-0123", "m2").text
    assert one != masker(secret="other").mask("+49 30 5550123", "m1").text
    assert one != masker("t2", secret="key").mask("+49 30 5550123", "m1").text


@pytest.mark.parametrize("form", ["[{}]", "【{}】", "［{}］", "[ {} ]", r"\[{}\]"])
def test_placeholders_come_back_however_a_model_writes_them(form: str):
    """Other brackets, spaces, small letters and escapes do not keep a value from coming back."""
    masked = masker().mask("ann@acme.example", "m1")
    bare = masked.text.strip("[]")

    assert "to ann@acme.example." == restore(f"to {form.format(bare)}.", masked.values)
    assert "to ann@acme.example." == restore(f"to {form.format(bare.lower())}.", masked.values)
    assert [masked.text] == placeholders(form.format(bare))


def test_addresses_of_any_script_are_masked():
    """An address in Chinese signs is one, too; what stands before it may go with it, never less."""
    assert "请写信给" not in masker().mask("李雷@例子.example", "m").values.values()
    assert "李雷" not in masker().mask("请写信给李雷@例子.example", "m").text
    assert "写给[EMAIL_" == masker().mask("写给ann@acme.example谢谢", "m").text[:9]


def test_nobody_hides_a_number_in_a_placeholder():
    """What only looks like a placeholder is masked; what is one is left alone."""
    masked = masker().mask("[PHONE_13800138000] and [PHONE_ABCDEF]", "m1")

    assert "13800138000" not in masked.text
    assert "[PHONE_ABCDEF]" in masked.text


def test_patterns_of_the_policy_hold():
    """What the policy keeps is kept, and what it masks is masked."""
    made = masker(keep=[r"ORD-\d+"], more=[r"K-\d{4}"])

    assert "ORD-13800138000" == made.mask("ORD-13800138000", "m").text
    assert {"other": 1} == made.mask("customer K-1234", "m").kinds


def test_no_value_is_in_a_repr():
    """What was masked is not printed by accident."""
    assert "acme" not in repr(masker().mask("ann@acme.example", "m1"))


def test_names_are_a_list():
    """A text instead of names is an error that names the argument."""
    with pytest.raises(ConfigError) as caught:
        Masker("t", names="Ann")
    assert "names" == caught.value.field


def test_numbers_that_prove_themselves():
    """A wrong digit makes it no card, no account, no identity number: 375 seeded numbers with one digit changed."""
    rng = random.Random(7)
    assert (10, 0) == (taiwan_id("A123456789"), taiwan_id("A123456788"))
    for proof, value in (
        (card, "4111111111111111"),
        (bank_account, "DE89370400440532013000"),
        (chinese_id, "110105194912310021"[:17] + "X"),
    ):
        assert len(value) == proof(value)
        for _ in range(125):
            at = rng.randrange(4 if proof is bank_account else 1, len(value) - 1)
            changed = str((int(value[at]) + rng.randrange(1, 10)) % 10)
            assert 0 == proof(value[:at] + changed + value[at + 1 :])


def test_seeded_texts_come_back():
    """600 texts of values, words and signs: nothing personal is left, and all comes back."""
    rng = random.Random(20)
    words = ["hello", "。", "(", ")", ",", "order", "你好", "\n", "-", "[", "]", "{x}", "12", "🙂"]
    values = [value for kind in PERSONAL.values() for value in kind]
    for number in range(600):
        text = " ".join(rng.choice(words if rng.random() < 0.7 else values) for _ in range(rng.randrange(1, 14)))
        masked = masker().mask(text, str(number))
        assert text == restore(masked.text, masked.values)
        assert [] == masker().find(masked.text), masked.text


@pytest.mark.parametrize("text", ["a" * 20_000, "a.a" * 8_000 + "@", "1 " * 10_000, "0 12 " * 5_000, "[EMAIL_" * 3_000])
def test_long_texts_take_time_in_proportion(text: str):
    """What a stranger sends cannot stop the desk."""
    begun = time.perf_counter()
    masker().mask(text, "m")
    assert 5 > time.perf_counter() - begun
