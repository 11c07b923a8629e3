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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from dragoman.cli.output import safe, talk
from dragoman.cli.words import t
from dragoman.errors import ConfigError
from dragoman.types.messages import ToolCall
from dragoman.types.runs import Approve

_NAME: Final = "dragoman_tools"


def load_tools(file: str) -> list[Callable[..., Any]]:
    """
    The functions that a file defines, without those that begin with an underscore.

    Raises:
        ConfigError: The file cannot be read, cannot be loaded, or defines none.
    """
    with ThreadPoolExecutor(1) as aside:  # whatever the user's code raises is an answer here
        loading = aside.submit(runpy.run_path, file, run_name=_NAME)
        failed = loading.exception()
    if failed is not None:
        raise ConfigError(_why(file, failed), field="tools") from failed
    names = loading.result()
    found: list[Callable[..., Any]] = [
        value
        for name, value in names.items()
        if not name.startswith("_") and inspect.isfunction(value) and value.__module__ == _NAME
    ]
    if not found:
        raise ConfigError(f"{file} defines no function", field="tools")
    return found


def _why(file: str, failed: BaseException) -> str:
    if isinstance(failed, FileNotFoundError | IsADirectoryError | PermissionError) and _same(failed.filename, file):
        return f"{file} cannot be read: {failed.strerror}"
    if isinstance(failed, SyntaxError):
        return f"{file} is no Python: line {failed.lineno}: {failed.msg}"
    return f"{file} cannot be loaded: {type(failed).__name__}: {failed}"


def _same(one: object, other: str) -> bool:
    return isinstance(one, str) and Path(one).absolute() == Path(other).absolute()


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
            talk(t("chat.tool_call", call=safe(f"{call.name} {call.arguments_json}")))
            return self._always or self._agreed()

        return approve

    def _agreed(self) -> bool | str:
        talk(t("chat.tool_sure"), end="")
        said = sys.stdin.readline().strip().lower()
        self._always = said.startswith("a")
        return True if said.startswith(("y", "a")) else "the user declined this call"
