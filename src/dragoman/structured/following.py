"""
A streamed value: what is there of it, its elements as they become whole, and in the end the value itself.

Rule: views are for showing.  Only what was held to the type, an element or the whole value, is handed out as true, and
a stream that ends in another way than by a whole value ends in an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dragoman.errors import ConfigError
from dragoman.structured.parsing import conclude, schema_error
from dragoman.structured.partial import Growing, item_of
from dragoman.structured.reading import ANSWER, Misfit, Reading
from dragoman.types.events import Event, TextDelta, ToolCallDelta, ToolCallStart
from dragoman.types.messages import Message
from dragoman.types.requests import OutputFormat
from dragoman.types.responses import ChatResponse


class Following:
    """
    Follows one streamed answer.

    Raises:
        ConfigError: No type was asked for.
    """

    def __init__(self, form: OutputFormat | None) -> None:
        if form is None or form.type is None:
            raise ConfigError("no type was asked for: stream(..., output=Invoice)", field="output")
        self._form = form
        self._reading = Reading(form)
        self._growing = Growing(self._reading.shape)
        self._call: int | None = None

    def _piece(self, event: Event) -> str:
        """What an event adds to the text of the value."""
        if type(event) is TextDelta:
            return event.text
        if type(event) is ToolCallStart and event.name == ANSWER:
            self._call = event.index
        if type(event) is ToolCallDelta and event.index == self._call:
            return event.json
        return ""

    def views(self, event: Event) -> Iterator[Any]:
        """What is there of the value after the next event, if it added anything."""
        piece = self._piece(event)
        if piece and self._growing.feed(piece):
            seen = self._growing.snapshot()
            if seen is not None:
                yield seen

    def elements(self, event: Event, so_far: Callable[[], ChatResponse | None]) -> Iterator[Any]:
        """
        The elements that the next event completes.

        Raises:
            SchemaError: One does not satisfy its type.
        """
        self._growing.feed(self._piece(event))
        found, self._growing.items = self._growing.items, []
        for place, member in found:
            value, errors = item_of(member, self._growing.item_kind, place)
            if errors:
                answers = [so_far() or ChatResponse(message=Message("assistant", ()))]
                raise schema_error(self._form, answers, Misfit(errors))
            yield value

    def concluded(self, answer: ChatResponse) -> Any:
        """
        The value of the whole answer; None if it calls tools.

        Raises:
            SchemaError, TruncatedError, RefusalError, ContentFilterError: As `parse`.
        """
        try:
            return conclude(self._reading, self._form, [answer]).output
        except Misfit as misfit:
            raise schema_error(self._form, [answer], misfit) from None
