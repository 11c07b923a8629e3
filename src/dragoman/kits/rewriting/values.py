"""What a rewritten document is, and what is known of one beforehand and on the way."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from dragoman.kits.findings import Finding, KitResult


class RewrittenSegment(msgspec.Struct, frozen=True, kw_only=True):
    """
    One segment.

    Attributes:
        line: Where it begins in the source, from 1.
        source: Its text, with a mark ⟦1⟧ for each piece that stays.
        text: What was made of it.
        findings: What is wrong with it.
        attempts: How often the model was asked for it; 0 if it was there already.
        kept: Whether the source's text stands in the document, because the new one would break it.
    """

    line: int
    source: str
    text: str
    findings: tuple[Finding, ...] = ()
    attempts: int = 0
    kept: bool = False


class RewriteResult(KitResult, frozen=True, kw_only=True):
    """
    A document with other words.

    Attributes:
        format: Of the document.
        segments: Those that have words, in order.
        reused: How many of them were paid by an earlier run.
        output: Path of the file; empty if there is none.
    """

    format: str = ""
    segments: tuple[RewrittenSegment, ...] = ()
    reused: int = 0
    output: str = ""


class RewriteEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a run will take; nothing is asked for it.

    Attributes:
        segments: How many have words.
        reused: How many of them are in the journal.
        requests: How many requests the others take, if the first answer to each is right.
        input_tokens: Of all requests, by estimate.
        output_tokens: Of all answers, by estimate; reasoning is not in it.
        cost: US dollars; None where the price is not known.
    """

    segments: int
    reused: int
    requests: int
    input_tokens: int
    output_tokens: int
    cost: Decimal | None


class RewriteProgress(msgspec.Struct, frozen=True, kw_only=True):
    """
    How far a run is.

    Attributes:
        done: Segments that are finished.
        total: All that have words.
        reused: How many were there at the start.
        errors: Segments that ended with an error.
        requests: Requests of this run.
        cost: US dollars of this run; None where the price is not known.
    """

    done: int
    total: int
    reused: int
    errors: int
    requests: int
    cost: Decimal | None
