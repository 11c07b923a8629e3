"""What a call consumed."""

from __future__ import annotations

from typing import Any

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    Tokens, as one meaning for every provider; None where the provider did not say.

    Attributes:
        input_tokens: Everything the model read, cached tokens included.
        output_tokens: Everything it generated, reasoning included.
        cache_read_tokens: Part of the input that came from the provider's prompt cache.
        cache_write_tokens: Part of the input that was written to it.
        cache_write_1h_tokens: Part of those written for the longer lifetime, which some providers price apart.
        reasoning_tokens: Part of the output that was reasoning.
        input_audio_tokens: Part of the input that was sound.
        output_audio_tokens: Part of the output that is sound.
        details: The provider's own usage object, as sent.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    input_audio_tokens: int | None = None
    output_audio_tokens: int | None = None
    details: dict[str, Any] | None = None

    @property
    def total_tokens(self) -> int | None:
        """Input and output together, or None if either is not known."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens

    @property
    def fresh_input_tokens(self) -> int | None:
        """Input that was neither read from a cache nor written to one."""
        if self.input_tokens is None:
            return None
        return self.input_tokens - (self.cache_read_tokens or 0) - (self.cache_write_tokens or 0)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from dragoman.types.shown import usage_html  # who has no notebook need not load this

        return usage_html(self)
