"""
Whether a call may be made.

The hook is asked before each call that could be made, one after another, in the order of the calls.  On the blocking
face a plain function is called in the caller's own thread, where `input()` works; on the other one it runs in a thread,
so that it may block.

Rule: only a clear yes is a yes.  A hook that returns nothing stops the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import isawaitable
from typing import Any, Final, cast

import msgspec

from dragoman.errors import RunError
from dragoman.tools.arguments import BadCallError
from dragoman.tools.calls import called
from dragoman.tools.loops import Crew
from dragoman.tools.results import told
from dragoman.types.messages import ToolCall
from dragoman.types.runs import Approve

_DENIED: Final = "The call was not allowed."


async def approved(hook: Approve | None, call: ToolCall, crew: Crew, until: float | None) -> ToolCall:
    """
    The call as it may be made.

    Raises:
        BadCallError: It may not; the text says so to the model.
        RunError: The hook failed, or said neither yes nor no.
        TimeoutError: The hook has not answered in time.
    """
    if hook is None:
        return call
    return _decided(call, await _answer(hook, call, crew, until))


async def _answer(hook: Approve, call: ToolCall, crew: Crew, until: float | None) -> object:
    try:
        if crew.runtime.suspends:
            return await crew.value(lambda: called(hook, call), until)
        answer = hook(call)
        return await crew.value(lambda: _awaited(answer), until) if isawaitable(answer) else answer
    except TimeoutError as error:
        if until is not None and crew.runtime.now() >= until:
            raise
        raise _broken(error) from error
    except Exception as error:
        raise _broken(error) from error


async def _awaited(answer: Any) -> object:
    return await answer


def _broken(error: Exception) -> RunError:
    return RunError(f"the approval hook failed: {told(error)}")


def _decided(call: ToolCall, answer: object) -> ToolCall:
    if answer is True:
        return call
    if answer is False:
        raise BadCallError(_DENIED)
    if isinstance(answer, str):
        raise BadCallError(f"{_DENIED} {answer}")
    if isinstance(answer, Mapping):
        text = msgspec.json.encode(dict(cast("Mapping[str, Any]", answer))).decode()
        return msgspec.structs.replace(call, arguments_json=text)
    raise RunError(
        f"the approval hook gave {type(answer).__name__} for {call.name}: give True, False, a reason, or new arguments"
    )
