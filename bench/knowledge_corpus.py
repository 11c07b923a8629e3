"""
Documents and questions for `bench/knowledge.py`, written here: the same seed gives the same ones.

A document is the handbook of a made-up product: sections of three to six sentences, each with one fact of its own in
it, between sentences that stand in many sections.  A question asks for one fact in other words than the document's,
and one section is right.  Others of the same product, and the same facts of other products, are wrong.

Kinds of questions: `english`; `inflected` (other endings than in the document); `typing` (a letter of the product's
name is wrong); `chinese`; `chinese short` (the name and one word of two characters).
"""

from __future__ import annotations

import random
from typing import NamedTuple

_HEADS = ("ba", "ke", "lo", "mi", "nu", "pra", "sti", "tor", "vel", "zan", "gri", "fo", "hel", "ju", "cor", "dra")
_TAILS = (
    "rin",
    "dex",
    "tal",
    "mor",
    "vik",
    "sal",
    "num",
    "pex",
    "lon",
    "gar",
    "bis",
    "tek",
    "dor",
    "wyn",
    "quo",
    "fel",
)
_FACTS = (
    (
        "battery",
        "One charge of the {name} lasts {n} hours of steady work.",
        "How long does the {name} run on a charge?",
    ),
    (
        "warranty",
        "Repairs of the {name} are free for {n} months after purchase.",
        "Until when is repairing a {name} free?",
    ),
    ("weight", "Ready to carry, the {name} weighs {n} grams.", "What is the weight of the {name}?"),
    ("delivery", "Orders of the {name} leave the warehouse within {n} days.", "When is an ordered {name} sent out?"),
    (
        "water",
        "The {name} survives {n} minutes under one metre of water.",
        "Can a {name} survive under water, and how long?",
    ),
    ("cleaning", "Clean the filter of the {name} every {n} weeks.", "How often must the {name} filter be cleaned?"),
    ("noise", "At full speed the {name} makes a noise of {n} decibels.", "How noisy is the {name} at full speed?"),
    ("storage", "Store the {name} dry, below {n} degrees.", "Below which temperature should the {name} be stored?"),
    ("reset", "Hold the side button of the {name} for {n} seconds to reset it.", "How do I reset my {name}?"),
    ("spare", "Spare seals of the {name} are sold in packs of {n}.", "How many seals come with a pack for the {name}?"),
    ("update", "New software for the {name} appears every {n} weeks.", "How often does {name} software get updates?"),
    ("training", "A course for the {name} takes {n} hours and ends with a test.", "How long are {name} courses?"),
)
_FILLER = (
    "Please read this section before you call the service desk.",
    "Values were measured in our own laboratory at room temperature.",
    "The figures of earlier models may differ from those given here.",
    "Keep the packaging until you are sure that everything works.",
    "Our partners in other countries may have other terms.",
    "Write down the serial number, which stands on the lower side.",
    "If in doubt, ask the shop where the device was bought.",
    "Children should use the device only when an adult is near.",
    "The picture on the box shows the device with all accessories.",
    "This page replaces the printed leaflet of last year.",
    "Use only the charger that came with the device.",
    "Damage by falling is not covered by any of this.",
)
_WORDS_ZH = "山河星云海风雷雪松竹梅兰金银铜铁石玉青白红黑飞龙虎鹤鹰狼鹿马牛羊"
_FACTS_ZH = (
    ("续航", "{name}充满电后可以连续工作{n}小时。", "{name}充一次电能用多久?", "续航"),
    ("保修", "{name}购买后{n}个月内保修免费。", "{name}的免费保修期有多长?", "保修"),
    ("重量", "{name}整机重量为{n}克。", "{name}有多重?", "重量"),
    ("发货", "{name}的订单在{n}天内发货。", "下单后几天{name}会发货?", "发货"),
    ("防水", "{name}可以在一米深的水下防水{n}分钟。", "{name}在水下能防水多少分钟?", "防水"),
    ("清洁", "{name}的滤网每{n}周清洁一次。", "多久要清洁一次{name}的滤网?", "滤网"),
    ("噪音", "{name}全速运转时噪音为{n}分贝。", "全速时{name}的噪音是多少?", "噪音"),
    ("存放", "{name}应存放在{n}度以下的干燥处。", "{name}要在多少度以下存放?", "存放"),
    ("复位", "按住{name}侧面的按钮{n}秒即可复位。", "怎样让{name}复位?", "复位"),
    ("密封圈", "{name}的密封圈每包{n}个出售。", "一包{name}密封圈有几个?", "密封"),
)
_FILLER_ZH = (
    "联系客服之前请先阅读本节。",
    "以上数值均在室温下由本公司实验室测得。",
    "旧型号的数据可能与此处不同。",
    "请保留包装,直到确认一切正常。",
    "其他国家的合作伙伴可能有不同的条款。",
    "请记下机身底部的序列号。",
    "如有疑问,请咨询购买的商店。",
    "儿童使用时应有成人在旁。",
)
_INFLECTED = (
    ("One charge of the {name} lasts", "steadily working on charges, how long can {name}s last"),
    ("Clean the filter", "cleaning of {name} filters, how many week"),
    ("Spare seals", "selling spare seal packs for {name}"),
)


class Question(NamedTuple):
    """A question, its kind, and the document and section that answer it."""

    text: str
    kind: str
    document: str
    fact: str


def corpus(chunks: int, questions: int, seed: int = 7) -> tuple[dict[str, str], list[Question]]:
    """Documents by name, of about so many sections together, two thirds of them English; and questions."""
    rng = random.Random(seed)
    english = {f"en/{name.lower()}.md": _document(rng, name) for name in _names(rng, chunks * 2 // 3 // len(_FACTS))}
    chinese = {f"zh/{name}.md": _document_zh(rng, name) for name in _names_zh(rng, chunks // 3 // len(_FACTS_ZH))}
    asked: list[Question] = []
    kinds = ("english", "inflected", "typing", "chinese", "chinese short")
    for number in range(questions):
        kind = kinds[number % len(kinds)]
        asked.append(_question_zh(rng, chinese, kind) if "chinese" in kind else _question(rng, english, kind))
    return {**english, **chinese}, asked


def _names(rng: random.Random, count: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[f"{rng.choice(_HEADS)}{rng.choice(_HEADS)}{rng.choice(_TAILS)}".capitalize()] = None
    return list(found)


def _names_zh(rng: random.Random, count: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(rng.sample(_WORDS_ZH, 3))] = None
    return list(found)


def _document(rng: random.Random, name: str) -> str:
    parts = [f"# Handbook of the {name}\n"]
    for head, fact, _ in _FACTS:
        lines = [*rng.sample(_FILLER, rng.randint(2, 5)), fact.format(name=name, n=rng.randint(2, 900))]
        rng.shuffle(lines)
        parts.append(f"## {head.capitalize()}\n\n{' '.join(lines)}\n")
    return "\n".join(parts)


def _document_zh(rng: random.Random, name: str) -> str:
    parts = [f"# {name}使用手册\n"]
    for head, fact, _, _ in _FACTS_ZH:
        lines = [*rng.sample(_FILLER_ZH, rng.randint(2, 4)), fact.format(name=name, n=rng.randint(2, 900))]
        rng.shuffle(lines)
        parts.append(f"## {head}\n\n{''.join(lines)}\n")
    return "\n".join(parts)


def _question(rng: random.Random, documents: dict[str, str], kind: str) -> Question:
    source = rng.choice(list(documents))
    name = source[3:-3].capitalize()
    if kind == "inflected":
        begin, text = rng.choice(_INFLECTED)
        fact = next(one for one in _FACTS if one[1].startswith(begin))
        return Question(text.format(name=name), kind, source, fact[1].partition("{n}")[0].format(name=name))
    fact = rng.choice(_FACTS)
    said = _mistyped(rng, name) if kind == "typing" else name
    return Question(fact[2].format(name=said), kind, source, fact[1].partition("{n}")[0].format(name=name))


def _question_zh(rng: random.Random, documents: dict[str, str], kind: str) -> Question:
    source = rng.choice(list(documents))
    name = source[3:-3]
    _, fact, text, word = rng.choice(_FACTS_ZH)
    asked = f"{name} {word}" if kind == "chinese short" else text.format(name=name)
    return Question(asked, kind, source, fact.partition("{n}")[0].format(name=name))


def _mistyped(rng: random.Random, name: str) -> str:
    """Two letters in the middle of a name have changed places."""
    at = rng.randint(1, len(name) - 3)
    return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
