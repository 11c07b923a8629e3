"""
From the input to rows that can be handed in.

Rule: a row that an earlier run has settled is not asked again, and one that is in a batch there is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from dragoman.batch.journal import Kind
from dragoman.batch.keeping import Keeping
from dragoman.batch.lines import failed
from dragoman.batch.rows import Row, Rows
from dragoman.batch.service.choosing import Lots
from dragoman.batch.service.spool import LIVE, Held, Spool
from dragoman.batch.source import Given
from dragoman.batch.vectors import VectorRequest
from dragoman.errors import ConfigError, MissingKeyError
from dragoman.types.requests import ChatRequest, OutputFormat

if TYPE_CHECKING:
    from dragoman.plain import Plain
    from dragoman.policy.budget.estimate import Estimate

# Rows after which other tasks have their turn.
_TURN: Final = 200
_encode = msgspec.json.Encoder(enc_hook=ascii).encode


class Filling:
    """
    Fills a spool.

    Args:
        spool: Where rows go.
        rows: Makes requests of them.
        lots: Says where each belongs.
        keeping: Takes rows that are settled as they stand.
        plain: The client's.

    Attributes:
        forms: Types of outputs that rows ask for.
        whole: Whether the input was read to its end.
    """

    def __init__(self, spool: Spool, rows: Rows, lots: Lots, keeping: Keeping, plain: Plain) -> None:
        self.forms: list[OutputFormat] = []
        self.whole = False
        self._spool = spool
        self._rows = rows
        self._lots = lots
        self._keeping = keeping
        self._plain = plain

    async def fill(self, given: Iterator[Given], stopped: Callable[[], bool]) -> None:
        """
        Read all rows.

        Raises:
            BatchError: The input, the journal or the temporary folder.
            ConfigError: A provider's row lacks what its batch API needs, or its key.
        """
        for count, one in enumerate(given, 1):
            self._take(self._rows.row(one))
            if count % _TURN == 0:
                await asyncio.sleep(0)
                if stopped():
                    return
        self.whole = True

    def _take(self, row: Row) -> None:
        if self._keeping.settled(row):
            return
        request = row.request
        if isinstance(request, ConfigError):
            self._keeping.keep(Kind.FAILED, row, failed(row, request, seconds=0.0))
            return
        self._lots.ready(request)
        try:
            lot, line = self._placed(row, request)
        except MissingKeyError:
            raise  # so it is for all rows
        except ConfigError as error:
            if error.field == "mode":
                raise  # the call's fault, not the row's
            self._keeping.keep(Kind.FAILED, row, failed(row, error, seconds=0.0))
            return
        chat = request if isinstance(request, ChatRequest) else None
        estimate = self._estimate(chat) if lot != LIVE and chat is not None else None
        self._spool.add(
            Held(
                key=row.key,
                lot=lot,
                number=row.number,
                id=row.id,
                dialect=row.dialect,
                same=row.same,
                place=row.given.place,
                given=_written(row.given),
                line=line,
                model=request.model,
                form=self._form(chat.output) if chat is not None else None,
                most=estimate.most if estimate else None,
                least=estimate.least if estimate else None,
            )
        )

    def _placed(self, row: Row, request: ChatRequest | VectorRequest) -> tuple[int, bytes]:
        if self._keeping.twins is not None and not self._spool.first(row.same):
            return LIVE, b""  # when its twin is answered, it is, too
        return self._lots.place(row.key, request)

    def _estimate(self, request: ChatRequest) -> Estimate | None:
        budgeting = self._plain.budgeting
        return budgeting.most(request, self._plain.context(None)) if budgeting is not None else None

    def _form(self, form: OutputFormat | None) -> int | None:
        if form is None or form.type is None:
            return None
        for number, known in enumerate(self.forms):
            if known is form:
                return number
        self.forms.append(form)
        return len(self.forms) - 1


def _written(given: Given) -> bytes:
    if given.line is not None:
        return bytes(given.line)
    try:
        return _encode(given.value)
    except (UnicodeEncodeError, TypeError, RecursionError):
        return msgspec.json.encode(ascii(given.value))
