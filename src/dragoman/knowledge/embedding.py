"""
Vectors of texts and questions, by a model or without one.

Rule: vectors of different models are never compared.  A base says which model its vectors are of.
"""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.errors import ConfigError, WireError
from dragoman.knowledge import hashing
from dragoman.knowledge.hashing import packed
from dragoman.knowledge.models import Models
from dragoman.knowledge.store import State


class Embedding:
    """
    Vectors of one model.

    Args:
        model: `provider/model`, or `local/hash`, which asks nobody.
        models: Who is asked.
        dimensions: Length of the vectors that the base has; 0 for none yet.
    """

    def __init__(self, model: str, models: Models, dimensions: int = 0) -> None:
        self.model = model
        self.is_local = model == hashing.MODEL
        self.dimensions = hashing.DIMENSIONS if self.is_local else dimensions
        self._models = models

    async def of_texts(self, texts: Sequence[str]) -> list[bytes]:
        """
        The vectors of texts.

        Raises:
            WireError: Some are of another length than the base's.
            DragomanError: As `Client.embed`.
        """
        if self.is_local:
            return [hashing.document_vector(text) for text in texts]
        answer = await self._models.embed(self.model, list(texts), "document")
        for vector in answer:
            self._check(len(vector))
        return [packed(vector) for vector in answer]

    async def of_question(self, question: str) -> list[float]:
        """The vector of a question, by a model; errors as `of_texts`."""
        answer = await self._models.embed(self.model, [question], "query")
        self._check(len(answer[0]))
        return hashing.unit(list(answer[0]))

    def _check(self, length: int) -> None:
        if not self.dimensions:
            self.dimensions = length
        if length != self.dimensions or not length:
            raise WireError(
                f"{self.model} gave a vector of {length} numbers, and the base has {self.dimensions}: "
                "the model behind that name has changed; make the base anew"
            )


def embedding_of(state: State, wanted: str | None, models: Models, *, adding: bool) -> Embedding:
    """
    The embedding model of a base.

    Args:
        state: The base.
        wanted: What the caller asked for; None for what the base has, or `local/hash`.
        models: Who is asked.
        adding: Whether texts are added, which may change the model.

    Raises:
        ConfigError: The base has vectors of another model, and they are needed.
    """
    model = wanted or state.embed or hashing.MODEL
    if not adding and state.embed and model != state.embed:
        raise ConfigError(
            f"the base has vectors of {state.embed}, and embed is {model}: leave embed out, or call add() to have the "
            f"{state.chunks} pieces embedded again",
            field="embed",
        )
    return Embedding(model, models, state.dimensions if model == state.embed else 0)
