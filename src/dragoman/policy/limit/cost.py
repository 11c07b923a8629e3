"""
What a call is likely to cost, before it is sent.

The prompt is counted in characters, divided by a ratio that is learned for each model from what answers report (EWMA of
characters per token).  The output is `max_tokens` where the provider charges that at admission, else a little more than
the model has been writing.

Source: the measured design: estimates with 30 % noise are good enough if they are not biased, which EWMA sees to.
"""

from __future__ import annotations

from typing import Final

from dragoman.policy.limit.grants import Cost
from dragoman.policy.limit.headers import Dialect
from dragoman.types.usage import Usage

# English prose; the first answer corrects it.
_CHARS_PER_TOKEN: Final = 4.0
_FIRST_OUTPUT: Final = 256.0
_ALPHA: Final = 0.1
_LEAST, _MOST = 0.25, 16.0
# Providers that charge max_tokens are used to a fraction if it is much larger than what is written.
_WASTEFUL: Final = 4.0
_WASTED: Final = 500  # tokens; less is not worth a word
_ENOUGH: Final = 8


class Estimator:
    """
    What is known of one model's costs.

    Attributes:
        chars_per_token: Learned ratio.
        output: Learned mean of output tokens.
    """

    __slots__ = ("_seen", "chars_per_token", "output")

    def __init__(self) -> None:
        self.chars_per_token = _CHARS_PER_TOKEN
        self.output = _FIRST_OUTPUT
        self._seen = 0

    def estimate(self, chars: int, max_tokens: int | None, dialect: Dialect) -> Cost:
        """Cost by unit of a call with a prompt of `chars` characters."""
        prompt = float(max(1, round(chars / self.chars_per_token)))
        written = self.output if max_tokens is None else min(self.output, max_tokens)
        output = float(max_tokens) if max_tokens is not None and dialect.reserves_output else round(written)
        return {"requests": 1.0, "tokens": prompt + output, "input": prompt, "output": float(output)}

    def learn(self, chars: int, usage: Usage) -> None:
        """Take in what a call cost."""
        alpha = max(_ALPHA, 1 / (self._seen + 1))
        if usage.input_tokens and chars > 0:
            ratio = min(_MOST, max(_LEAST, chars / usage.input_tokens))
            self.chars_per_token += alpha * (ratio - self.chars_per_token)
        if usage.output_tokens is not None:
            self.output += alpha * (usage.output_tokens - self.output)
            self._seen += 1

    def wasteful(self, max_tokens: int | None, dialect: Dialect) -> bool:
        """Whether `max_tokens` alone makes the provider's limit much smaller than it could be."""
        enough = self._seen >= _ENOUGH and max_tokens is not None and dialect.reserves_output
        most = max(_WASTEFUL * self.output, self.output + _WASTED)
        return enough and max_tokens is not None and max_tokens > most


def actual(usage: Usage, max_tokens: int | None, dialect: Dialect) -> Cost:
    """
    What the provider counts for a call that ended, by unit; what it did not say is left out.

    A provider that charges `max_tokens` at admission gives nothing back.
    """
    found: dict[str, float] = {}
    if usage.input_tokens is not None:
        cached = 0 if dialect.counts_cached else usage.cache_read_tokens or 0
        found["input"] = float(max(0, usage.input_tokens - cached))
    if usage.output_tokens is not None:
        reserved = max_tokens if dialect.reserves_output and max_tokens is not None else None
        found["output"] = float(usage.output_tokens if reserved is None else reserved)
    if "input" in found and "output" in found:
        found["tokens"] = found["input"] + found["output"]
    return found
