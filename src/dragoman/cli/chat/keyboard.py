"""
What the user types.

With `prompt-toolkit` (extra `cli`) it is edited with history, reverse search, completion and a status line; without it,
or on a terminal that can little, Python's own line input serves; and what is piped in is read line by line.

Rule: a message may have several lines: by a paste, by Alt-Enter, or between `\"\"\"` and `\"\"\"`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

from dragoman.cli.chat.completing import Sources, offers
from dragoman.cli.output import Terminal, talk
from dragoman.cli.words import t
from dragoman.errors import ConfigError

PROMPT: Final = "› "
_MORE: Final = "… "
QUOTES: Final = '"""'


class Keyboard(Protocol):
    """Where messages come from."""

    def read(self, default: str = "") -> str:
        """
        Read one message.

        Args:
            default: What stands there already, to be changed.

        Raises:
            EOFError: There is no more.
            KeyboardInterrupt: Ctrl-C.
        """
        ...


def keyboard(screen: Terminal, history: Path, sources: Sources, status: Callable[[], str]) -> Keyboard:
    """
    The best that is there.

    Args:
        screen: What the streams are.
        history: File of what was typed before.
        sources: What Tab offers.
        status: The line at the bottom.
    """
    if not screen.stdin:
        return Piped()
    _private(history)
    able = screen.stdout and os.environ.get("TERM") not in (None, "", "dumb")
    if able and find_spec("prompt_toolkit") is not None:
        return Edited(history, sources, status)
    return Plain(history.with_name(f"{history.name}-plain"), sources)


def open_quotes(text: str) -> bool:
    """Whether a message in quotes has not ended."""
    return text.lstrip().startswith(QUOTES) and text.count(QUOTES) < 2


def unquoted(text: str) -> str:
    """A message without the quotes around it."""
    bare = text.strip()
    if bare.startswith(QUOTES) and bare.endswith(QUOTES) and len(bare) >= 2 * len(QUOTES):
        return bare[len(QUOTES) : -len(QUOTES)].strip("\n")
    return text


class Piped:
    """Lines that are piped in."""

    def read(self, default: str = "") -> str:
        """See `Keyboard`."""
        text = self._line()
        while open_quotes(text):
            text += "\n" + self._line()
        return unquoted(text)

    def _line(self) -> str:
        data = sys.stdin.buffer.readline() if sys.stdin is not None else b""
        if not data:
            raise EOFError
        try:
            return data.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise ConfigError(t("chat.not_utf8"), field="stdin") from error


class Plain:
    """Python's own line input, with GNU readline or its like where it is there."""

    def __init__(self, history: Path, sources: Sources) -> None:
        self._readline: Any = None
        if find_spec("readline") is not None:
            import readline  # changes `input`; who does not use it need not load it

            self._readline = readline
            _private(history)
            readline.read_history_file(history)
            readline.set_completer_delims("")
            readline.set_completer(_completer(sources))
            readline.parse_and_bind("tab: complete")
        self._history = history

    def read(self, default: str = "") -> str:
        """See `Keyboard`."""
        if default and self._readline is not None:
            self._readline.set_startup_hook(lambda: self._readline.insert_text(default))
        try:
            text = self._line(PROMPT)
        finally:
            if self._readline is not None:
                self._readline.set_startup_hook(None)
        while open_quotes(text):
            text += "\n" + self._line(_MORE)
        if text and self._readline is not None:
            self._readline.append_history_file(1, self._history)
        return unquoted(text)

    def _line(self, prompt: str) -> str:
        if sys.stdout.isatty():
            return input(prompt)
        talk(prompt, end="")  # the prompt is no part of what goes into a file
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\n")


def _completer(sources: Sources) -> Callable[[str, int], str | None]:
    def complete(text: str, number: int) -> str | None:
        found = offers(text, sources)
        return text[: len(text) - found[number].replaces] + found[number].text if number < len(found) else None

    return complete


class Edited:
    """Line input of prompt-toolkit."""

    def __init__(self, history: Path, sources: Sources, status: Callable[[], str]) -> None:
        from prompt_toolkit import PromptSession  # extra `cli`; only a chat on a terminal needs it
        from prompt_toolkit.history import FileHistory

        self._session: Any = PromptSession(
            message=PROMPT,
            multiline=True,
            history=FileHistory(str(history)),
            completer=_toolkit_completer(sources),
            complete_while_typing=False,
            key_bindings=_keys(),
            bottom_toolbar=status,
            prompt_continuation=_MORE,
            enable_open_in_editor=True,
        )
        if os.environ.get("NO_COLOR"):
            from prompt_toolkit.output.color_depth import ColorDepth

            self._session.color_depth = ColorDepth.DEPTH_1_BIT

    def read(self, default: str = "") -> str:
        """See `Keyboard`."""
        return unquoted(self._session.prompt(default=default))


def _toolkit_completer(sources: Sources) -> Any:
    from prompt_toolkit.completion import Completer, Completion

    class Ours(Completer):
        def get_completions(self, document: Any, complete_event: Any) -> Any:
            for offer in offers(document.text_before_cursor, sources):
                yield Completion(offer.text, start_position=-offer.replaces)

    return Ours()


def _keys() -> Any:
    from prompt_toolkit.filters import is_searching
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()
    writing = ~is_searching  # within a search these keys are the search's

    @keys.add("enter", filter=writing)
    def send(event: Any) -> None:
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
        elif open_quotes(buffer.text):
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=writing)
    def line(event: Any) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c", filter=writing)
    def clear(event: Any) -> None:
        if not event.current_buffer.text:
            event.app.exit(exception=KeyboardInterrupt, style="class:aborting")
        event.current_buffer.reset()

    return keys


def _private(file: Path) -> None:
    """Have a file that only its user reads."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(file, os.O_CREAT | os.O_APPEND, 0o600))
