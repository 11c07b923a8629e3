"""
Looking for the answer to a question that is nearly the same.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from dragoman.errors import ConfigError, DragomanError
from dragoman.policy.base import Context
from dragoman.policy.cache.cache import Cache
from dragoman.policy.cache.similar import Embed, Embedded, Semantic, embedded, nearest, packed, question_of
from dragoman.policy.cache.store import Neighbour
from dragoman.types.http import Notice
from dragoman.types.requests import ChatRequest

# Seconds that a call waits for the vector of its question.
_PATIENCE: Final = 10.0
# Neighbours whose answers are looked for: the nearest may have expired.
_TRIED: Final = 3


class Near(msgspec.Struct, frozen=True):
    """
    Where a question has its place among others.

    Attributes:
        frame: What must be the same.
        vector: Of its text, as `packed` gives it.
        made: What it took to make it.
    """

    frame: bytes
    vector: bytes
    made: Embedded


class Likeness:
    """
    Compares the questions of one client.

    Args:
        cache: Holds the vectors, and says how they are made.
        semantic: Its part of the settings.
        frame: What must be the same of two questions.
        embed: Makes vectors with a model.
    """

    def __init__(
        self, cache: Cache, semantic: Semantic, frame: Callable[[ChatRequest, Context], bytes], embed: Embed | None
    ) -> None:
        self._shared = cache.shared
        self._semantic = semantic
        self._frame = frame
        self._embed = embed

    async def place(self, request: ChatRequest, context: Context) -> Near | None:
        """
        Find the place of a question; None if it is compared exactly or not at all, or nobody can make its vector now.

        Raises:
            ConfigError: It can never be made.
        """
        question = question_of(request)
        if question is None or context.strict:  # what is strict does not take one question for another
            return None
        until, total = context.runtime.now() + _PATIENCE, context.clocks.total_until
        until = until if total is None else min(until, total)
        try:
            made = await embedded(self._semantic, question, self._embed, context, until)
        except ConfigError:
            raise
        except (DragomanError, builtins.TimeoutError) as error:
            self._shared.warn("vectors", f"no vector of a question can be made, and none is compared: {error}")
            return None
        context.attempts.extend(made.attempts)
        return Near(self._frame(request, context), packed(made.vector), made)

    async def nearest(self, scope: bytes, near: Near, context: Context) -> list[tuple[float, bytes]]:
        """The keys of the nearest questions, with the cosine of each."""
        store, runtime, most = self._shared.guarded.store, context.runtime, self._semantic.candidates
        none: Sequence[Neighbour] = ()
        others = await self._shared.guarded.attempt(
            runtime,
            context.clocks.total_until,
            lambda until: store.neighbours(runtime, scope, near.frame, most, until),
            none,
        )
        return nearest(near.vector, others, self._semantic.threshold)[:_TRIED]

    async def remember(self, scope: bytes, key: bytes, near: Near, context: Context) -> None:
        """Give a question whose answer was kept its place."""
        store, runtime, most = self._shared.guarded.store, context.runtime, self._semantic.candidates
        place = Neighbour(key, near.vector)
        await self._shared.guarded.attempt(
            runtime,
            context.clocks.total_until,
            lambda until: store.place_near(runtime, scope, near.frame, place, most, until),
            None,
        )

    def notice(self, cosine: float) -> Notice:
        """What the caller must know of such an answer."""
        return Notice(
            "messages",
            f"this is the answer to a question that is nearly the same: similarity {cosine:.4f}, threshold "
            f"{self._semantic.threshold:g}",
        )
