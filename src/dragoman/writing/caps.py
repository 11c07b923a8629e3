"""
How far a text may go: rounds, tokens, money; and more room for a model that used up all of it to think.

Rule: a limit that is reached is an error that says which, and what to raise.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from dragoman.errors import TruncatedError
from dragoman.tokens.estimate import estimate
from dragoman.types.http import Notice
from dragoman.types.models import Model
from dragoman.types.requests import ChatRequest, ReasoningSettings
from dragoman.types.writing import WriteOptions
from dragoman.writing.draft import Draft

_HIGH: Final = (None, "max", "xhigh", "high", "medium")
_MORE: Final = 4  # times as many tokens
_LEAST: Final = 4096


def check_limits(draft: Draft, options: WriteOptions) -> None:
    """
    See that another round may be begun.

    Raises:
        TruncatedError: A limit is reached.
    """
    rounds = len(draft.rounds)
    if rounds >= options.max_rounds:
        raise _reached(draft, f"{rounds} rounds (max_rounds)")
    if options.max_tokens_total is not None and written(draft) >= options.max_tokens_total:
        raise _reached(draft, f"{written(draft)} tokens (max_tokens_total)")
    if options.max_cost is None or not rounds:
        return
    if draft.cost is None:
        raise _reached(draft, "one round: what it costs is not known, and max_cost was given")
    if draft.cost >= Decimal(str(options.max_cost)):
        raise _reached(draft, f"{draft.cost} US dollars (max_cost)")


def _reached(draft: Draft, what: str) -> TruncatedError:
    last: dict[str, Any] = {}
    if draft.rounds:
        last = {"provider": draft.rounds[-1].provider, "model": draft.rounds[-1].model}
    return TruncatedError(f"the text is not finished after {what}", **last)


def written(draft: Draft) -> int:
    """Tokens that were written, by guess where a provider does not say."""
    told = draft.output_tokens
    return told if told is not None and not draft.cut else estimate(draft.text)


def capped(request: ChatRequest, draft: Draft, options: WriteOptions, facts: Model | None) -> ChatRequest:
    """The request with no more tokens than are left."""
    if options.max_tokens_total is None:
        return request
    left = options.max_tokens_total - written(draft)
    most = request.max_tokens or (facts.max_output if facts is not None else None)
    if most is not None and most <= left:
        return request
    return msgspec.structs.replace(request, max_tokens=left)


def with_room(request: ChatRequest, facts: Model | None) -> tuple[ChatRequest, Notice] | None:
    """
    The question with more room for words beside reasoning: a higher cap, else less effort; None if there is neither.
    """
    most, asked = facts.max_output if facts is not None else None, request.max_tokens
    if asked is not None and (most is None or asked < most):
        more = max(asked * _MORE, _LEAST)
        more = more if most is None else min(more, most)
        text = f"all {asked} tokens were used before the first word: {more} were asked for"
        return msgspec.structs.replace(request, max_tokens=more), Notice("max_tokens", text)
    return _calmer(request)


def _calmer(request: ChatRequest) -> tuple[ChatRequest, Notice] | None:
    given = request.reasoning or ReasoningSettings()
    text = "all tokens were used before the first word: "
    if given.budget_tokens is not None:
        less = given.budget_tokens // 2
        if not less:
            return None
        changed = msgspec.structs.replace(given, budget_tokens=less)
        return _with(request, changed, f"{text}a budget of {less} for reasoning was asked for")
    effort = given.effort
    if effort in _HIGH:
        return _with(request, msgspec.structs.replace(given, effort="low"), f"{text}effort low was asked for")
    return None


def _with(request: ChatRequest, reasoning: ReasoningSettings, text: str) -> tuple[ChatRequest, Notice]:
    return msgspec.structs.replace(request, reasoning=reasoning), Notice("reasoning", text)
