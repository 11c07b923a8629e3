"""
Asking, and printing the answer while it comes.

Text goes to standard output as it arrives.  What is not the answer (reasoning, notices, usage) goes to standard error.
If the answer ends before it is complete, or Ctrl-C ends it, what came is kept: as printed text, or with `--json` as an
object with `"complete": false`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from dragoman import ChatRequest, ChatResponse, DragomanError, Event
from dragoman.cli import exits
from dragoman.cli.asking.figures import answer_data, usage_line
from dragoman.cli.interrupts import interrupts
from dragoman.cli.output import Terminal, dim, print_json, talk
from dragoman.cli.render.screen import writer
from dragoman.cli.words import t
from dragoman.stream import Stream
from dragoman.types.events import ReasoningDelta, TextDelta
from dragoman.types.fold import unfold

TAG: Final = "▌SIMULATED▐ "


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """
    How an answer is shown.

    Attributes:
        terminal: What the streams are.
        as_json: As one JSON object.
        raw: Exactly as it came.
        usage: Tokens, time and cost are asked for.
        simulated: No model answers.
        free: The model runs on one's own machine.
    """

    terminal: Terminal
    as_json: bool = False
    raw: bool = False
    usage: bool = False
    simulated: bool = False
    free: bool = False


class Asker(Protocol):
    """Who is asked: a client, or one that keeps the turn."""

    def send(self, request: ChatRequest, /) -> ChatResponse:
        """Ask for a whole answer."""
        ...

    def open(self, request: ChatRequest, /) -> Stream:
        """Ask for a stream."""
        ...


def answer(client: Asker, request: ChatRequest, manner: Manner) -> int:
    """
    Ask, print, and return the exit code.

    Raises:
        DragomanError: The call failed; what came before is printed.
        KeyboardInterrupt: Likewise.
    """
    printer = _Printer(manner)
    try:
        response = _ask(client, request, printer)
    except DragomanError as error:
        printer.cut(error.partial)
        raise
    printer.finish(response)
    return exits.OK if response.text or not response.refusal else exits.OUTPUT


def _ask(client: Asker, request: ChatRequest, printer: _Printer) -> ChatResponse:
    if not request.stream:
        response = client.send(request)
        for event in unfold(response):
            printer.show(event)
        return response
    with interrupts() as pressed, pressed.reading(lambda: client.open(request)) as stream:
        try:
            while (piece := pressed.reading(lambda: next(stream, None))) is not None:
                printer.show(piece)
        except KeyboardInterrupt:
            printer.cut(stream.partial)
            raise
        return stream.response


class _Printer:
    """What of one answer has been printed."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._started = time.monotonic()
        self._first: float | None = None
        self._out = writer(raw=manner.raw, exact=manner.raw)
        self._wrote = False
        self._thinking = False

    def show(self, event: Event) -> None:
        """Print an event, if it is one to be seen."""
        shown = _SHOWN.get(type(event))
        if shown is not None:
            if self._first is None:
                self._first = time.monotonic() - self._started
            shown(self, event)

    def on_text(self, event: TextDelta) -> None:
        if self._manner.as_json or not event.text:
            return
        self._end_thinking()
        if not self._wrote:
            self._begin(event.text)
        self._out.feed(event.text)

    def on_reasoning(self, event: ReasoningDelta) -> None:
        terminal = self._manner.terminal
        if terminal.stderr and terminal.stdout and not self._manner.as_json and event.text:
            self._thinking = True
            dim(event.text)

    def _begin(self, text: str) -> None:
        self._wrote = True
        if not self._manner.simulated or self._manner.raw:
            return
        if self._manner.terminal.stdout:
            self._out.feed(TAG if text[0].isalnum() else f"{TAG}\n\n")  # before what begins no paragraph, apart
        else:
            talk(f"{TAG}{t('ask.no_model_asked')}")

    def _end_thinking(self) -> None:
        if self._thinking:
            self._thinking = False
            talk("\n")

    def cut(self, partial: ChatResponse | None) -> None:
        """The answer is not complete: keep what there is of it."""
        self._end_thinking()
        self._end_line()
        if self._manner.as_json and partial is not None:
            print_json(self._data(partial, complete=False))

    def finish(self, response: ChatResponse) -> None:
        """The answer is complete."""
        manner = self._manner
        self._end_thinking()
        if manner.as_json:
            print_json(self._data(response, complete=True))
        else:
            self._end_line()
            self._remarks(response)
        if manner.usage or (manner.terminal.stdout and manner.terminal.stderr and not manner.as_json):
            talk(f"· {self._usage(response)}")

    def _end_line(self) -> None:
        hint = self._out.close()
        if hint and self._manner.terminal.stderr:
            talk(hint)

    def _remarks(self, response: ChatResponse) -> None:
        if response.refusal:
            talk(t("ask.refused", text=response.refusal))
        remark = _ENDINGS.get(response.finish_reason)
        if remark:
            talk(f"· {t(remark)}")
        for notice in response.notices:
            if notice.adapted:
                talk(f"· {notice}")

    def _usage(self, response: ChatResponse) -> str:
        manner, seconds = self._manner, time.monotonic() - self._started
        unit = " words" if manner.simulated else ""
        return usage_line(response, seconds, free=manner.free, unit=unit, first=self._first)

    def _data(self, response: ChatResponse, *, complete: bool) -> dict[str, Any]:
        """The answer as JSON."""
        seconds, simulated = time.monotonic() - self._started, self._manner.simulated
        return {
            "text": response.text,
            "reasoning": response.reasoning or None,
            "refusal": response.refusal,
            **answer_data(response, seconds, complete=complete, simulated=simulated),
            "finish_reason_raw": response.finish_reason_raw,
        }


_SHOWN: Final[dict[type[Any], Callable[[_Printer, Any], None]]] = {
    TextDelta: _Printer.on_text,
    ReasoningDelta: _Printer.on_reasoning,
}

_ENDINGS: Final = {
    "length": "ask.ended.length",
    "content_filter": "ask.ended.content_filter",
    "pause": "ask.ended.pause",
    "tool_calls": "ask.ended.tool_calls",
}
