"""
The loop of a chat: a line is read, and is a command or a message.

Rule: no failure of one turn ends the chat where a person types; where lines are piped in, the first one does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from dragoman.cli.answer import TAG
from dragoman.cli.chat.asking import Asking, tell_error
from dragoman.cli.chat.commands import COMMANDS
from dragoman.cli.chat.desk import Desk
from dragoman.cli.chat.keyboard import Keyboard, Piped, Plain
from dragoman.cli.choose import Choice
from dragoman.cli.columns import cut
from dragoman.cli.last import Last, remember
from dragoman.cli.output import Terminal, talk
from dragoman.cli.question import Sources, read_question
from dragoman.cli.render.paint import INSTALL
from dragoman.cli.words import t
from dragoman.errors import DragomanError

_FILE: Final = re.compile(r'(?<!\S)@(?:"([^"\n]+)"|(\S+))')
_EXCERPT: Final = 60


class Chat:
    """
    A chat.

    Attributes:
        desk: The conversation.
        asking: Asks and shows.
        keyboard: Where messages come from.
        raw: Whether text is shown as it came.
        leaving: Whether it is over.
    """

    def __init__(
        self, desk: Desk, *, asking: Asking, decide: Callable[[str], Choice], screen: Terminal, raw: bool
    ) -> None:
        """
        Args:
            desk: The conversation.
            asking: Asks and shows.
            decide: Finds a model by its name.
            screen: What the streams are.
            raw: Whether text is shown as it came.
        """
        self.desk = desk
        self.asking = asking
        self.keyboard: Keyboard = Piped()
        self.raw = raw
        self.leaving = False
        self._decide = decide
        self._screen = screen

    def run(self) -> None:
        """
        Talk until the user leaves.

        Raises:
            DragomanError: Nobody types, and a turn failed.
        """
        self._greet()
        while not self.leaving:
            try:
                text = self.keyboard.read()
            except EOFError:
                break
            except KeyboardInterrupt:
                if not self._screen.stdin:
                    raise
                talk(t("chat.ctrl_d"))
                continue
            self._handle(text)
        if self.desk.spent.turns and self._screen.stdin:
            talk(t("chat.kept", name=self.desk.name))

    def _handle(self, text: str) -> None:
        try:
            if text.startswith("/") and not text.startswith("//"):
                self.command(text[1:])
            elif text.strip() or self.desk.parts:
                self.say(text)
        except DragomanError as error:
            if not self._screen.stdin:
                raise
            tell_error(error)
        except EOFError:  # in the midst of a command that reads a line
            self.leaving = True
        except KeyboardInterrupt:
            if not self._screen.stdin:
                raise
            talk()

    def _greet(self) -> None:
        desk = self.desk
        if desk.choice.simulated and not self._screen.stdout:
            talk(f"{TAG}{t('chat.simulated')}")
        if not self._screen.stdin:
            return
        talk(t("chat.hello", model=desk.choice.model, name=desk.name))
        if isinstance(self.keyboard, Plain) and find_spec("prompt_toolkit") is None:
            talk(t("chat.plain", install=INSTALL))
        said = desk.turns()
        if said:
            talk(t("chat.goes_on", turns=len(said), text=excerpt(said[-1].text)))
        if desk.running():
            talk(t("chat.running"))
        turn = desk.open_turn()
        if turn is not None:
            talk(t("chat.offered", state=turn.state, text=excerpt("\n".join(one.text for one in turn.messages))))
            talk(t("chat.offered_fix"))

    def command(self, line: str) -> None:
        """Do what a command says."""
        name, _, argument = line.partition(" ")
        command = COMMANDS.get({"exit": "quit", "q": "quit", "branch": "branches", "?": "help"}.get(name, name))
        if command is not None:
            command.run(self, argument.strip())
            return
        near = get_close_matches(name, COMMANDS, n=1)
        talk(
            t("chat.did_you_mean", name=f"/{name}", near=f"/{near[0]}")
            if near
            else t("chat.no_command", name=f"/{name}")
        )

    def say(self, text: str) -> None:
        """Say something, with the files that are named in it and what is attached."""
        text = text.removeprefix("/") if text.startswith("//") else text
        named = [quoted or bare for quoted, bare in _FILE.findall(text)]
        self.attach([name for name in named if Path(name).expanduser().is_file()])
        remember(self.desk.place, Last(self.desk.name, self.desk.branch), os.environ)
        self.asking.ask([self.desk.message(text)])

    def attach(self, files: Iterable[str]) -> None:
        """
        Have files go with the next message.

        Raises:
            ConfigError: One cannot be read, or is of no known kind.
        """
        given: Sequence[str] = [
            file if file.startswith(("http://", "https://")) else str(Path(file).expanduser()) for file in files
        ]
        given = [f"./{file}" if file == "-" else file for file in given]
        sources = Sources(prompt="", system=None, fragments=(), attachments=given, piped=False)
        self.desk.parts += [part for message in read_question(sources) for part in message.parts]
        self.desk.attached += given

    def change_model(self, name: str) -> None:
        """
        Talk to another model.

        Raises:
            UnknownModelError: There is none of that name.
        """
        self.desk.ask_another(self._decide(name))

    def status(self) -> str:
        """The line at the bottom of the terminal."""
        desk, spent = self.desk, self.desk.spent
        where = desk.name if desk.branch == "main" else f"{desk.name} · {desk.branch}"
        cost = t("ask.cost_unknown") if spent.unknown and not spent.cost else f"${spent.cost:.4f}"
        tokens = f"{spent.input + spent.output:,} tok".replace(",", " ")
        return f" {desk.choice.model} · {where} · {tokens} · {cost} · /help"


def excerpt(text: str) -> str:
    """The beginning of a text, on one line."""
    return cut(" ".join(text.split()), _EXCERPT)
