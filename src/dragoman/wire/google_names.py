"""
Names of functions as Google's dialects take them.

Rule: a name begins with a letter or `_`.  One of an earlier call is changed, always in the same way; one of a tool that
is declared is refused, because the model would call it by a name that its owner does not know.

Source: error text of the API ("Invalid function name. Must start with a letter or an underscore. Must be alphanumeric
(a-z, A-Z, 0-9), underscores (_), dots (.), colons (:) or dashes (-), with a maximum length of 64.").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dragoman.errors import ConfigError
from dragoman.types.tools import Tool

_BEGINS: Final = re.compile(r"[A-Za-z_]")
_LONGEST: Final = 64


def function_name(name: str) -> str:
    """
    The name of a function that was called.

    >>> function_name("look_up"), function_name("2fa")
    ('look_up', '_2fa')
    """
    return name if _BEGINS.match(name) else f"_{name}"[:_LONGEST]


def check_names(tools: Iterable[Tool]) -> None:
    """
    Hold declared functions to the rule.

    Raises:
        ConfigError: The name of one cannot be declared; `.field` says which.
    """
    for i, tool in enumerate(tools):
        if tool.kind != "native" and not _BEGINS.match(tool.name):
            raise ConfigError(
                f"tools[{i}] is called {tool.name!r}: for this provider a name begins with a letter or '_'",
                field=f"tools[{i}].name",
            )
