"""
What can be completed, drawn from the commands themselves.

Rule: nothing is listed twice.  The names of commands and options are those that `--help` shows, so a new option is
completed without anybody's thinking of it; only what a value *is* stands in a table here.
"""

from __future__ import annotations

from typing import Any, Final

import click

from dragoman import catalog
from dragoman.catalog.models import known_models
from dragoman.cli.app import dragoman
from dragoman.cli.group import Commands
from dragoman.kits.evaluate import kit_names
from dragoman.types.requests import SETTING_NAMES

# What stands behind an option or argument, by `command name` or by name alone: the longer one wins.
_KINDS: Final = {
    "model": "model",
    "fallback": "model",
    "ask template": "template",
    "ask option": "setting",
    "template save option": "setting",
    "template name": "template",
    "ask param": "place",
    "ask prompt": "",
    "chat prompt": "",
    "cid": "conversation",
    "conv name": "conversation",
    "provider": "provider",
    "providers": "provider",
    "kit": "kit",
    "config key": "key",
    "models show model": "model",
    "models check model": "model",
    "models list wanted": "provider",
    "models alias name": "alias",
    "schema": "file",
    "fragment": "file",
    "attach": "file",
    "ca": "file",
}
# Options whose value is a text of one's own.
_FREE: Final = (
    "TEXT",
    "SECONDS",
    "USD",
    "AGE",
    "N",
    "MB",
    "S",
    "TIME",
    "NAME",
    "URL",
    "FIELD",
    "REF",
    "WORDS",
    "NAME=VALUE",
)


def draw() -> dict[str, Any]:
    """Everything that needs the program itself to be known; it takes about half a second."""
    with click.Context(dragoman) as ctx:
        commands = _commands(dragoman, ctx, "")
    providers = list(catalog.builtin())
    return {
        "commands": commands,
        "settings": list(SETTING_NAMES),
        "providers": providers,
        "models": {name: sorted(known_models(name)) for name in providers},
        "kits": kit_names(),
    }


def _commands(group: click.Group, ctx: click.Context, path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if command is not None and not command.hidden:
            found[name] = _command(command, ctx, f"{path} {name}".strip())
    return found


def _command(command: click.Command, ctx: click.Context, path: str) -> dict[str, Any]:
    drawn: dict[str, Any] = {"help": command.get_short_help_str(60), "options": [], "arguments": []}
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden:
            drawn["options"].append(_option(param, path))
        elif isinstance(param, click.Argument):
            drawn["arguments"].append(
                {"kind": _kind(param, path), "choices": _choices(param), "many": param.nargs != 1}
            )
    drawn["options"].append({"names": ["-h", "--help"], "takes": False, "help": "", "kind": "", "choices": []})
    if isinstance(command, click.Group):
        drawn["commands"] = _commands(command, ctx, path)
        drawn["usual"] = command.usual if isinstance(command, Commands) else None
    return drawn


def _option(param: click.Option, path: str) -> dict[str, Any]:
    return {
        "names": [*param.opts, *param.secondary_opts],
        "takes": not (param.is_flag or param.count),
        "help": (param.help or "").partition(".")[0][:60],
        "kind": _kind(param, path),
        "choices": _choices(param),
    }


def _kind(param: click.Parameter, path: str) -> str:
    words = path.split()
    for start in range(len(words), -1, -1):
        named = _KINDS.get(" ".join([*words[:start], str(param.name)]))
        if named is not None:
            return named
    if isinstance(param, click.Option) and (param.is_flag or param.metavar in _FREE):
        return ""
    kind = param.type
    if isinstance(kind, click.types.IntParamType | click.types.FloatParamType | click.types.BoolParamType):
        return ""
    return "" if isinstance(kind, click.Choice) else "file"


def _choices(param: click.Parameter) -> list[str]:
    return [str(choice) for choice in param.type.choices] if isinstance(param.type, click.Choice) else []
