"""
Faults of when: answers that end too early, too late, or never.

Rule: a clean end of the bytes is no evidence that an answer is complete, and silence is no reason to wait for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from dragoman.testing.faults.actions import Action, Drip, End, Pause, Repeat
from dragoman.testing.faults.fault import (
    ALL,
    BROKEN,
    CUT,
    CUT_ANY,
    CUT_SOME,
    CUT_TOOLS,
    NO_FIRST,
    NO_MORE,
    TEXT_FRAMES,
    TOO_LONG,
    WHOLE,
    Expects,
    Fault,
    Make,
)
from dragoman.testing.faults.ordinary import LAST_CHUNK, TOOLS, Ordinary, chunks
from dragoman.testing.http1 import chunk
from dragoman.types.events import Finish, TextDelta, ToolCallDelta

_CLEAN_END: Final = "clean EOF = truncated: litellm #40260, #32686; pydantic-ai #6610; pi #8460"
_TOOLS_CUT: Final = "a cut call repaired into a call: litellm #33678"
_RESET: Final = "RFC 9293 section 3.10.7; gateways that restart: pi #8496"
_STALL: Final = "stalls: anthropic-ts #867, pi #7959, openseek #343, bifrost #3478"
_KEEP_ALIVE: Final = "comments that reset the clock: docker-agent #2349, openai-go #227"
_DRIP: Final = "slow servers against timeouts per read: urllib3's and requests' documentation of `timeout`"

# Where an answer stops.  What was sent until there, as it stands on the connection.
Stop = Callable[[Ordinary], list[bytes]]


def _nothing(good: Ordinary) -> list[bytes]:
    return []


def _in_status(good: Ordinary) -> list[bytes]:
    return [good.opened()[:11]]


def _in_headers(good: Ordinary) -> list[bytes]:
    return [good.opened()[:60]]


def _after_headers(good: Ordinary) -> list[bytes]:
    return [good.opened()]


def _after_start(good: Ordinary) -> list[bytes]:
    return [good.opened(), *chunks(good.before_content())]


def _in_text(good: Ordinary) -> list[bytes]:
    if good.streamed:
        return [good.opened(), *chunks(good.half())]
    body = good.body()
    return [good.opened(), chunk(body[: len(body) // 2])]


def _in_frame(good: Ordinary) -> list[bytes]:
    *before, last = good.half()
    return [good.opened(), *chunks([*before, last[:-20]])]


def _in_letter(good: Ordinary) -> list[bytes]:
    whole = b"".join(good.frames())
    return [good.opened(), chunk(whole[: whole.index("世".encode()) + 1])]


def _in_arguments(good: Ordinary) -> list[bytes]:
    return [good.opened(), *chunks(good.until(ToolCallDelta, 3, TOOLS))]


def _after_finish(good: Ordinary) -> list[bytes]:
    return [good.opened(), *chunks(good.until(Finish))]


def _ends(stop: Stop, *how: Action) -> Make:
    return lambda good: [*stop(good), *how]


def _fault(
    name: str,
    meaning: str,
    source: str,
    make: Make,
    *,
    plain: Expects | None = None,
    stream: Expects | None = None,
    wires: frozenset[str] = ALL,
) -> Fault:
    return Fault(name, meaning, source, make, plain, stream, wires)


def _keeps_alive(*before: Callable[[Ordinary], Iterable[bytes]]) -> Make:
    def make(good: Ordinary) -> list[Action]:
        sent = [piece for part in before for piece in part(good)]
        beat = b"\n" if good.wire.name == "ollama-chat" else b": keep-alive\n\n"
        return [good.opened(), *chunks(sent), Repeat(chunk(beat))]

    return make


def _pings(good: Ordinary) -> list[Action]:
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'
    return [good.opened(), *chunks(good.before_content()), Repeat(chunk(ping))]


def _endless(good: Ordinary) -> list[Action]:
    *before, last = good.half()
    return [good.opened(), *chunks([*before, last]), Repeat(chunk(last))]


def _drip_head(good: Ordinary) -> list[Action]:
    return [Drip(good.opened(), 0.02), *chunks(good.payload()), LAST_CHUNK]


def _drip_body(good: Ordinary) -> list[Action]:
    body = b"".join(good.payload())
    return [*good.sized(b"", headers={"content-length": str(len(body))}), Drip(body, 0.02)]


def _drip_fast(good: Ordinary) -> list[Action]:
    head, *body = good.whole()
    return [head, Drip(b"".join(body))]


_QUICK: Final = 0.01


def _slow_but_steady(good: Ordinary) -> list[Action]:
    paced: list[Action] = [good.opened()]
    for piece in chunks(good.payload()):
        paced += [Pause(_QUICK), piece]
    return [*paced, LAST_CHUNK]


_NO_ANSWER: Final = Expects(errors=("StreamInterrupted",))

# A table is read by rows.
# fmt: off
ENDINGS: Final = (
    # --- the body ends well, the answer does not ----------------------------------------------------------------------
    _fault("cut_before_content", "The stream ends after its first frame, before any content.", _CLEAN_END,
           _ends(_after_start, LAST_CHUNK), stream=CUT),
    _fault("cut_in_text", "The body ends cleanly in the middle of the text.", _CLEAN_END, _ends(_in_text, LAST_CHUNK),
           plain=BROKEN, stream=CUT_SOME),
    _fault("cut_in_frame", "The stream ends cleanly in the middle of a frame.", _CLEAN_END, _ends(_in_frame,
           LAST_CHUNK), stream=Expects(errors=("StreamInterrupted", "WireError"), partial="some")),
    _fault("cut_in_letter", "The stream ends cleanly inside a letter of three bytes.", _CLEAN_END, _ends(_in_letter,
           LAST_CHUNK), stream=Expects(errors=("StreamInterrupted", "WireError"), partial="some"), wires=TEXT_FRAMES),
    _fault("cut_in_tool_arguments", "The stream ends cleanly in the middle of a tool call's arguments.", _TOOLS_CUT,
           _ends(_in_arguments, LAST_CHUNK), stream=CUT_TOOLS),
    _fault("cut_before_finish", "The stream ends cleanly shortly before the text does.", _CLEAN_END, _ends(lambda
           good: [good.opened(), *chunks(good.until(TextDelta, 9))], LAST_CHUNK), stream=CUT_SOME),
    _fault("cut_after_finish", "The stream ends after the finish reason, without its end marker.", _CLEAN_END,
           _ends(_after_finish, LAST_CHUNK), stream=WHOLE),
    # --- the connection ends ------------------------------------------------------------------------------------------
    _fault("close_before_answer", "The connection is closed before a byte of the answer.", _RESET, _ends(_nothing,
           End.CLOSE), plain=_NO_ANSWER, stream=_NO_ANSWER),
    _fault("close_in_status", "The connection is closed in the status line.", _RESET, _ends(_in_status, End.CLOSE),
           plain=BROKEN, stream=BROKEN),
    _fault("close_in_headers", "The connection is closed in the headers.", _RESET, _ends(_in_headers, End.CLOSE),
           plain=BROKEN, stream=BROKEN),
    _fault("close_after_headers", "The connection is closed after the headers.", _RESET, _ends(_after_headers,
           End.CLOSE), plain=CUT, stream=CUT),
    _fault("close_in_text", "The connection is closed in the middle of the text.", _RESET, _ends(_in_text, End.CLOSE),
           plain=CUT, stream=CUT_SOME),
    _fault("close_after_finish", "The connection is closed after the finish reason.", _RESET, _ends(_after_finish,
           End.CLOSE), stream=WHOLE),
    _fault("reset_before_answer", "The connection is reset before a byte of the answer.", _RESET, _ends(_nothing,
           End.RESET), plain=_NO_ANSWER, stream=_NO_ANSWER),
    _fault("reset_in_headers", "The connection is reset in the headers.", _RESET, _ends(_in_headers, End.RESET),
           plain=BROKEN, stream=BROKEN),
    _fault("reset_after_headers", "The connection is reset after the headers.", _RESET, _ends(_after_headers,
           End.RESET), plain=CUT, stream=CUT),
    # A reset may take with it what the client had not read yet.
    _fault("reset_in_text", "The connection is reset in the middle of the text.", _RESET, _ends(_in_text, End.RESET),
           plain=CUT, stream=CUT_ANY),
    _fault("reset_in_tool_arguments", "The connection is reset in the middle of a tool call's arguments.", _TOOLS_CUT,
           _ends(_in_arguments, End.RESET), stream=CUT_TOOLS),
    # --- silence ------------------------------------------------------------------------------------------------------
    _fault("stall_before_answer", "The request is taken, and nothing comes.", _STALL, _ends(_nothing, Pause()),
           plain=NO_FIRST, stream=NO_FIRST),
    _fault("stall_in_headers", "Nothing more comes after half of the headers.", _STALL, _ends(_in_headers, Pause()),
           plain=NO_FIRST, stream=NO_FIRST),
    _fault("stall_after_headers", "Nothing more comes after the headers.", _STALL, _ends(_after_headers, Pause()),
           plain=NO_FIRST, stream=NO_FIRST),
    _fault("stall_before_content", "Nothing more comes after the first frame, which has no content.", _STALL,
           _ends(_after_start, Pause()), stream=NO_FIRST),
    _fault("stall_in_text", "Nothing more comes after half of the text.", _STALL, _ends(_in_text, Pause()),
           plain=TOO_LONG, stream=NO_MORE),
    _fault("stall_in_tool_arguments", "Nothing more comes in the middle of a tool call's arguments.", _STALL,
           _ends(_in_arguments, Pause()), stream=Expects(errors=("TimeoutError",), answer="tools")),
    _fault("stall_after_finish", "Nothing more comes after the finish reason, and the connection stays open.", _STALL,
           _ends(_after_finish, Pause()), stream=WHOLE),
    _fault("stall_after_end", "The end marker came, and the connection neither ends nor closes.", _STALL, lambda good:
           [good.opened(), *chunks(good.frames()), Pause()], stream=WHOLE),
    # --- life without progress ----------------------------------------------------------------------------------------
    _fault("keep_alive_only", "Comments come for ever, and no event.", _KEEP_ALIVE, _keeps_alive(), stream=NO_FIRST,
           wires=TEXT_FRAMES),
    _fault("keep_alive_after_text", "Comments come for ever after half of the text.", _KEEP_ALIVE,
           _keeps_alive(Ordinary.half), stream=NO_MORE, wires=TEXT_FRAMES),
    _fault("pings_only", "Pings come for ever, and no content.", _KEEP_ALIVE, _pings, stream=NO_FIRST,
           wires=frozenset({"anthropic-messages", "vertex-anthropic"})),
    _fault("endless", "The text never ends.", _STALL, _endless, stream=Expects(errors=("TimeoutError",),
           clocks=("total",), partial="some")),
    _fault("continue_for_ever", "`100 Continue` comes for ever.", _STALL, lambda good:
           [Repeat(b"HTTP/1.1 100 Continue\r\n\r\n", 0.01)], plain=Expects(errors=("TimeoutError", "WireError",
           "StreamInterrupted")), stream=Expects(errors=("TimeoutError", "WireError", "StreamInterrupted"))),
    # --- drips --------------------------------------------------------------------------------------------------------
    _fault("drip_headers", "The headers come byte by byte, too slowly.", _DRIP, _drip_head, plain=NO_FIRST,
           stream=NO_FIRST),
    _fault("drip_body", "The body comes byte by byte, too slowly.", _DRIP, _drip_body, plain=TOO_LONG, stream=TOO_LONG),
    _fault("drip_fast", "The body comes byte by byte, each in a packet of its own, and is whole.", _DRIP, _drip_fast,
           plain=WHOLE, stream=WHOLE),
    _fault("slow_but_steady", "The frames come slowly and none is missing.", _DRIP, _slow_but_steady, plain=WHOLE,
           stream=WHOLE),
)
# fmt: on
