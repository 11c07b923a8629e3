"""
The outcomes of a batch, read again from its journal.

Rule: what is not durable yet is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec

from dragoman.batch.index import Index
from dragoman.batch.journal import Journal, Record
from dragoman.batch.lines import row_of
from dragoman.types.batches import BatchRow
from dragoman.types.requests import OutputFormat
from dragoman.types.responses import ChatResponse


class Outcomes:
    """
    Outcomes by their place in the output.

    Args:
        index: Where they stand in the journal.
        journal: Gives the journal, once the batch is prepared.
        form: In which all answers are wanted; None for text.
    """

    def __init__(self, index: Index, journal: Callable[[], Journal], form: OutputFormat | None) -> None:
        self._index = index
        self._journal = journal
        self._form = form
        self._reading: Callable[[ChatResponse], Any] | None = None

    def row(self, place: int) -> BatchRow | None:
        """What stands at this place of the output, if it is durable; else None."""
        at, journal = self._index.at(place), self._journal()
        if at is None or at >= journal.synced:
            return None
        record = journal.read(at)
        return self._read(row_of(record))

    def line(self, place: int) -> bytes | None:
        """The same as a line of the files."""
        at, journal = self._index.at(place), self._journal()
        return None if at is None or at >= journal.synced else journal.read(at).payload

    def following(self, place: int) -> int | None:
        """The first place from this on whose outcome is durable: after a run that was stopped some have none."""
        synced, found = self._journal().synced, self._index.after(place)
        while found is not None and (at := self._index.at(found)) is not None and at >= synced:
            found = self._index.after(found + 1)
        return found

    def _read(self, row: BatchRow) -> BatchRow:
        """With the typed value, as its type."""
        form, response = self._form, row.response
        if response is None or form is None or form.type is None or not response.text:
            return row
        from dragoman.structured.reading import Misfit, Reading  # who asks for text need not load this

        self._reading = self._reading or Reading(form).of
        try:
            value = self._reading(response)
        except Misfit:
            return row  # the row asked for something else, and has it as it was written
        return msgspec.structs.replace(row, response=msgspec.structs.replace(response, output=value))

    def records(self) -> Iterator[Record]:
        """All of them, in order."""
        place: int | None = self._index.after(0)
        while place is not None:
            at = self._index.at(place)
            yield self._journal().read(cast("int", at))
            place = self._index.after(place + 1)
