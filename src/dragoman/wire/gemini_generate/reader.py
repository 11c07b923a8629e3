"""
From one candidate to events.

Plain and streamed answers are read by the same code, so they are the same value.  A part is known by the field that it
has; one of another kind (code that ran, a tool of Google's own) goes on as `Opaque`.

Rule: a part with a thought signature stays a part of its own, because Google wants it back neither joined nor taken
apart.  Sources come with the end of the answer, at its last text.

Source: Google's page on thought signatures; google-genai SDK 3.4.0 (`Part`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError, WireError
from dragoman.types.events import CitationDelta, Event, PartAdded, PartEnd, ReasoningDelta, TextDelta
from dragoman.types.messages import Native, Opaque, Text, TokenLogprob
from dragoman.wire.base import decode_json
from dragoman.wire.gemini_generate.calls import Calls
from dragoman.wire.gemini_generate.dialect import NAME, SIGNATURE, Candidate, Json, Piece, ending
from dragoman.wire.gemini_generate.grounding import citations
from dragoman.wire.gemini_generate.media import decode_file, decode_inline
from dragoman.wire.lenient import list_of, object_of, text_of

# Fields beside the content of a part, which its author wants back.
_STATE: Final = (
    SIGNATURE,
    "partMetadata",
    "videoMetadata",
    "mediaResolution",
    "speechMetadata",
    "audioMetadata",
)
_PARTS: Final = "$.candidates[].content.parts[]"
_decode: Final = msgspec.json.Decoder(Piece).decode


class Reader:
    """
    Reads what a candidate says, in order, into `out`.

    Args:
        out: Takes the events.
        entire: The candidate comes at once, so that its parts are as their author cut them.

    Attributes:
        details: What was said of the end so far.
    """

    def __init__(self, out: list[Event], *, entire: bool = False) -> None:
        self.out = out
        self.details: Json = {}
        self._entire = entire
        self._calls = Calls()
        self._texts: list[str] = []
        self._first = 0  # of these, where the open part begins
        self._closing: PartEnd | None = None  # the end of a part, which waits for sources

    @property
    def has_calls(self) -> bool:
        """Whether a function is called."""
        return self._calls.ended > 0

    def read(self, candidate: Candidate) -> None:
        """Take a candidate, or what a chunk adds to it."""
        probabilities = _logprobs(candidate.logprobsResult) if candidate.logprobsResult else ()
        for raw in (candidate.content.parts if candidate.content else None) or ():
            piece = _piece(raw)
            if piece.text is not None and not piece.thought:
                self._text(piece, probabilities)
                probabilities = ()
            else:
                self._part(piece, raw)
        self.details |= ending(candidate)

    def end(self) -> None:
        """The answer is complete."""
        before, text = "".join(self._texts[: self._first]), "".join(self._texts[self._first :])
        self.out += [CitationDelta(citation) for citation in citations(self.details, before, text)]
        self._close()

    def _close(self) -> None:
        if self._closing is not None:
            self.out.append(self._closing)
            self._closing = None
            self._first = len(self._texts)

    # --- one kind of part each ----------------------------------------------------------------------------------------

    def _text(self, piece: Piece, probabilities: tuple[TokenLogprob, ...]) -> None:
        state = _state(piece) if piece.thoughtSignature or self._entire else {}
        text = piece.text or ""
        if not text and not state:
            return
        if state and self._first < len(self._texts):
            self._closing = self._closing or PartEnd()
        self._close()
        if not text:
            self.out.append(PartAdded(Text("", native={NAME: state})))
            return
        self.out.append(TextDelta(text, probabilities))
        self._texts.append(text)
        if state or self._entire:
            self._closing = PartEnd({NAME: state} if state else None)

    def _part(self, piece: Piece, raw: msgspec.Raw) -> None:
        self._close()
        self._first = len(self._texts)
        read = next((read for name, read in _READ if getattr(piece, name) is not None), None)
        if read is None or not read(self, piece):
            data: Json = _decoded(raw, dict[str, Any])
            if data:
                self.out.append(PartAdded(Opaque(NAME, data)))

    def thought(self, piece: Piece) -> bool:
        state = _state(piece)
        if state:
            self.out.append(PartEnd())
        if piece.text or state:
            # Named in `native` even without a signature: that marks it as this dialect's own, which may be sent back.
            self.out.append(ReasoningDelta(piece.text or "", {NAME: state}))
        if state or self._entire:
            self.out.append(PartEnd())
        return True

    def call(self, piece: Piece) -> bool:
        if piece.functionCall is not None:
            self._calls.add(piece.functionCall, _state(piece), self.out)
        return True

    def media(self, piece: Piece) -> bool:
        if piece.thought:
            return False  # a sketch on the way, which is no part of the answer
        try:
            part = decode_inline(piece.inlineData, "") if piece.inlineData else decode_file(piece.fileData or {}, "")
        except ConfigError:
            return False
        state = _state(piece)
        native: Native | None = {NAME: state} if state else None
        self.out.append(PartAdded(msgspec.structs.replace(part, native=native)))
        return True


_READ: Final[tuple[tuple[str, Callable[[Reader, Piece], bool]], ...]] = (
    ("text", Reader.thought),
    ("functionCall", Reader.call),
    ("inlineData", Reader.media),
    ("fileData", Reader.media),
)


def _piece(raw: msgspec.Raw) -> Piece:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        piece: Piece = _decoded(raw, Piece)  # says what is wrong
        return piece


def _decoded(raw: msgspec.Raw, kind: Any) -> Any:
    try:
        return decode_json(bytes(raw), kind, "a part of the answer")
    except WireError as error:
        error.path = _PARTS + (error.path or "").removeprefix("$")
        raise


def _state(piece: Piece) -> Json:
    return {name: value for name in _STATE if (value := getattr(piece, name)) is not None}


# --- probabilities ----------------------------------------------------------------------------------------------------


def _logprobs(value: Any) -> tuple[TokenLogprob, ...]:
    sent = object_of(value)
    tops = list_of(sent.get("topCandidates"))
    found: list[TokenLogprob] = []
    for i, item in enumerate(list_of(sent.get("chosenCandidates"))):
        others = list_of(object_of(tops[i]).get("candidates")) if i < len(tops) else []
        found.append(msgspec.structs.replace(_logprob(item), top=tuple(_logprob(other) for other in others)))
    return tuple(found)


def _logprob(value: Any) -> TokenLogprob:
    sent = object_of(value)
    probability = sent.get("logProbability")
    number = float(probability) if isinstance(probability, int | float) else 0.0  # 0 is left out of the JSON
    return TokenLogprob(text_of(sent.get("token")), number)
