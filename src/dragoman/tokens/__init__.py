"""
How many tokens a text is, on one's own machine: exactly for OpenAI's encodings, else by an estimate.

`estimate` guesses, `encodings` counts, `prompt` does either for a whole chat request.
"""

from __future__ import annotations

from dragoman.tokens.estimate import estimate
from dragoman.tokens.prompt import count_prompt

__all__ = ["count_prompt", "estimate"]
