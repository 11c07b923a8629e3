"""
Rows that ask for vectors, several in one request.

Rows that come together and ask the same model in the same way are packed, up to what the provider takes at once.  When
a pack is refused, its halves are asked, and theirs, until the row that is to blame is alone.

What a pack cost and used is divided by the length of the texts, to the last digit.  Its request is in the ledger of its
first row and of no other, so that the sum of all ledgers is what was sent.

Rule: what becomes of a row does not depend on those that it was packed with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from copy import copy
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from dragoman.batch.outage import speaks_of_outage
from dragoman.batch.vectors import VectorRequest, ask
from dragoman.errors import AuthenticationError, BatchError, BudgetError, DragomanError, MissingKeyError, QuotaError
from dragoman.tokens import estimate
from dragoman.types.attempts import Attempt
from dragoman.types.embeddings import EmbedResponse
from dragoman.types.usage import Usage
from dragoman.verbs.embed import FILLED
from dragoman.wire.embeddings import codec_for

if TYPE_CHECKING:
    from dragoman.client import AsyncClient

# Seconds that others may still come: nothing beside a request.
_GATHER: Final = 0.005
# Rows of a pack: at most this or a quarter of the window, so that some packs are under way while one is filled.
_MOST: Final = 64
# No part of the rows would fare better.
_HOPELESS: Final = (AuthenticationError, MissingKeyError, QuotaError, BatchError)
# Digits behind the point of a row's part of a cost, in US dollars.
_SCALE: Final = Decimal(1).scaleb(-15)


class _Parcel:
    """One row in a pack."""

    def __init__(self, request: VectorRequest) -> None:
        self.request = request
        self.came: asyncio.Future[EmbedResponse] = asyncio.get_running_loop().create_future()
        self.before: tuple[Attempt, ...] = ()

    @property
    def weight(self) -> int:
        """Length of the texts."""
        return sum(len(text.encode("utf-8", "surrogatepass")) for text in self.request.inputs)


class _Pack:
    """Rows that go together."""

    def __init__(self, most: int, tokens: float) -> None:
        self.parcels: list[_Parcel] = []
        self.texts = 0
        self.tokens = 0.0
        self._most, self._tokens = most, tokens

    def takes(self, texts: int, tokens: int) -> bool:
        """Whether there is room."""
        return not self.parcels or (self.texts + texts <= self._most and self.tokens + tokens <= self._tokens)

    @property
    def full(self) -> bool:
        """Whether it is to go at once."""
        return self.texts >= self._most


class Packs:
    """
    The packs of one run, in one event loop.

    Args:
        window: Most rows under way at once.
    """

    def __init__(self, window: int) -> None:
        self._rows = max(_MOST, window // 4)
        self._open: dict[bytes, _Pack] = {}
        self._sizes: dict[str, tuple[int, float]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, client: AsyncClient, request: VectorRequest, *, alone: bool) -> EmbedResponse:
        """
        Ask, with whoever comes now; errors as `AsyncClient.embed`.

        Args:
            client: Asks.
            request: Of the row.
            alone: It has failed before, as rows do that meet an outage: nobody shall suffer for it.
        """
        if alone:
            return await ask(client, request)
        parcel = _Parcel(request)
        self._put(client, parcel)
        return await parcel.came

    async def close(self) -> None:
        """Ask no more."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # --- packing ------------------------------------------------------------------------------------------------------

    def _put(self, client: AsyncClient, parcel: _Parcel) -> None:
        request = parcel.request
        most, limit = self._size(client, request.model)
        texts = len(request.inputs)
        tokens = sum(map(estimate, request.inputs)) if limit < float("inf") else 0
        kind = msgspec.json.encode(msgspec.structs.replace(request, inputs=(), encoding="float"))
        pack = self._open.get(kind)
        if pack is not None and not pack.takes(texts, tokens):
            self._go(client, kind, pack)
            pack = None
        if pack is None:
            pack = self._open[kind] = _Pack(most, limit)
            asyncio.get_running_loop().call_later(_GATHER, self._go, client, kind, pack)
        pack.parcels.append(parcel)
        pack.texts, pack.tokens = pack.texts + texts, pack.tokens + tokens
        if pack.full:
            self._go(client, kind, pack)

    def _size(self, client: AsyncClient, model: str) -> tuple[int, float]:
        """Most texts and tokens of one request; a model that leads nowhere says so when it is asked."""
        found = self._sizes.get(model)
        if found is None:
            try:
                provider = client._plain.routes.resolve(model).provider  # pyright: ignore[reportPrivateUsage]
                codec = codec_for(provider)
            except DragomanError:
                return 1, float("inf")
            most, tokens = provider.quirks.embed_limit or codec.limit, codec.token_limit
            found = min(most, self._rows), float("inf") if tokens is None else tokens * FILLED
            self._sizes[model] = found
        return found

    def _go(self, client: AsyncClient, kind: bytes, pack: _Pack) -> None:
        if self._open.get(kind) is pack:
            del self._open[kind]
            task = asyncio.create_task(self._send(client, pack.parcels))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            for parcel in pack.parcels:
                parcel.came.add_done_callback(lambda _: _unwanted(task, pack.parcels))

    # --- asking -------------------------------------------------------------------------------------------------------

    async def _send(self, client: AsyncClient, parcels: Sequence[_Parcel]) -> None:
        request = parcels[0].request
        inputs = tuple(text for parcel in parcels for text in parcel.request.inputs)
        try:
            response = await ask(client, msgspec.structs.replace(request, inputs=inputs))
        except DragomanError as error:
            if len(parcels) > 1 and _part_may_fare_better(error):
                parcels[0].before += error.attempts
                half = len(parcels) // 2
                await asyncio.gather(self._send(client, parcels[:half]), self._send(client, parcels[half:]))
            else:
                _refuse(parcels, error)
        except asyncio.CancelledError:
            for parcel in parcels:
                parcel.came.cancel()
            raise
        except BaseException as error:  # what the caller's own code raises comes out where the row is asked
            for parcel in parcels:
                if not parcel.came.done():
                    parcel.came.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            for parcel, part in zip(parcels, _divided(parcels, response), strict=True):
                if not parcel.came.done():
                    parcel.came.set_result(part)


def _part_may_fare_better(error: DragomanError) -> bool:
    return isinstance(error, BudgetError) or not (isinstance(error, _HOPELESS) or speaks_of_outage(error))


def _refuse(parcels: Sequence[_Parcel], error: DragomanError) -> None:
    """Each has an error of its own, because each goes on by itself."""
    attempts = error.attempts
    for at, parcel in enumerate(parcels):
        if not parcel.came.done():
            own = error if at == 0 else copy(error)
            own.attempts = (*parcel.before, *attempts) if at == 0 else ()
            parcel.came.set_exception(own)


def _divided(parcels: Sequence[_Parcel], response: EmbedResponse) -> Iterator[EmbedResponse]:
    """What each row has of an answer; all together are what it is."""
    weights = [max(1, parcel.weight) for parcel in parcels]
    whole, usage, cost = sum(weights), response.usage, response.cost
    done, start = 0, 0
    for at, (parcel, weight) in enumerate(zip(parcels, weights, strict=True)):
        end = start + len(parcel.request.inputs)
        yield msgspec.structs.replace(
            response,
            vectors=response.vectors[start:end],
            usage=Usage(
                input_tokens=_part(usage.input_tokens, done, weight, whole),
                output_tokens=_part(usage.output_tokens, done, weight, whole),
                details=usage.details if len(parcels) == 1 else None,
            ),
            cost=None if cost is None else _share(cost, done + weight, whole) - _share(cost, done, whole),
            attempts=(*parcel.before, *response.attempts) if at == 0 else (),
        )
        done, start = done + weight, end


def _part(number: int | None, done: int, weight: int, whole: int) -> int | None:
    return None if number is None else number * (done + weight) // whole - number * done // whole


def _share(cost: Decimal, done: int, whole: int) -> Decimal:
    """What the rows so far cost."""
    return cost if done == whole else (cost * done / whole).quantize(_SCALE, ROUND_FLOOR).normalize()


def _unwanted(task: asyncio.Task[None], parcels: Sequence[_Parcel]) -> None:
    """If all have left, nobody waits for the answer."""
    if all(parcel.came.cancelled() for parcel in parcels):
        task.cancel()
