"""
Having a turn answered, and showing it while it comes.

Rule: whatever ends an answer (its end, Ctrl-C, a broken connection, a killed process), what came of it is on the
terminal and in the store.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from secrets import token_hex
from typing import Final

import msgspec

from dragoman import background
from dragoman.cli import exits
from dragoman.cli.answer import TAG
from dragoman.cli.asking.figures import usage_line
from dragoman.cli.chat.desk import Desk
from dragoman.cli.chat.tools import Sure
from dragoman.cli.chat.waiting import Waiting
from dragoman.cli.interrupts import Interrupts, interrupts
from dragoman.cli.output import dim, talk
from dragoman.cli.render.screen import Writer, writer
from dragoman.cli.words import t
from dragoman.errors import DragomanError
from dragoman.stream import Stream
from dragoman.types.events import Event, ReasoningDelta, TextDelta
from dragoman.types.fold import unfold
from dragoman.types.messages import Message
from dragoman.types.responses import ChatResponse
from dragoman.verbs.conversations.blocking import Conversation

_FLUSH: Final = 5.0  # seconds that the mark of a stopped turn may take


class Asking:
    """
    Asks, and shows.

    Args:
        desk: The conversation.
        raw: Whether answers are shown as they come.
        person: Whether somebody reads.
    """

    def __init__(self, desk: Desk, *, raw: bool, person: bool) -> None:
        self._desk = desk
        self._raw = raw
        self._person = person
        self._sure = Sure()
        self._hinted = False

    def ask(self, said: Sequence[Message], turn_id: str | None = None, *, edits: str | None = None) -> None:
        """
        Ask a question.

        Args:
            said: The question.
            turn_id: Of a turn that is asked again; None for a new one.
            edits: The turn in whose place it comes.

        Raises:
            DragomanError: Nobody reads, and it failed.
        """
        key = turn_id or token_hex(12)
        if self._desk.tools or self._desk.schema is not None:
            self._shown(lambda answer: answer.whole(lambda: self._whole(said, key, edits, answer)))
        else:
            self._shown(lambda answer: answer.streamed(lambda: self._open(said, key, edits, answer)))

    def go_on(self, turn_id: str) -> None:
        """Go on with an answer that broke off; the whole of it is shown.  Errors as `ask`."""
        self._shown(
            lambda answer: answer.whole(
                lambda: self._desk.waited(lambda one: one.resume(turn_id, how="continue"), answer.busy)
            )
        )

    def _open(self, said: Sequence[Message], key: str, edits: str | None, answer: _Answer) -> Stream:
        opened: Stream = self._desk.waited(lambda one: one.stream(said, key, edits=edits), answer.busy)
        return opened

    def _whole(self, said: Sequence[Message], key: str, edits: str | None, answer: _Answer) -> ChatResponse:
        """An answer that is not streamed: a run with tools, or a value."""
        desk = self._desk
        if edits is not None:
            desk.rewind(edits)

        def ask(one: Conversation) -> ChatResponse:
            if desk.schema is not None:
                return one.parse(said, key, output=desk.schema)
            return one.run(said, key, tools=list(desk.tools), approve=self._sure.asking(answer.pause))

        response: ChatResponse = desk.waited(ask, answer.busy)
        return response

    def _shown(self, show: Callable[[_Answer], ChatResponse]) -> None:
        desk = self._desk
        with interrupts() as pressed:
            answer = _Answer(desk.choice.model, pressed, raw=self._raw, simulated=desk.choice.simulated)
            try:
                response = show(answer)
            except KeyboardInterrupt:
                answer.end()
                background.flush(_FLUSH)
                talk(t("chat.stopped" if answer.any else "chat.stopped_empty"))
                if not self._person:
                    raise
            except DragomanError as error:
                answer.end()
                if not self._person:
                    raise
                tell_error(error)
                if answer.any:
                    background.flush(_FLUSH)
                    talk(t("chat.broke"))
            else:
                self._told(answer, response)
            finally:
                answer.pause()

    def _told(self, answer: _Answer, response: ChatResponse) -> None:
        hint = answer.end()
        if hint and self._person and not self._hinted:
            self._hinted = True
            talk(hint)
        self._desk.spent.add(response)
        if response.refusal:
            talk(f"· {response.refusal}")
        if response.finish_reason not in ("stop", "unknown"):
            talk(f"· {response.finish_reason}")
        for notice in response.notices:
            if notice.adapted:
                talk(f"· {notice}")
        if self._person:
            dim(f"· {answer.usage(response)}\n")


class _Answer:
    """One answer on its way."""

    def __init__(self, model: str, pressed: Interrupts, *, raw: bool, simulated: bool) -> None:
        self.any = False
        self._pressed = pressed
        self._raw = raw
        self._simulated = simulated
        self._started = time.monotonic()
        self._first: float | None = None
        self._out: Writer | None = None
        self._thinking = False
        self._waiting = Waiting(t("chat.asking", model=model))

    def busy(self) -> None:
        """Another turn runs."""
        self._waiting.text = t("chat.busy")

    def pause(self) -> None:
        """Something else is written now."""
        self._waiting.stop()

    def streamed(self, open_: Callable[[], Stream]) -> ChatResponse:
        """Show an answer while it comes."""
        with self._pressed.reading(open_) as stream:
            while (event := self._pressed.reading(lambda: next(stream, None))) is not None:
                self.show(event)
            return stream.response

    def whole(self, ask: Callable[[], ChatResponse]) -> ChatResponse:
        """Show an answer when it is there."""
        response = self._pressed.reading(ask)
        if response.output is not None:
            self._text("```json\n" + msgspec.json.format(msgspec.json.encode(response.output)).decode() + "\n```\n")
            return response
        for event in unfold(response):
            self.show(event)
        return response

    def show(self, event: Event) -> None:
        """Show a piece."""
        if isinstance(event, TextDelta) and event.text:
            self._text(event.text)
        elif isinstance(event, ReasoningDelta) and event.text and sys.stderr.isatty():
            self._begin()
            self._thinking = True
            dim(event.text)

    def _text(self, text: str) -> None:
        self._begin()
        if self._thinking:
            self._thinking = False
            talk("\n")
        if self._out is None:
            self._out = writer(raw=self._raw)
            if self._simulated and sys.stdout.isatty():
                self._out.feed(TAG if text[0].isalnum() else f"{TAG}\n\n")
        self.any = True
        self._out.feed(text)

    def _begin(self) -> None:
        self._waiting.stop()
        if self._first is None:
            self._first = time.monotonic() - self._started

    def end(self) -> str | None:
        """Nothing more comes; returns a hint for the reader, or None."""
        self._waiting.stop()
        if self._thinking:
            talk()
        return self._out.close() if self._out is not None else None

    def usage(self, response: ChatResponse) -> str:
        """Tokens, time and cost."""
        return usage_line(response, time.monotonic() - self._started)


def tell_error(error: DragomanError) -> None:
    """What went wrong, and what helps."""
    talk(f"dragoman: {exits.words(error)}")
    help_ = exits.fix(error)
    if help_:
        talk(f"  fix: {help_}")
