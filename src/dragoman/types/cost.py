"""What an answer cost, part by part."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import msgspec

_ZERO: Final = Decimal(0)


class Cost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    US dollars, exact.

    Attributes:
        total: The sum of the rest.
        input: Fresh input that is text or pictures.
        cache_read: Input that came from the provider's cache.
        cache_write: Input that was written to it.
        audio_input: Sound that was read.
        output: Output; reasoning included, unless it has a price of its own.
        reasoning: Reasoning, where it is priced apart.
        audio_output: Sound that was made.
    """

    total: Decimal
    input: Decimal = _ZERO
    cache_read: Decimal = _ZERO
    cache_write: Decimal = _ZERO
    audio_input: Decimal = _ZERO
    output: Decimal = _ZERO
    reasoning: Decimal = _ZERO
    audio_output: Decimal = _ZERO


FREE: Final = Cost(total=_ZERO)
"""What no provider is asked for: the simulator, and models in this process."""
