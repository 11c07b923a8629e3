"""
What is right under a fault, for any library.

Not the expectations of our own tests: these ask for our classes, our partial answers and our ledger.  Here only what a
user of any library may ask for counts:

1. A right answer that HTTP and the dialect allow arrives whole: the exact text, the tool calls, a finish reason that
   fits.
2. Where bytes that break a standard still prove the whole answer, either it arrives or an exception does.
3. An answer that is cut, damaged or an error is an exception; what is handed over as an answer is not.  The whole,
   exact answer is right as well, unless the provider reported an error in it or text of it was damaged.
4. The exception is of the library (or of those that it says it stands on), of the HTTP library under it, or one of the
   built-in classes for timeouts and connections; it shows the key neither in its words nor in its traceback.
5. One request where trying again cannot help (quota, key, bad request, the provider's no), three elsewhere.  Redirects
   to the same place may be followed; neither key nor prompt goes to another origin.
6. The call ends within its timeout, and where retries are on (`retries`), within three of them and a moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from dragoman.testing import Server, says
from dragoman.testing.faults import TEXT, TOOLS, Expects, Fault
from dragoman.testing.faults.statuses import STATUSES

WORDS: Final = says(
    "Good morning, Grüße aus Köln, 世界: this is the whole answer 🌍, and here, well after the middle, it ends."
).response
"""The answer that is broken.  It holds letters of two, three and four bytes, and none that a peer would stumble over in
every case alike: the line separators of Unicode have a case of their own."""
TIMEOUT: Final = 2.0
"""Seconds that every call is given."""
HARD: Final = 12.0
"""Seconds after which the process of a call is ended from outside."""

# Ways to be wrong, and what each means.
HANG: Final = "hang"
SILENT: Final = "silent loss"
UNTYPED: Final = "untyped error"
REFUSED: Final = "right answer refused"
KEY: Final = "key shown"
REQUESTS: Final = "too many requests"
ELSEWHERE: Final = "sent elsewhere"
LATE: Final = "late"
MEANINGS: Final = {
    SILENT: "an answer that is not the answer, handed over without an error",
    HANG: f"no end after {HARD:g} s with a timeout of {TIMEOUT:g} s, until the process was killed",
    UNTYPED: "an exception of no documented class: `JSONDecodeError`, `AttributeError`, `KeyError`...",
    REFUSED: "an exception for an answer that is right by every standard",
    REQUESTS: "sent again where that cannot help, or more than three times",
    LATE: "an end after the time that was given, or a wait for a `Retry-After` that is longer than it",
    KEY: "the API key in the words or the traceback of the exception",
    ELSEWHERE: "the prompt given to another origin, to which the server redirected",
}

# The bytes break a standard, or leave out what the dialect requires, and the answer can still be told.  (rule 2)
_ODD: Final = frozenset(
    {
        *("length_too_long", "length_huge", "length_not_a_number", "length_negative", "two_lengths", "no_reason"),
        *("plain_for_stream", "stream_for_plain", "other_content_type", "no_content_type", "unknown_compression"),
        *("cut_after_finish", "close_after_finish", "stall_after_finish", "stall_after_end", "glued_frames"),
        *("tool_index_missing", "tool_index_null", "tool_index_duplicate", "tool_index_shifted", "tool_id_repeated"),
        *("tool_fields_empty", "tool_type_missing", "tool_finish_stop", "block_index_duplicate", "block_index_shifted"),
    }
)
_ODD_PLAIN: Final = frozenset(
    {"bom"}
)  # RFC 8259, section 8.1, leaves it to the reader; in a stream it is to be skipped
# The whole text may come, and is not to be believed.  (rule 3)
_NEVER: Final = frozenset({"error_event_after_text", "broken_json_after_text"})
_FOLLOWED: Final = frozenset({"redirect_same_origin", "redirect_to_get"})
_HTTP_LIBRARIES: Final = ("httpx", "httpx2", "httpcore", "httpcore2", "aiohttp")
_BUILT_IN: Final = frozenset({"builtins.TimeoutError", "builtins.ConnectionError"})
_FINISHES: Final = {
    "text": frozenset({"stop", "end_turn"}),
    "tools": frozenset({"tool_calls", "tool_use", "tool_call", "stop"}),
}
_STATUS_NAMES: Final = frozenset(fault.name for fault in STATUSES)


def retries(fault: Fault, *, streamed: bool) -> bool:
    """Whether a fault is about trying again, so that the peer keeps its own retries; they are off elsewhere."""
    expects = fault.expects(streamed=streamed)
    assert expects is not None
    return fault.name in _STATUS_NAMES or expects.retryable is not None or fault.name == "error_event_first"


def wrong(fault: Fault, outcome: dict[str, Any], server: Server, own: tuple[str, ...], *, streamed: bool) -> list[str]:
    """The ways in which an outcome is wrong; none if it is right."""
    expects = fault.expects(streamed=streamed)
    assert expects is not None
    found = [*_time(outcome, retries(fault, streamed=streamed)), *_requests(fault, expects, server)]
    if "hang" in outcome:
        return found
    found += _error(outcome["error"], own) if "error" in outcome else []
    right = "answer" in outcome and whole(fault, outcome["answer"], expects)
    if "error" in outcome:
        odd = fault.name in _ODD or expects.or_whole or (not streamed and fault.name in _ODD_PLAIN)
        return found if expects.errors or odd else [*found, REFUSED]
    return found if right and fault.name not in _NEVER else [*found, SILENT]


def whole(fault: Fault, answer: dict[str, Any], expects: Expects) -> bool:
    """Whether it is the right answer: text, calls and a finish reason that fits."""
    words = TEXT if fault.name == "line_separators" else WORDS
    right = TOOLS if expects.answer == "tools" else words
    calls = [(name, _parsed(arguments)) for name, arguments in answer["calls"]]
    wanted = [(call.name, call.arguments) for call in right.tool_calls]
    return (right.text, wanted) == (answer["text"], calls) and answer["finish"] in _FINISHES[expects.answer]


def _parsed(arguments: Any) -> Any:
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _time(outcome: dict[str, Any], again: bool) -> Iterator[str]:
    if "hang" in outcome:
        # A wait that the server asked for is no hang, but the caller gave less time.
        yield LATE if again else HANG
    elif outcome["seconds"] > (3 * TIMEOUT + 4 if again else TIMEOUT + 1):
        yield LATE


def _requests(fault: Fault, expects: Expects, server: Server) -> Iterator[str]:
    requests = server.all_requests
    if any("stolen" in request.query for request in requests):
        yield ELSEWHERE
    elif len(requests) > (1 if expects.once else 3) and fault.name not in _FOLLOWED:
        yield REQUESTS


def _error(error: dict[str, Any], own: tuple[str, ...]) -> Iterator[str]:
    roots = (*own, *_HTTP_LIBRARIES)
    if not any(name.partition(".")[0] in roots or name in _BUILT_IN for name in error["classes"]):
        yield UNTYPED
    if error["key"]:
        yield KEY
