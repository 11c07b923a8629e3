"""Texts as vectors: what is asked, and what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal, overload

import msgspec

from dragoman.types.attempts import Attempt
from dragoman.types.http import Notice
from dragoman.types.usage import Usage

Vector = list[float]

InputKind = Literal["query", "document", "similarity", "classification", "clustering"]


class EmbedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """
    One request for vectors.

    Attributes:
        model: The bare model name.
        inputs: The texts, in order; no more than the provider takes at once.
        dimensions: Length of the vectors, or None for the model's own.
        kind: What the texts are for, or None to say nothing of it.
        encoding: How vectors travel: as JSON numbers, or as base64 of little-endian 32-bit floats.
        extra: Fields of the body that are sent as they are.
    """

    model: str
    inputs: tuple[str, ...]
    dimensions: int | None = None
    kind: InputKind | None = None
    encoding: Literal["float", "base64"] = "float"
    extra: dict[str, Any] | None = None


class EmbedResponse(msgspec.Struct, frozen=True, kw_only=True):
    """
    The vectors of some texts.  It may be used like the list of them: `len`, index, slice and iteration.

    Attributes:
        vectors: One for each text, in the order of the texts.
        usage: Tokens of all requests together; a field is None where the provider did not say.
        cost: US dollars, or None if a price is not known.
        model: Model name as the provider gave it, else as it was sent; None while nobody said.
        provider: Name of the provider row that answered.
        request_id: The provider's id of the request; of the first, where there were several.
        notices: What was adapted, and what could not be carried.
        attempts: Ledger of all requests that were made.
    """

    vectors: tuple[Vector, ...]
    usage: Usage = Usage()
    cost: Decimal | None = None
    model: str | None = None
    provider: str | None = None
    request_id: str | None = None
    notices: tuple[Notice, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    def __repr__(self) -> str:
        return f"<EmbedResponse: {len(self.vectors)} vectors of {self.dimensions} from {self.provider}/{self.model}>"

    def __len__(self) -> int:
        return len(self.vectors)

    def __iter__(self) -> Iterator[Vector]:
        return iter(self.vectors)

    @overload
    def __getitem__(self, at: int) -> Vector: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[Vector, ...]: ...

    def __getitem__(self, at: int | slice) -> Vector | tuple[Vector, ...]:
        return self.vectors[at]

    @property
    def dimensions(self) -> int:
        """Length of the first vector; 0 if there is none."""
        return len(self.vectors[0]) if self.vectors else 0
