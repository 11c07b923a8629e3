"""
Functions of the user's own that the model may call.

They are the public functions of a Python file that the user names; loading it runs it.  Rule: each call is shown, and
made only when the user agrees.
"""

from __future__ import annotations

import inspect
import runpy
import sys
from collections.abc import Callable
from typing import Any

from dragoman.cli.chat.words import t
from dragoman.cli.output import safe, talk
from dragoman.errors import ConfigError
from dragoman.types.messages import ToolCall
from dragoman.types.runs import Approve


def load_tools(file: str) -> list[Callable[..., Any]]:
    """
    The functions that a file defines, without those that begin with an underscore.

    Raises:
        ConfigError: The file cannot be read, is no Python, or defines none.
    """
    try:
        names = runpy.run_path(file, run_name="dragoman_tools")
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}", field="tools") from error
    except SyntaxError as error:
        raise ConfigError(f"{file} is no Python: line {error.lineno}: {error.msg}", field="tools") from error
    except ImportError as error:
        raise ConfigError(f"{file} cannot be loaded: {error}", field="tools") from error
    found = [
        value
        for name, value in names.items()
        if not name.startswith("_") and inspect.isfunction(value) and value.__module__ == "dragoman_tools"
    ]
    if not found:
        raise ConfigError(f"{file} defines no function", field="tools")
    return found


class Sure:
    """Asks before each call."""

    def __init__(self) -> None:
        self._always = False

    def asking(self, pause: Callable[[], None]) -> Approve:
        """
        What asks.

        Args:
            pause: Called before something is written.
        """

        def approve(call: ToolCall) -> bool | str:
            pause()
            talk(t("tool_call", call=safe(f"{call.name} {call.arguments_json}")))
            return self._always or self._agreed()

        return approve

    def _agreed(self) -> bool | str:
        talk(t("tool_sure"), end="")
        said = sys.stdin.readline().strip().lower()
        self._always = said.startswith("a")
        return True if said.startswith(("y", "a")) else "the user declined this call"
