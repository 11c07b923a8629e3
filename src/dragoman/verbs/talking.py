"""
`conversation` as the two clients have it, and what it gives, on either face.

What a conversation does is a capability and lives above the clients (`dragoman.conversation`), so it is loaded by its
name, when a client first has one.

Rule: here stand signatures and words, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, Unpack, cast

import msgspec

from dragoman.plain import Plain
from dragoman.policy.base import Opened
from dragoman.runtime import drive
from dragoman.stream import AsyncStream, Stream
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest, OutputFormat, Settings, SettingsDict, settings_from
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import RunDict, RunResponse
from dragoman.verbs.run import Rounds

if TYPE_CHECKING:
    from dragoman.client import Messages
    from dragoman.conversation_types import Turn
    from dragoman.policy.route.plans import Plan
    from dragoman.policy.route.way import Way

OnBusy = Literal["wait", "reject", "fork", "interrupt"]
"""What a turn does while another runs; see `Client.conversation`."""

Form = Literal["json", "openai", "markdown"]
"""How a conversation is written outside of its store."""


class Window(Protocol):
    """What decides how much of a conversation is sent: `TokenBudget`, `LastTurns`, or your own."""

    def leave_out(self, turns: Sequence[int], fixed: int, context: int | None) -> int:
        """
        Say how many of the oldest turns are not sent from now on.

        Args:
            turns: Tokens of each turn that would be sent, as estimated; the last is the one that is asked.
            fixed: Tokens of the instructions.
            context: Tokens that the model can read, or None if it is not known.
        """
        ...
