"""
What a reply must be before a customer sees it.

Each check is a function of the draft and what it rests on, and asks no model.

Rule: a fact is proved by a passage of this turn, by the persona or the policy, or by an earlier reply, which was proved
itself.  A customer's words prove what is theirs (an order's number), and never a price, a period or a link.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from dragoman.kits.claims import links, unproved
from dragoman.kits.findings import Finding
from dragoman.kits.support.files import Persona, Policy
from dragoman.kits.support.masking import Masker, placeholders
from dragoman.kits.support.rules import phrases_in, promised
from dragoman.kits.support.values import Cited, Draft, Reason
from dragoman.kits.tongues import language_of, length_of, named

_MARK: Final = re.compile(r"(?:\[|【)\^?\d{1,3}(?:\s*,\s*\d{1,3})*(?:\]|】)(?!\()")
_EMOJI: Final = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]|!{2,}|！{2,}")


class Source(msgspec.Struct, frozen=True):
    """A passage, as it is shown: where it stands, and its words."""

    source: str
    text: str


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a draft rests on, and what it is held to.

    Attributes:
        passages: That were found for this turn.
        ours: What else is known to be right: the persona, the policy, earlier replies.
        theirs: The customer's words, the last ones last.
        persona: Who answers.
        policy: What is allowed.
        language: That the reply must have; empty if nobody knows.
        known: Placeholders whose values are known.
        masker: Finds what is personal.
        ruled: Why a rule has a person take over.
    """

    passages: tuple[Source, ...]
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    persona: Persona
    policy: Policy
    language: str
    known: frozenset[str]
    masker: Masker
    ruled: Reason | None = None

    @property
    def sources(self) -> list[str]:
        """All that proves something."""
        return [*(passage.text for passage in self.passages), *self.ours]


def check(draft: Draft, ground: Ground) -> list[Finding]:
    """What is wrong with a draft."""
    return [finding for one in _CHECKS for finding in one(draft, ground)]


def cited(draft: Draft, ground: Ground) -> tuple[Cited, ...]:
    """The citations that resolve."""
    return tuple(
        Cited(source=ground.passages[quote.passage - 1].source, quote=quote.quote)
        for quote in draft.citations
        if not _unresolved(quote.passage, quote.quote, ground)
    )


def _length(draft: Draft, ground: Ground) -> Iterator[Finding]:
    words, most = length_of(draft.text), ground.policy.max_words
    if not draft.text.strip():
        yield Finding(check="empty", message="the reply has no text")
    elif words > most:
        yield Finding(
            check="length", message=f"the reply has {words} words, at most {most}", expected=str(most), found=str(words)
        )


def _forbidden(draft: Draft, ground: Ground) -> Iterator[Finding]:
    for phrase in phrases_in(draft.text, ground.policy.forbidden):
        yield Finding(check="forbidden", message=f"the reply says {phrase!r}", found=phrase)
    if ground.persona.tone == "formal" and (loud := _EMOJI.search(draft.text)):
        yield Finding(check="tone", message=f"the tone is formal, and the reply has {loud[0]!r}", found=loud[0])


def _language(draft: Draft, ground: Ground) -> Iterator[Finding]:
    found = language_of(draft.text)
    if ground.language and found and found != ground.language:
        yield Finding(
            check="language",
            message=f"the reply is in {named(found)}, and should be in {named(ground.language)}",
            expected=ground.language,
            found=found,
        )


def _citations(draft: Draft, ground: Ground) -> Iterator[Finding]:
    for quote in draft.citations:
        if why := _unresolved(quote.passage, quote.quote, ground):
            yield Finding(check="citation", message=why, where=f"passage {quote.passage}", found=quote.quote[:200])
    if mark := _MARK.search(draft.text):
        yield Finding(check="mark", message=f"the text has the mark {mark[0]!r}", found=mark[0])
    if draft.answered and not draft.citations:
        for claim in unproved(draft.text, (*ground.ours, *ground.theirs)):
            yield Finding(check="citation", message=f"{claim.text!r} has no citation", found=claim.text)


def _unresolved(number: int, quote: str, ground: Ground) -> str:
    """Why a citation leads to nothing; empty if it leads somewhere."""
    if not 1 <= number <= len(ground.passages):
        return f"there is no passage {number}"
    if not _plain(quote):
        return f"the citation of passage {number} has no words"
    return "" if _plain(quote) in _plain(ground.passages[number - 1].text) else "the words quoted do not stand there"


def _plain(text: str) -> str:
    """The same for what differs in marks, case and spaces only."""
    return " ".join(re.sub(r"[*_`#>|]+", " ", unicodedata.normalize("NFKC", text)).casefold().split())


def _facts(draft: Draft, ground: Ground) -> Iterator[Finding]:
    sources = ground.sources
    # A customer may name their order; what something costs, or how long it takes, is not theirs to say.  Who hands over
    # may repeat it.
    over = ground.ruled is not None or draft.escalate is not None
    told = unproved(draft.text, [*sources, *ground.theirs])
    bare = [claim for claim in unproved(draft.text, sources) if claim.unit and not over and claim not in told]
    for claim in (*told, *bare):
        yield Finding(check="number", message=f"{claim.text!r} is in no passage", found=claim.text)
    there = {link for source in sources for link in links(source)}
    for link in links(draft.text):
        if link not in there and link.rstrip("/") not in {one.rstrip("/") for one in there}:
            yield Finding(check="link", message=f"{link} is in no passage", found=link)
    if not over and (amount := promised(draft.text, ground.policy)):
        yield Finding(
            check="refund",
            message=f"a refund of {amount.text} is over the limit and was not given to a person",
            expected=str(ground.policy.refund_limit),
            found=amount.text,
        )


def _personal(draft: Draft, ground: Ground) -> Iterator[Finding]:
    """Addresses and numbers of people: those that the passages have are the company's, all others are leaks."""
    for text, where in ((draft.text, ""), (draft.summary, "summary")):
        for found in ground.masker.find(text):
            value = text[found.start : found.end]
            if not any(value in source for source in ground.sources):
                yield Finding(check="leak", message=f"the reply has a {found.kind} that nobody gave", where=where)
    for name in placeholders(draft.text):
        if name not in ground.known:
            yield Finding(
                check="placeholder", message=f"{name} stands for nothing that is known: do not use it", found=name
            )


def _escalation(draft: Draft, ground: Ground) -> Iterator[Finding]:
    if ground.ruled is not None and draft.escalate is None:
        yield Finding(
            check="escalation",
            message="a rule has a person take over, and the model did not say so",
            expected=ground.ruled,
            severity="warning",
        )


_CHECKS: Final[tuple[Callable[[Draft, Ground], Iterator[Finding]], ...]] = (
    _length,
    _forbidden,
    _language,
    _citations,
    _facts,
    _personal,
    _escalation,
)
