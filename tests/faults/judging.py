"""
Whether a call was right, by what its fault expects.

Every finding is a sentence; a call without findings is right.
"""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator

import msgspec

from dragoman import ChatResponse, DragomanError, TimeoutError, errors
from dragoman.testing.faults import TEXT, TOOLS, Expects, Fault
from tests.faults.asking import KEY, Outcome

_LONGEST = 12.0  # seconds of any call, waits between attempts included


def findings(fault: Fault, outcome: Outcome, *, streamed: bool) -> list[str]:
    """What is wrong with a call, in words."""
    expects = fault.expects(streamed=streamed)
    assert expects is not None  # only what can happen is tried
    found = list(_always(outcome))
    if not expects.errors or (expects.or_whole and outcome.error is None):
        return [*found, *_whole(expects, outcome)]
    if outcome.error is None:
        return [*found, f"no error, but {outcome.response and outcome.response.message.parts!r}"]
    return [*found, *_error(expects, outcome.error), *_partial(fault, expects, outcome, outcome.error)]


def _always(outcome: Outcome) -> Iterator[str]:
    if outcome.seconds > _LONGEST:
        yield f"it took {outcome.seconds:.2f} s"
    if outcome.open_connections and outcome.broken_off:
        yield f"{outcome.open_connections} connections are open"
    if any("stolen" in request.query for request in outcome.server.all_requests):
        yield "the redirect was followed"
    if not outcome.server.requests:
        yield "nothing was sent"
    shown = outcome.error if outcome.error is not None else outcome.response
    if any(KEY in text for text in _texts(shown)):
        yield "the key can be read"


def _texts(value: DragomanError | ChatResponse | None) -> Iterator[str]:
    yield repr(value)
    yield str(value)
    if isinstance(value, DragomanError):
        yield repr(vars(value))
        yield "".join(traceback.format_exception(value))
        yield repr(pickle.dumps(value))


def _whole(expects: Expects, outcome: Outcome) -> Iterator[str]:
    if outcome.error is not None or outcome.response is None:
        yield f"{outcome.error!r} for an answer that is whole"
        return
    right = TOOLS if expects.answer == "tools" else TEXT
    answer = outcome.response
    if (right.text, _calls(right)) != (answer.text, _calls(answer)):
        yield f"another answer: {answer.text!r} {_calls(answer)}"
    if answer.finish_reason not in (right.finish_reason, "stop"):
        yield f"finish reason {answer.finish_reason}"
    if outcome.events and outcome.text != answer.text:
        yield "the events are not the answer"


def _calls(answer: ChatResponse) -> list[tuple[str, object]]:
    return [(call.name, call.arguments) for call in answer.tool_calls]


def _error(expects: Expects, error: DragomanError) -> Iterator[str]:
    if not isinstance(error, tuple(getattr(errors, name) for name in expects.errors)):
        yield f"{type(error).__name__}: {error}, expected {' or '.join(expects.errors)}"
    if isinstance(error, TimeoutError) and expects.clocks and error.clock not in expects.clocks:
        yield f"clock {error.clock}, expected {' or '.join(expects.clocks)}"
    if expects.retryable is not None and error.retryable is not expects.retryable:
        yield f"retryable is {error.retryable}"
    if expects.retry_after is not msgspec.UNSET and error.retry_after != expects.retry_after:
        yield f"retry_after is {error.retry_after}, expected {expects.retry_after}"
    if error.provider is None or error.model is None:
        yield "the error does not say who"
    if not error.attempts:
        yield "the ledger is empty"
    if str(pickle.loads(pickle.dumps(error))) != str(error):
        yield "it does not survive pickle"


def _partial(fault: Fault, expects: Expects, outcome: Outcome, error: DragomanError) -> Iterator[str]:
    if expects.once and outcome.server.calls != 1:
        yield f"{outcome.server.calls} requests"
    text = error.partial.text if error.partial else ""
    if text != outcome.text:
        yield f"the partial answer {text!r} is not what was delivered, {outcome.text!r}"
    if not _begins(fault, text):
        yield f"the partial answer is invented: {text!r}"
    if expects.partial == "some" and not text:
        yield "nothing of the text was delivered"
    if expects.partial == "none" and text:
        yield f"text was delivered: {text!r}"
    if error.partial and any(call not in _calls(TOOLS) for call in _calls(error.partial)):
        yield f"a tool call was made up: {_calls(error.partial)}"
    if error.partial and error.partial.finish_reason not in ("unknown", "stop"):
        yield f"finish reason {error.partial.finish_reason} of a cut answer"


def _begins(fault: Fault, text: str) -> bool:
    if fault.name == "endless":
        return text.startswith(TEXT.text[:8])
    return TEXT.text.startswith(text)
