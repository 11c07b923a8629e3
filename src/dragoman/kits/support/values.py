"""What the support kit gives and takes."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol, get_args

import msgspec

from dragoman.kits.findings import Finding, KitResult

Reason = Literal[
    "angry",
    "legal",
    "refund_over_limit",
    "unknown",
    "asked_for_human",
    "safety",
    "account",
    "failed_checks",
]
"""Why a person takes over; `failed_checks` is never the model's: no answer of its passed."""

REASONS: Final = get_args(Reason)

Kind = Literal["email", "phone", "card", "iban", "id", "name", "secret", "other"]
"""What was masked; `other` is what the policy's own patterns find."""


class Passage(Protocol):
    """What a search gives: any object with these."""

    @property
    def text(self) -> str:
        """Its words."""
        ...

    @property
    def source(self) -> str:
        """Where they stand."""
        ...


class Knowledge(Protocol):
    """What answers are grounded in: `dragoman.knowledge.KnowledgeBase`, or an object of yours."""

    def search(self, query: str, k: int, /) -> Sequence[Passage] | Awaitable[Sequence[Passage]]:
        """The `k` passages that fit best, the best first."""
        ...


class Cited(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a reply rests on; the quote stands in the passage.

    Attributes:
        source: Of the passage.
        quote: Words of it.
    """

    source: str
    quote: str


class Escalation(msgspec.Struct, frozen=True, kw_only=True):
    """
    A person takes over.

    Attributes:
        reason: Why.
        summary: What they need to know.
        by: Who says so: the model, a rule of the policy, or the checks that no answer passed.
    """

    reason: Reason
    summary: str
    by: Literal["model", "rule", "checks"]


class SupportReply(KitResult, frozen=True, kw_only=True):
    """
    A reply to a customer.  `.text` is safe to send, also where `.ok` is false: then it is the policy's hand-over.

    Attributes:
        citations: What it rests on.
        escalate: Whether a person takes over, and why; else None.
        language: Of the reply, as a code; empty if it cannot be told.
        masked: How many values of each kind were masked in the customer's words.
        answered: Whether the question was answered.
        message_id: Of the turn.
        refused: The last answer that no check would pass; for people who look into it, never for customers.
        replayed: Whether it was kept from before, and no model asked.
    """

    citations: tuple[Cited, ...] = ()
    escalate: Escalation | None = None
    language: str = ""
    masked: Mapping[str, int] = {}
    answered: bool = True
    message_id: str = ""
    refused: str = ""
    replayed: bool = False


_Told = Literal["angry", "legal", "refund_over_limit", "unknown", "asked_for_human", "safety", "account"]


class Quote(msgspec.Struct, frozen=True):
    """A passage that the answer rests on: its number, and words that stand in it exactly so."""

    passage: int
    quote: str


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the model writes.

    Attributes:
        text: The reply to the customer, in their language.
        citations: For each fact, the passage and the words in it.
        answered: False if the passages do not answer the question.
        escalate: Why a person must take over; null if none must.
        summary: For that person: what happened, what the customer wants.
    """

    text: str
    citations: list[Quote] = []
    answered: bool = True
    escalate: (
        Literal["angry", "legal", "refund_over_limit", "unknown", "asked_for_human", "safety", "account"] | None
    ) = None
    summary: str = ""


class KeptReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What of a reply is kept with its turn.  Masked, as everything that is kept."""

    citations: tuple[Cited, ...] = ()
    escalate: Escalation | None = None
    language: str = ""
    answered: bool = True
    findings: tuple[Finding, ...] = ()
    refused: str = ""
    requests: int = 0


NATIVE: Final = "dragoman-support"
"""The field of a kept message that has the `KeptReply`; no dialect of that name is ever sent."""


def kept_of(native: Mapping[str, Any] | None) -> KeptReply | None:
    """What was kept with a message, if it is one of this kit's."""
    return msgspec.convert(native[NATIVE], KeptReply) if native and NATIVE in native else None
