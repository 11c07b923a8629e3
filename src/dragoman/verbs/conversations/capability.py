"""
What a conversation's capability gives, and what may be given to it.

Rule: here stand signatures and words.  The faces know no more of a conversation, so who holds none loads none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from dragoman.policy.base import Opened
from dragoman.types.messages import Message
from dragoman.types.requests import OutputFormat, Settings
from dragoman.types.responses import ChatResponse
from dragoman.types.runs import RunResponse
from dragoman.types.turns import Turn
from dragoman.types.windows import Explanation

if TYPE_CHECKING:
    from dragoman.client import Messages
    from dragoman.policy.route.plans import Plan

OnBusy = Literal["wait", "reject", "fork", "interrupt"]
"""What a turn does while another runs; see `Client.conversation`."""

Resume = Literal["again", "continue"]
"""What becomes of an answer that broke off: it is asked for again, or gone on with."""

Form = Literal["json", "openai", "responses", "anthropic", "sharegpt", "markdown", "langgraph", "pydantic-ai"]
"""How a conversation is written outside of its store."""

Source = Form | Literal["openai-agents", "chatgpt", "llm"]
"""What a conversation is read from."""

Given = str | bytes | os.PathLike[str] | Mapping[str, Any] | Sequence[Any]
"""How it is given: a text or bytes, the path of a file, or values."""


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


class Policy(Protocol):
    """What decides what of a conversation is sent: `Pin`, `Summarise`, `DropOldToolResults`, `ProviderNative`..."""

    def decide(self, view: Any, room: Any) -> Sequence[Any]:
        """See `dragoman.conversation.windows.deciding.Policy`."""
        ...


Windows = Window | Policy | Sequence[Window | Policy] | Literal["default"] | None
"""What may be given as `window=`."""


class Call(Protocol):
    """A turn that has not begun."""

    @property
    def output(self) -> OutputFormat | None:
        """The form of its answer."""
        ...


class Talk(Protocol):
    """What the capability gives."""

    id: str
    branch: str
    tenant: str

    def call(
        self,
        said: Messages,
        turn_id: str | None,
        model: str | Plan | None,
        settings: Settings | None,
        keywords: Mapping[str, Any],
        *,
        edits: str | None = None,
        runs: bool = False,
    ) -> Call: ...

    async def say(self, call: Call) -> ChatResponse: ...

    async def parse(self, call: Call, attempts: int | None) -> ChatResponse: ...

    async def open(self, call: Call) -> Opened: ...

    async def run(self, call: Call) -> RunResponse: ...

    async def history(self) -> list[Message]: ...

    async def view(self) -> list[Message]: ...

    async def explain(self, said: Messages | None, model: str | Plan | None) -> Explanation: ...

    async def pin(self, turn_id: str, pinned: bool) -> None: ...

    async def settle(self, within: float | None) -> bool: ...

    async def turn(self, turn_id: str) -> Turn | None: ...

    async def interrupted(self) -> list[Turn]: ...

    async def resume(self, turn_id: str | None, how: Resume) -> ChatResponse: ...

    async def watch(self, turn_id: str | None, within: float | None) -> Opened: ...

    async def undo(self) -> None: ...

    async def fork(self, name: str | None, at: str | None) -> Talk: ...

    async def export(self, form: Form) -> str: ...

    async def take(self, data: Given, form: Source) -> int: ...

    async def erase(self) -> tuple[int, int]: ...


class Named:
    """What both faces of a conversation show without asking the store."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    @property
    def id(self) -> str:
        """The conversation's name."""
        return self._talk.id

    @property
    def branch(self) -> str:
        """The branch that turns are said on."""
        return self._talk.branch

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id!r} on {self.branch!r}>"
