"""
Questions that are nearly the same.

Two questions are compared only if they are of one scope and everything but the text of the last turn is the same:
model, settings, instructions, tools, earlier turns.  That sameness is exact (a frame); the two texts are compared by
the angle between their vectors.

Rule: only texts.  A call with media, tool calls or tool results is never answered with another's answer.
"""

from __future__ import annotations

import inspect
import math
from array import array
from collections.abc import Awaitable, Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial
from operator import mul
from typing import Any, Final, cast

import msgspec

from dragoman.errors import ConfigError
from dragoman.policy.base import Context
from dragoman.policy.cache.store import Neighbour
from dragoman.types.attempts import Attempt
from dragoman.types.messages import Message, Text
from dragoman.types.requests import ChatRequest

# What stands for the last text where everything else is compared.
_ANY: Final = (Text("?"),)


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """
    The vector of a text, and what it took.

    Attributes:
        vector: Numbers.
        cost: US dollars; None if that is not known.
        attempts: Requests that were made.
    """

    vector: Sequence[float]
    cost: Decimal | None = Decimal(0)
    attempts: tuple[Attempt, ...] = ()


Embed = Callable[[str, str, Context], Awaitable[Embedded]]
"""Makes a vector with a model: of `provider/model` and a text."""


class Semantic(msgspec.Struct, frozen=True, kw_only=True):
    """
    Answer a question with the answer to one that is nearly the same.  Off unless it is asked for.

    It can be wrong: "with sugar" and "without sugar" are near each other.  Measure the threshold with your own
    questions.

    Attributes:
        embed: The model that makes vectors, as `provider/model`; or a function from a text to its vector, which may be
            `async`.
        threshold: Least cosine of the angle between both vectors, above 0 and up to 1.
        candidates: How many of the latest questions are compared, 1 to 10,000.  A vector of 1,536 numbers takes 50 us.

    Raises:
        ConfigError: A value that cannot work; `.field` names it.
    """

    embed: str | Callable[[str], Any]
    threshold: float
    candidates: int = 256

    def __post_init__(self) -> None:
        if not (isinstance(self.embed, str) and self.embed) and not callable(self.embed):
            raise ConfigError(
                f"embed is {self.embed!r}: give 'provider/model', or a function from a text to a vector",
                field="semantic.embed",
            )
        if not _is_number(self.threshold) or not 0 < self.threshold <= 1:
            raise ConfigError(
                f"threshold is {self.threshold!r}: give a number above 0, up to 1", field="semantic.threshold"
            )
        if type(self.candidates) is not int or not 1 <= self.candidates <= 10_000:
            raise ConfigError(
                f"candidates is {self.candidates!r}: give a whole number from 1 to 10,000", field="semantic.candidates"
            )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- what may be compared ---------------------------------------------------------------------------------------------


def question_of(request: ChatRequest) -> str | None:
    """The text that may differ; None for a call that is compared exactly or not at all."""
    last = request.messages[-1]
    if last.role != "user" or not last.text.strip():
        return None
    if any(type(part) is not Text for message in request.messages for part in message.parts):
        return None
    return last.text


def framed(request: ChatRequest) -> ChatRequest:
    """The request without its last text: what has to be the same."""
    *before, last = request.messages
    anything: Message = msgspec.structs.replace(last, parts=_ANY)
    return request.directed(messages=(*before, anything))


# --- vectors ----------------------------------------------------------------------------------------------------------


async def embedded(semantic: Semantic, text: str, embed: Embed | None, context: Context, until: float) -> Embedded:
    """
    Make the vector of a text.

    Raises:
        ConfigError: It is none, or nothing can make it.
        TimeoutError: The function took too long.
        DragomanError: The model did not make one.
    """
    if isinstance(semantic.embed, str):
        if embed is None:
            raise ConfigError(
                "this cache cannot ask a model for vectors: give a function as embed", field="semantic.embed"
            )
        return await embed(semantic.embed, text, context)
    made = await context.runtime.run_blocking(partial(semantic.embed, text), until)
    return Embedded(vector=await made if inspect.isawaitable(made) else made)


def packed(vector: object) -> bytes:
    """
    A vector of length 1 as 32-bit floats.

    Raises:
        ConfigError: It is no vector, or one that points nowhere.
    """
    numbers = array("d", _numbers(vector))
    length = math.sqrt(sum(map(mul, numbers, numbers)))
    if not numbers or not 0 < length < math.inf:
        raise ConfigError("embed gave a vector that is empty, zero or not finite", field="semantic.embed")
    return array("f", (number / length for number in numbers)).tobytes()


def _numbers(vector: object) -> list[float]:
    if isinstance(vector, str | bytes) or not isinstance(vector, Iterable):
        raise ConfigError(f"embed gave {type(vector).__name__}, not a list of numbers", field="semantic.embed")
    try:
        return [float(number) for number in cast("Iterable[Any]", vector)]
    except (TypeError, ValueError) as error:
        raise ConfigError("embed gave a list that is not of numbers", field="semantic.embed") from error


def nearest(vector: bytes, neighbours: Iterable[Neighbour], threshold: float) -> list[tuple[float, bytes]]:
    """
    The keys of those that are near enough, with their cosine, nearest first.

    Args:
        vector: As `packed` gives it.
        neighbours: Those of another length are of another model, and not compared.
        threshold: Least cosine.
    """
    mine = array("f", vector)
    near: list[tuple[float, bytes]] = []
    for neighbour in neighbours:
        if len(neighbour.vector) == len(vector):
            cosine = min(1.0, sum(map(mul, mine, array("f", neighbour.vector))))
            # 32-bit floats: a text is as near to itself as they can tell.
            if cosine >= threshold - 1e-6:
                near.append((cosine, neighbour.key))
    return sorted(near, reverse=True)
