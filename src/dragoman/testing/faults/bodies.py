"""
Faults of content: what arrives whole and is not, or not quite, the dialect.

Rule: what only looks odd is read; what is not the protocol is a typed error; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dragoman.testing.faults.actions import Action
from dragoman.testing.faults.fault import (
    ALL,
    BROKEN,
    CUT_SOME,
    NONSENSE,
    NONSENSE_SOME,
    SSE,
    TEXT_FRAMES,
    WHOLE,
    Expects,
    Fault,
    Make,
)
from dragoman.testing.faults.ordinary import TEXT, Ordinary

_NOT_AN_ANSWER: Final = "200 with HTML, a JSON error or nothing: gateways and captive portals; claude-code-router #1002"
_BROKEN: Final = "two frames glued, malformed JSON: opencode #23442, sub2api #1471"
_LETTERS: Final = "letters cut or decoded wrongly: vLLM #38732, OpenMetadata #29531, mastra #20224"
_SSE: Final = "WHATWG HTML section 9.2.6"
_LINES: Final = "newline-delimited JSON: what writers of it do; Ollama's page on streaming"
_ARRAY: Final = "Google's REST reference, `streamGenerateContent` without `alt=sse`; the recordings"
_FORM: Final = "the other form than was asked for: litellm #1967; servers that stream in name only"

_HTML: Final = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n"
_JSON: Final = {"content-type": "application/json; charset=UTF-8"}
_GEMINI: Final = frozenset({"gemini-generate"})
_OLLAMA: Final = frozenset({"ollama-chat"})
_ENDS: Final = {
    "anthropic-messages": b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    "vertex-anthropic": b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    "ollama-chat": b"\n",
}


def _body(body: bytes, content_type: str = "", *more: Action) -> Make:
    """The same body whatever was asked, under the type that was expected if none is given."""

    def make(good: Ordinary) -> list[Action]:
        return [*good.sized(body, headers={"content-type": content_type} if content_type else None), *more]

    return make


def _frames(change: Callable[[list[bytes]], list[bytes]]) -> Make:
    """The whole answer with something done to its pieces."""

    def make(good: Ordinary) -> list[Action]:
        return [*good.chunked(change(good.payload()))]

    return make


def _after_half(damage: Callable[[Ordinary], bytes]) -> Make:
    """Half of the text, then something else, then the rest as if nothing were."""

    def make(good: Ordinary) -> list[Action]:
        half = good.half()
        return [*good.chunked([*half, damage(good), *good.frames()[len(half) :]])]

    return make


def _instead_of_content(damage: Callable[[Ordinary], bytes]) -> Make:
    return lambda good: [*good.chunked([*good.before_content(), damage(good)])]


def _frame(data: bytes, good: Ordinary, kind: bytes = b"") -> bytes:
    if good.wire.name == "ollama-chat":
        return data + b"\n"
    return (b"event: " + kind + b"\n" if kind else b"") + b"data: " + data + b"\n\n"


# --- damage -----------------------------------------------------------------------------------------------------------


def _broken_json(good: Ordinary) -> bytes:
    return _frame(b'{"id":"x","choices":[{"index":0,"delta":{"content":"bro', good)


def _json_of_another_shape(good: Ordinary) -> bytes:
    return _frame(b'{"type":5,"choices":"none","delta":[],"candidates":7,"message":0}', good, _kind(good))


def _kind(good: Ordinary) -> bytes:
    return b"content_block_delta" if "anthropic" in good.wire.name else b""


def _glued(good: Ordinary) -> list[Action]:
    half = good.half()
    one, other = half[-2].strip(), half[-1]
    joined = one + other[other.index(b"{") :] if b"data:" in other else one + other
    return [*good.chunked([*half[:-2], joined, *good.frames()[len(half) :]])]


def _broken_utf8(good: Ordinary) -> list[Action]:
    damaged = b"\x1f\n\xe4\xff".join(b"".join(good.payload()).split("世".encode()))
    return [*good.chunked([damaged.replace(b"\x1f\n", b"")])]


def _in_two(pieces: list[bytes]) -> list[bytes]:
    """Cut in the middle of every letter that has several bytes."""
    whole = b"".join(pieces)
    cuts = [at for at in range(1, len(whole)) if 0x80 <= whole[at] < 0xC0]
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


def _beside(extra: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda pieces: [part for piece in pieces for part in (extra, piece)]


def _line_ends(ends: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda pieces: [piece.replace(b"\n", ends) for piece in pieces]


def _huge_frame(good: Ordinary) -> list[Action]:
    return [*good.chunked([*good.half(), b"data: ", *[b"x" * 1024 * 1024] * 17])]


def _without_space(pieces: list[bytes]) -> list[bytes]:
    return [piece.replace(b"\ndata: ", b"\ndata:").replace(b"event: ", b"event:") for piece in pieces]


def _lines(good: Ordinary) -> list[Action]:
    return [*good.chunked(good.payload(TEXT))]


def _array(join: Callable[[list[bytes], int], bytes]) -> Make:
    """The events as JSON in an array, as Google streams them without `alt=sse`; one of its elements in each chunk."""

    def make(good: Ordinary) -> list[Action]:
        items = [frame.removeprefix(b"data: ").strip() for frame in good.frames()]
        whole = join(items, len(good.half()))
        return [*good.chunked([whole[at : at + 100] for at in range(0, len(whole), 100)], _JSON)]

    return make


def _under(content_type: str) -> Make:
    return lambda good: [*good.whole({"content-type": content_type})]


def _plain_anyway(good: Ordinary) -> list[Action]:
    return [*good.sized(good.body(), headers={"content-type": "application/json"})]


def _stream_anyway(good: Ordinary) -> list[Action]:
    return [good.head(headers={"transfer-encoding": "chunked"}, stream=True), *good.chunked(good.frames())[1:]]


def _fault(
    name: str,
    meaning: str,
    source: str,
    make: Make,
    *,
    plain: Expects | None = None,
    stream: Expects | None = None,
    both: Expects | None = None,
    wires: frozenset[str] = ALL,
) -> Fault:
    return Fault(name, meaning, source, make, plain or both, stream or both, wires)


_EITHER: Final = Expects(errors=("WireError", "StreamInterrupted", "ServerError"))
_DAMAGED_LATE: Final = Expects(errors=("WireError", "StreamInterrupted"), partial="any")

# A table is read by rows.
# fmt: off
BODIES: Final = (
    # --- 200, and no answer -------------------------------------------------------------------------------------------
    _fault("html", "200 with an HTML page.", _NOT_AN_ANSWER, _body(_HTML, "text/html"), both=NONSENSE),
    _fault("html_untrue", "200 with an HTML page under the right content type.", _NOT_AN_ANSWER, _body(_HTML),
           both=BROKEN),
    _fault("text", "200 with a line of text.", _NOT_AN_ANSWER, _body(b"upstream connect error", "text/plain"),
           both=BROKEN),
    _fault("empty", "200 with nothing.", _NOT_AN_ANSWER, _body(b""), both=BROKEN),
    _fault("white_space", "200 with empty lines only.", _NOT_AN_ANSWER, _body(b"\n\n \r\n\n"), both=BROKEN),
    _fault("done_only", "200 with the end marker and nothing before it.", _NOT_AN_ANSWER, lambda good:
           [*good.chunked([_ENDS.get(good.wire.name, b"data: [DONE]\n\n")])], stream=BROKEN, wires=TEXT_FRAMES),
    _fault("json_null", "200 with `null`.", _NOT_AN_ANSWER, _body(b"null", "application/json"), both=BROKEN),
    _fault("json_list", "200 with an empty list.", _NOT_AN_ANSWER, _body(b"[]", "application/json"), both=BROKEN),
    _fault("json_empty", "200 with an empty object.", _NOT_AN_ANSWER, _body(b"{}", "application/json"), both=BROKEN),
    _fault("json_deep", "200 with 100,000 nested lists.", _NOT_AN_ANSWER, _body(b'{"choices":' + b"[" * 100_000,
           "application/json"), both=BROKEN),
    # --- damage -------------------------------------------------------------------------------------------------------
    _fault("broken_json", "The first content is no JSON.", _BROKEN, _instead_of_content(_broken_json),
           stream=NONSENSE, wires=TEXT_FRAMES),
    _fault("broken_json_after_text", "An event after half of the text is no JSON.", _BROKEN,
           _after_half(_broken_json), stream=NONSENSE_SOME, wires=TEXT_FRAMES),
    _fault("other_json_after_text", "An event after half of the text is JSON of another shape.", _BROKEN,
           _after_half(_json_of_another_shape), stream=NONSENSE_SOME, wires=TEXT_FRAMES),
    _fault("html_after_text", "A page of HTML follows half of the text, as a proxy writes it that lost its upstream.",
           _BROKEN, lambda good: [*good.chunked([*good.half(), _HTML])], stream=Expects(errors=("StreamInterrupted",
           "WireError"), partial="some"), wires=TEXT_FRAMES),
    _fault("glued_frames", "Two events stand in one frame.", _BROKEN, _glued, stream=Expects(errors=("WireError",),
           partial="some"), wires=TEXT_FRAMES),
    _fault("broken_utf8", "A letter of the text is damaged.", _LETTERS, _broken_utf8, plain=BROKEN,
           stream=_DAMAGED_LATE, wires=TEXT_FRAMES),
    _fault("huge_frame", "A frame is larger than 16 MiB.", "bounded memory: litellm #14540", _huge_frame,
           stream=NONSENSE_SOME, wires=TEXT_FRAMES),
    # --- odd, and right -----------------------------------------------------------------------------------------------
    _fault("letters_in_two", "Every letter of several bytes is cut in two packets, and the answer is right.",
           _LETTERS, _frames(_in_two), both=WHOLE, wires=TEXT_FRAMES),
    _fault("line_separators", "The right answer holds U+2028 and U+0085, which end no line here.", _LETTERS, _lines,
           both=WHOLE),
    _fault("bom", "A byte order mark stands before the right answer.", _SSE, _frames(lambda pieces: [b"\xef\xbb\xbf" +
           pieces[0], *pieces[1:]]), both=WHOLE, wires=TEXT_FRAMES),
    _fault("cr_only", "Lines end with CR, and the answer is right.", _SSE, _frames(_line_ends(b"\r")), stream=WHOLE,
           wires=SSE),
    _fault("crlf", "Lines end with CR and LF, and the answer is right.", _SSE, _frames(_line_ends(b"\r\n")),
           stream=WHOLE, wires=TEXT_FRAMES),
    _fault("no_space", "No space follows the colons, and the answer is right.", _SSE, _frames(_without_space),
           stream=WHOLE, wires=SSE),
    _fault("comments_between", "Comments stand between the events of a right answer.", _SSE,
           _frames(_beside(b": PROCESSING\n\n")), stream=WHOLE, wires=SSE),
    _fault("unknown_fields", "Fields, ids and retry times stand between the events of a right answer.", _SSE,
           _frames(_beside(b"id: 7\nretry: 10\nx-unknown: 1\n\n")), stream=WHOLE, wires=SSE),
    _fault("unknown_events", "Events of an unknown type stand between those of a right answer.", _SSE,
           _frames(_beside(b'event: x_new\ndata: {"type":"x_new","choices":[]}\n\n')), stream=WHOLE,
           wires=SSE),
    _fault("one_packet", "The whole stream comes in one packet.", _SSE, _frames(lambda pieces: [b"".join(pieces)]),
           stream=WHOLE),
    _fault("other_content_type", "The right answer comes as text/plain.", _FORM, _under("text/plain"), both=WHOLE),
    _fault("no_content_type", "The right answer comes without a content type.", _FORM, _under(""), both=WHOLE),
    _fault("plain_for_stream", "A stream was asked for, and the plain answer comes.", _FORM, _plain_anyway,
           stream=WHOLE),
    _fault("stream_for_plain", "A plain answer was asked for, and a stream comes.", _FORM, _stream_anyway,
           plain=WHOLE, wires=SSE),
    _fault("blank_lines", "Empty lines stand between those of a right answer.", _LINES, _frames(_beside(b"\n")),
           stream=WHOLE, wires=_OLLAMA),
    _fault("no_last_line_end", "The last line of a right answer does not end.", _LINES, _frames(lambda pieces:
           [*pieces[:-1], pieces[-1].rstrip()]), stream=WHOLE, wires=_OLLAMA),
    _fault("as_array", "The stream comes as an array of JSON, and is right.", _ARRAY, _array(lambda items, half:
           b"[" + b",\r\n".join(items) + b"]"), stream=WHOLE, wires=_GEMINI),
    _fault("array_cut", "The stream comes as an array, which ends cleanly after half of the text.", _ARRAY,
           _array(lambda items, half: b"[" + b",\r\n".join(items[:half])), stream=CUT_SOME, wires=_GEMINI),
    _fault("array_cut_and_closed", "The stream comes as an array, which is closed after half of the text.", _ARRAY,
           _array(lambda items, half: b"[" + b",\r\n".join(items[:half]) + b"]"), stream=CUT_SOME, wires=_GEMINI),
    _fault("array_empty", "The stream comes as an empty array.", _ARRAY, _array(lambda items, half: b"[]"),
           stream=BROKEN, wires=_GEMINI),
    _fault("array_damaged", "The stream comes as an array, of which an element in the middle does not end.", _ARRAY,
           _array(lambda items, half: b"[" + b",".join([*items[: half - 1], items[half - 1][:-1], *items[half:]]) +
           b"]"), stream=_DAMAGED_LATE, wires=_GEMINI),
)
# fmt: on
