"""
Server-sent events read slowly: the algorithm of the standard, sentence by sentence, on the whole text at once.

It exists to be compared with the real decoder and shares no idea with it.

Source: WHATWG HTML, 9.2.5 "Parsing an event stream" and 9.2.6 "Interpreting an event stream".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dragoman.wire.sse import ServerSentEvent


class Stream(NamedTuple):
    """What a stream says: its events, and the reconnection time it set."""

    events: list[ServerSentEvent]
    retry: int | None


class _Buffers:
    """The buffers that the standard names."""

    def __init__(self) -> None:
        self.data = ""
        self.event_type = ""
        self.last_event_id = ""
        self.retry: int | None = None
        self.dispatched: list[ServerSentEvent] = []

    def dispatch(self) -> None:
        """'If the data buffer is an empty string, set the data buffer ... to the empty string and return.'"""
        if self.data:
            data = self.data.removesuffix("\n")
            self.dispatched.append(ServerSentEvent(self.event_type or "message", data, self.last_event_id))
        self.data = ""
        self.event_type = ""

    def process(self, field: str, value: str) -> None:
        """'The steps to process the field given a field name and a field value.'"""
        if field == "event":
            self.event_type = value
        elif field == "data":
            self.data += value + "\n"
        elif field == "id" and "\0" not in value:
            self.last_event_id = value
        elif field == "retry" and re.fullmatch("[0-9]+", value):
            self.retry = int(value)


def read(stream: bytes) -> Stream:
    """Interpret a whole stream."""
    text = stream.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    buffers = _Buffers()
    # What stands behind the last line end is no line: 'any pending data must be discarded'.
    for line in re.split("\r\n|\n|\r", text)[:-1]:
        if line == "":
            buffers.dispatch()
        elif line.startswith(":"):
            continue
        elif ":" in line:
            field, value = line.split(":", 1)
            buffers.process(field, value[1:] if value.startswith(" ") else value)
        else:
            buffers.process(line, "")
    return Stream(buffers.dispatched, buffers.retry)
