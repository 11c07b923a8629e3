"""
What goes wrong with providers, by name, on real sockets.

    from dragoman.testing import Server
    from dragoman.testing.faults import FAULTS, fault

    with Server(fault("cut_in_text"), default=says("and then it worked")) as server:
        ...

A fault breaks an ordinary answer, made by the dialect that is asked, and says what a right client makes of it.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from dragoman.errors import ConfigError
from dragoman.testing.faults.binary import BINARY
from dragoman.testing.faults.bodies import BODIES
from dragoman.testing.faults.endings import ENDINGS
from dragoman.testing.faults.fault import Expects, Fault, FaultStep
from dragoman.testing.faults.http import HTTP
from dragoman.testing.faults.ordinary import TEXT, TOOLS
from dragoman.testing.faults.reported import REPORTED
from dragoman.testing.faults.statuses import STATUSES
from dragoman.testing.faults.tools import TOOL_FAULTS
from dragoman.testing.routes import route_of
from dragoman.testing.steps import Step
from dragoman.types.responses import ChatResponse

__all__ = ["FAULTS", "TEXT", "TOOLS", "Expects", "Fault", "fault"]

FAULTS: Final[dict[str, Fault]] = {
    fault.name: fault for fault in (*ENDINGS, *BODIES, *REPORTED, *BINARY, *STATUSES, *TOOL_FAULTS, *HTTP)
}
"""Every fault, by name."""


def fault(name: str, wire: str | None = None, *, answer: ChatResponse = TEXT) -> Step:
    """
    The step that answers with a fault, for `Server`.

    A request that the fault cannot happen to (a plain one, where it is a fault of streams) gets the ordinary answer.

    Args:
        name: One of `FAULTS`.
        wire: The dialect that will be asked, to hear at once if the fault cannot happen in it.
        answer: What is broken, where it is an answer in words.  `TEXT` holds whatever readers stumble over; faults
            that damage letters look for its `世`.

    Raises:
        ConfigError: No such fault or dialect, or not this fault in this dialect.
    """
    if name not in FAULTS:
        near = get_close_matches(name, FAULTS, n=3)
        hint = f": did you mean {', '.join(near)}?" if near else ": `dragoman mock --list` lists them"
        raise ConfigError(f"no fault is called {name!r}{hint}", field="fault")
    chosen = FAULTS[name]
    if wire is not None and route_of(wire).wire not in chosen.wires:
        raise ConfigError(f"{name} cannot happen in {wire}, only in {', '.join(sorted(chosen.wires))}", field="wire")
    return FaultStep(chosen, answer)
