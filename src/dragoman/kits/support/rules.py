"""
When a person takes over, whatever the model says.

Rule: words decide, not moods.  A rule that fires too often costs a colleague a minute; one that a model may overrule
would be none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Final, cast

from dragoman.kits.claims import Claim, claims
from dragoman.kits.support.files import Policy
from dragoman.kits.support.values import KeptReply, Reason

_ORDER: Final = ("safety", "legal", "account", "refund_over_limit", "asked_for_human", "angry", "unknown")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|[。！？\n]+")
# Chinese and Japanese put no space before a word in Latin letters.
_LETTER: Final = "[A-Za-z0-9_\u00c0-\u1fff]"
_CURRENCIES: Final = frozenset({"EUR", "USD", "GBP", "CNY", "KRW", "CHF"})


def ruled(text: str, policy: Policy) -> Reason | None:
    """What a customer's words have a person take over for; the gravest reason."""
    found = {reason for reason, words in policy.escalate.items() if phrases_in(text, words)}
    if over_limit(text, policy) is not None:
        found.add("refund_over_limit")
    return cast("Reason | None", next((reason for reason in _ORDER if reason in found), None))


def over_limit(text: str, policy: Policy) -> Claim | None:
    """An amount above the limit in a text that speaks of a refund."""
    if policy.refund_limit is None or not phrases_in(text, policy.refund_words, whole=False):
        return None
    return next((claim for claim in claims(text) if _amount(claim, policy) > policy.refund_limit), None)


def _amount(claim: Claim, policy: Policy) -> Decimal:
    """What a claim says of money; a number in the limit's currency, or in any if the policy names none."""
    mine = {policy.currency} if policy.currency in _CURRENCIES else _CURRENCIES
    other = claim.unit in _CURRENCIES and claim.unit not in mine
    # In another currency nobody here knows what it is worth, so a person looks at it.
    return max(claim.values) if claim.unit in mine or other else Decimal(0)


def promised(text: str, policy: Policy) -> Claim | None:
    """An amount above the limit in one sentence with a refund."""
    return next((found for part in _SENTENCE.split(text) if (found := over_limit(part, policy)) is not None), None)


def unanswered(before: Sequence[KeptReply], answered: bool, policy: Policy) -> bool:
    """Whether so many questions in a row had no answer, this one included."""
    if answered:
        return False
    row = 1
    for reply in reversed(before):
        if reply.answered:
            break
        row += 1
    return row >= policy.unanswered


def phrases_in(text: str, phrases: Iterable[str], *, whole: bool = True) -> list[str]:
    """
    Phrases that stand in a text, whatever their case.

    Args:
        text: To be searched.
        phrases: Each begins, and if `whole` ends, where a word does; in Chinese and Japanese words have no such ends.
        whole: False for beginnings of words.

    >>> phrases_in("I will SUE you. Issued.", ["sue you", "sue"])
    ['sue you', 'sue']
    """
    return [phrase for phrase in phrases if phrase.strip() and _pattern(phrase, whole).search(text)]


@lru_cache(maxsize=4096)
def _pattern(phrase: str, whole: bool) -> re.Pattern[str]:
    body = r"\s+".join(re.escape(part) for part in phrase.split())
    if any(sign >= "\u2e80" for sign in phrase):
        return re.compile(body, re.IGNORECASE)
    return re.compile(rf"(?<!{_LETTER}){body}" + (rf"(?!{_LETTER})" if whole else ""), re.IGNORECASE)
