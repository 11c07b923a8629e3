"""
The commands of a chat, by name.

Each is a function of the chat and of what stands behind its name.  Rule: what a command does to a conversation is done
in its store, so another terminal sees it too.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from dragoman.cli.chat.tools import load_tools
from dragoman.cli.output import draw, safe, talk
from dragoman.cli.render.screen import writer
from dragoman.cli.schema.source import read_schema
from dragoman.cli.whole import write_file
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.types.messages import Message

if TYPE_CHECKING:
    from dragoman.cli.chat.chat import Chat

_OFF: Final = ("off", "none", "-")


class Command(NamedTuple):
    """What runs it, and what may stand behind its name."""

    run: Callable[[Chat, str], None]
    what: str = ""


# --- what is asked ----------------------------------------------------------------------------------------------------


def _model(chat: Chat, name: str) -> None:
    if name:
        chat.change_model(name)
    talk(t("chat.model", model=chat.desk.choice.model))


def _system(chat: Chat, text: str) -> None:
    if text:
        chat.desk.system = text
        talk(t("chat.system_set"))
        return
    held = [one.text for one in chat.desk.talk().history if one.role == "system"]
    now = chat.desk.system or (held[-1] if held else "")
    talk(t("chat.system", text=now) if now else t("chat.system_none"))


def _attach(chat: Chat, file: str) -> None:
    desk = chat.desk
    if file in _OFF:
        desk.parts, desk.attached = [], []
        talk(t("chat.detached"))
        return
    if file:
        chat.attach([file.strip("\"'")])
    talk(t("chat.attached", names=", ".join(desk.attached)) if desk.attached else t("chat.attached_none"))


def _tools(chat: Chat, file: str) -> None:
    if file:
        chat.desk.tools = () if file in _OFF else load_tools(str(Path(file).expanduser()))
    names = ", ".join(tool.__name__ for tool in chat.desk.tools)
    talk(t("chat.tools", names=names) if names else t("chat.tools_off"))


def _schema(chat: Chat, given: str) -> None:
    if given:
        chat.desk.schema = None if given in _OFF else read_schema(given)
    talk(t("chat.schema_off") if chat.desk.schema is None else t("chat.schema"))


# --- turns ------------------------------------------------------------------------------------------------------------


def _retry(chat: Chat, argument: str) -> None:
    turn = chat.desk.open_turn()
    if turn is not None:
        chat.asking.ask(turn.messages, turn.id)
        return
    said = chat.desk.turns()
    if not said:
        talk(t("chat.nothing_said"))
        return
    chat.asking.ask(said[-1].question, edits=said[-1].id)


def _continue(chat: Chat, argument: str) -> None:
    turn = chat.desk.open_turn()
    if turn is None:
        talk(t("chat.nothing_open"))
        return
    chat.asking.go_on(turn.id)


def _edit(chat: Chat, number: str) -> None:
    said, turn = chat.desk.turns(), chat.desk.open_turn()
    if turn is not None and not number:
        before, edits = turn.messages, None
    elif not said:
        talk(t("chat.nothing_said"))
        return
    else:
        at = len(said) if not number else int(number) if number.isdecimal() else 0
        if not 1 <= at <= len(said):
            talk(t("chat.no_turn", number=number))
            return
        before, edits = said[at - 1].question, said[at - 1].id
    text = "\n".join(message.text for message in before)
    changed = _changed(chat, text)
    if not changed.strip() or changed == text:
        talk(t("chat.unchanged"))
        return
    chat.asking.ask([_with_text(before, changed)], edits=edits)


def _changed(chat: Chat, text: str) -> str:
    """The text as the user has changed it: in their editor if they have one, else in the line."""
    import os

    if os.environ.get("VISUAL") or os.environ.get("EDITOR"):
        try:
            return (click.edit(text, extension=".md") or text).rstrip("\n")
        except click.ClickException as error:
            raise ConfigError(f"{error.format_message()}: set EDITOR to one that works", field="EDITOR") from error
    return chat.keyboard.read(text)


def _with_text(before: tuple[Message, ...], text: str) -> Message:
    """The same question with another text; what was attached stays."""
    from dragoman.types.messages import Text

    rest = [part for message in before for part in message.parts if not isinstance(part, Text)]
    return Message("user", (Text(text), *rest))


def _undo(chat: Chat, argument: str) -> None:
    said = chat.desk.turns()
    if not said:
        talk(t("chat.nothing_said"))
        return
    chat.desk.talk().undo()
    talk(t("chat.undone", text=" ".join(said[-1].text.split())[:60]))


# --- the tree ---------------------------------------------------------------------------------------------------------


def _fork(chat: Chat, name: str) -> None:
    chat.desk.branch = chat.desk.talk().fork(name or None).branch
    talk(t("chat.forked", name=chat.desk.branch))


def _branches(chat: Chat, name: str) -> None:
    there = chat.desk.branches()
    if name and name not in there:
        raise ConfigError(f"there is no branch {name!r}: {', '.join(there) or 'none yet'}", field="branch")
    if name:
        chat.desk.branch = name
    for one in there:
        talk(t("chat.branch", mark="*" if one == chat.desk.branch else " ", name=one))


def _save(chat: Chat, name: str) -> None:
    if not name:
        talk(t("chat.needs", name="save", what="NAME"))
        return
    if chat.desk.has(name):
        talk(t("chat.name_taken", name=name))
        return
    chat.desk.conversation(name).import_(chat.desk.talk().export("json"))
    chat.desk.name = name
    talk(t("chat.saved", name=name))


# --- out of it --------------------------------------------------------------------------------------------------------


def _export(chat: Chat, file: str) -> None:
    form: Any = "json" if file.endswith((".json", ".jsonl")) else "markdown"
    text = chat.desk.talk().export(form)
    if file:
        _write(file, text)
    else:
        _show(chat, text)


def _copy(chat: Chat, file: str) -> None:
    said = chat.desk.turns()
    text = said[-1].answer if said else ""
    if not text:
        talk(t("chat.no_answer"))
    elif file:
        _write(file, text)
    elif not sys.stdout.isatty():
        talk(t("chat.copy_no_terminal"))
    else:
        draw(f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07")  # OSC 52 (xterm, ctlseqs.txt)
        talk(t("chat.copied"))


def _write(file: str, text: str) -> None:
    write_file(Path(file).expanduser(), text if text.endswith("\n") else f"{text}\n", "file", parents=False)
    talk(t("chat.copied_file", file=file))


def _search(chat: Chat, words: str) -> None:
    wanted = words.casefold().split()
    found = 0
    for number, turn in enumerate(chat.desk.turns(), 1):
        for message in turn.messages:
            lines = [line for line in message.text.splitlines() if all(one in line.casefold() for one in wanted)]
            for line in lines if wanted else []:
                found += 1
                talk(safe(f"{number:4} {message.role}: {line.strip()}"))
    if not found:
        talk(t("chat.found_none"))


def _view(chat: Chat, count: str) -> None:
    said = chat.desk.turns()
    first = len(said) - int(count) if count.isdecimal() else 0
    for number, turn in enumerate(said, 1):
        if number > first:
            talk(f"\n[{number}] › {turn.text}\n")
            _show(chat, turn.answer)
    if not said:
        talk(t("chat.nothing_said"))


def _show(chat: Chat, text: str) -> None:
    out = writer(raw=chat.raw)
    out.feed(text)
    out.close()


def _cost(chat: Chat, argument: str) -> None:
    spent = chat.desk.spent
    cost = f"${spent.cost:.4f}"
    if spent.unknown:
        cost = t("ask.cost_unknown") if not spent.cost else t("chat.cost_some", cost=cost)
    talk(t("chat.cost", turns=spent.turns, input=spent.input, output=spent.output, cost=cost))


def _help(chat: Chat, argument: str) -> None:
    for name, command in COMMANDS.items():
        talk(f"  {f'/{name} {command.what}':<22} {t(f'chat.help.{name}')}")
    talk(f"  {t('chat.help.keys')}")


def _quit(chat: Chat, argument: str) -> None:
    chat.leaving = True


COMMANDS: Final[dict[str, Command]] = {
    "model": Command(_model, "[NAME]"),
    "system": Command(_system, "[TEXT]"),
    "attach": Command(_attach, "[FILE]"),
    "tools": Command(_tools, "[FILE.py|off]"),
    "schema": Command(_schema, "[SCHEMA|off]"),
    "retry": Command(_retry),
    "continue": Command(_continue),
    "edit": Command(_edit, "[N]"),
    "undo": Command(_undo),
    "fork": Command(_fork, "[NAME]"),
    "branches": Command(_branches, "[NAME]"),
    "save": Command(_save, "NAME"),
    "export": Command(_export, "[FILE]"),
    "copy": Command(_copy, "[FILE]"),
    "search": Command(_search, "WORDS"),
    "view": Command(_view, "[N]"),
    "cost": Command(_cost),
    "help": Command(_help),
    "quit": Command(_quit),
}
