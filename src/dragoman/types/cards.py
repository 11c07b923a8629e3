"""What a provider says of its models, and how long a prompt is."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from dragoman.types.models import Model


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """
    One model in a provider's live list, completed from the catalogue.  What nobody said is None.

    Attributes:
        id: The name to ask it by, the right side of `provider/model`.
        provider: Name of the provider row.
        name: Its name for people.
        created: When it was made or last changed, with its time zone.
        owned_by: Whose it is.
        context: Tokens that it can read.
        max_output: Tokens that it can write.
        retires: The day on which its provider takes it away.
        facts: What the catalogue knows of it: kind, abilities, prices.
        raw: The entry as the provider sent it.
    """

    id: str
    provider: str
    name: str | None = None
    created: datetime | None = None
    owned_by: str | None = None
    context: int | None = None
    max_output: int | None = None
    retires: date | None = None
    facts: Model | None = None
    raw: dict[str, Any] = {}

    @property
    def ref(self) -> str:
        """The reference under which every verb takes it."""
        return f"{self.provider}/{self.id}"


class TokenCount(msgspec.Struct, frozen=True, kw_only=True):
    """
    How many tokens a model will read.

    Attributes:
        tokens: The number.
        exact: Whether it is what the provider counts; else it is an estimate, good to some ten percent.
        source: Where it comes from: the address that was asked, the encoding that was counted with, or `estimate`.
    """

    tokens: int
    exact: bool
    source: str

    def __int__(self) -> int:
        return self.tokens
