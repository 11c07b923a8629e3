"""
What a call did cost, once it has ended, in nano-dollars.

A whole answer: its `cost`.  Where that is not known, and for an answer that was cut or left: the tokens that the
provider told, else the prompt by its length and the output by what was seen.  And for each further request of the call
that may have been billed (`attempts`): its prompt.

Rule: what may have been billed is never taken for nothing, and what was not sent is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from dragoman.errors import DragomanError
from dragoman.policy.budget.estimate import Estimate
from dragoman.policy.budget.money import nano
from dragoman.types.attempts import Attempt
from dragoman.types.messages import Audio, Part, Reasoning, Refusal, Text, ToolCall
from dragoman.types.responses import ChatResponse

# Characters of prose to a token.
_CHARS: Final = 4


def charged(response: ChatResponse, attempts: Sequence[Attempt], estimate: Estimate) -> int:
    """For an answer, whole or left, and the requests that came before it."""
    failed = _billed(attempts) * estimate.least if len(attempts) > 1 else 0
    return failed + (nano(response.cost) if response.cost is not None else seen(response, estimate))


def charged_for_failure(error: DragomanError, estimate: Estimate) -> int:
    """For a call that failed: what arrived of its last answer, and each request that may have been billed."""
    if error.partial is None:
        return _billed(error.attempts) * estimate.least
    return _billed(error.attempts[:-1]) * estimate.least + seen(error.partial, estimate)


def charged_for_requests(attempts: Sequence[Attempt], estimate: Estimate) -> int:
    """For a call that was cancelled before it had an answer."""
    return _billed(attempts) * estimate.least


def seen(response: ChatResponse, estimate: Estimate) -> int:
    """An estimate of what an answer cost by what is seen of it."""
    usage = response.usage
    prompt = estimate.prompt if usage.input_tokens is None else usage.input_tokens
    written = max(usage.output_tokens or 0, _written(response.message.parts))
    for other in response.alternatives:
        written += _written(other.message.parts) if usage.output_tokens is None else 0
    return prompt * estimate.input + written * estimate.output


def _billed(attempts: Iterable[Attempt]) -> int:
    """How many requests may have been billed without an answer."""
    return sum(attempt.maybe_billed for attempt in attempts)


def _written(parts: Iterable[Part]) -> int:
    """Tokens of an answer by its length."""
    chars = 0
    for part in parts:
        measure = _LENGTHS.get(type(part))
        chars += measure(part) if measure else 0
    return -(-chars // _CHARS)


def _text(part: Text | Reasoning | Refusal) -> int:
    return len(part.text)


def _call(part: ToolCall) -> int:
    return len(part.name) + len(part.arguments_json)


def _sound(part: Audio) -> int:
    return len(part.transcript or "")


_LENGTHS: Final[Mapping[type[Part], Callable[[Any], int]]] = {
    Text: _text,
    Reasoning: _text,
    Refusal: _text,
    ToolCall: _call,
    Audio: _sound,
}
