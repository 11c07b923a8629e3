"""
From one choice to events.

Plain and streamed answers are read by the same code, so they are the same value.  Each kind of content has one short
function, found in a table.

Rule: state that the provider wants back (`dialect.REPLAYED`) is gathered and given once, with the end of the answer, as
`MessageNative`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Final

import msgspec

from dragoman.errors import ConfigError
from dragoman.types.events import (
    AudioDelta,
    CitationDelta,
    Event,
    MessageNative,
    PartAdded,
    ProviderEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
)
from dragoman.types.media import audio_type
from dragoman.types.messages import Audio, Citation, Image, TokenLogprob
from dragoman.wire.lenient import list_of, object_of, text_of, whole
from dragoman.wire.openai_chat.calls import Calls
from dragoman.wire.openai_chat.dialect import NAME, Block, Choice, Piece, Sound


class _Logprob(msgspec.Struct):
    """A token's probability as sent."""

    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top_logprobs: tuple[_Logprob, ...] | None = None

    def value(self) -> TokenLogprob:
        return TokenLogprob(self.token, self.logprob, self.bytes, tuple(top.value() for top in self.top_logprobs or ()))


class Reader:
    """
    Reads the pieces of one choice, in order, into `out`.

    `entire` says that there is one piece, which holds everything, so that nothing in it continues anything.
    """

    def __init__(self, out: list[Event], *, entire: bool = False) -> None:
        self.out = out
        self._entire = entire
        self._calls = Calls()
        self._details: list[dict[str, Any]] = []
        self._native: dict[str, Any] = {}

    def read(self, piece: Piece, choice: Choice) -> None:
        """Take a message or a delta."""
        for name, read in _READ:
            value = getattr(piece, name)
            if value:
                read(self, value, piece)
        content = piece.content
        probabilities = choice.logprobs
        if isinstance(content, list):
            for block in content:
                self._block(block)
        elif probabilities is not None and (found := self._logprobs(probabilities)):
            self.out.append(TextDelta(content or "", found))
        elif content:
            self.out.append(TextDelta(content))
        for name, read in _READ_AFTER:
            value = getattr(piece, name)
            if value:
                read(self, value, piece)

    def end(self) -> None:
        """The choice is complete."""
        if self._details:
            self._native["reasoning_details"] = self._details
        if self._native:
            self.out.append(MessageNative({NAME: self._native}))
        self._calls.end(self.out)

    def sources(self, urls: Any) -> None:
        """Take the list of addresses that some vendors send beside the choices."""
        text_is_open = any(isinstance(event, TextDelta) for event in self.out[-1:])
        for url in list_of(urls):
            if isinstance(url, str) and text_is_open:
                self.out.append(CitationDelta(Citation(url=url)))
            else:
                self.out.append(ProviderEvent(NAME, {"citation": url}))

    # --- one kind of content each -------------------------------------------------------------------------------------

    def reasoning(self, value: Any, piece: Piece) -> None:
        if isinstance(value, str):
            self.out.append(ReasoningDelta(value))

    def same_reasoning(self, value: Any, piece: Piece) -> None:
        # Servers that rename the field send the text under both names for a while: it is one text.
        if not piece.reasoning_content:
            self.reasoning(value, piece)

    def details(self, value: Any, piece: Piece) -> None:
        for detail in list_of(value):
            self._detail(object_of(detail))

    def _detail(self, detail: dict[str, Any]) -> None:
        """Join the pieces of one block: texts grow, other fields are replaced."""
        last = self._details[-1] if self._details and not self._entire else None
        if last is None or not _continues(last, detail):
            self._details.append(dict(detail))
            return
        for name, value in detail.items():
            grows = name in ("text", "summary", "data") and isinstance(value, str)
            if grows:
                last[name] = text_of(last.get(name)) + value
            elif value is not None and (value != "" or name not in last):
                last[name] = value

    def refusal(self, value: Any, piece: Piece) -> None:
        if isinstance(value, str):
            self.out.append(RefusalDelta(value))

    def annotations(self, value: Any, piece: Piece) -> None:
        for annotation in list_of(value):
            fields = object_of(annotation)
            source = object_of(fields.get("url_citation"))
            if source:
                self.out.append(CitationDelta(_citation(source)))
            elif fields.get("type") == "file":
                # OpenRouter takes these back so that a file is not read twice.
                self._native.setdefault("annotations", []).append(fields)
            else:
                self.extra({"annotation": annotation})

    def images(self, value: Any, piece: Piece) -> None:
        for image in list_of(value):
            source = object_of(image).get("image_url")
            url = text_of(source) or text_of(object_of(source).get("url"))
            try:
                self.out.append(PartAdded(Image(url=url or None)))
            except ConfigError:
                self.extra({"image": image})

    def audio(self, value: Any, piece: Piece) -> None:
        sound = msgspec.convert(object_of(value), Sound)
        id_, transcript, expires_at = text_of(sound.id) or None, text_of(sound.transcript), whole(sound.expires_at)
        try:
            data = base64.b64decode(text_of(sound.data), validate=True)
        except (binascii.Error, ValueError):
            self.extra({"audio": value})
            return
        known = audio_type(data) if data and self._entire else None
        if known:  # streamed pieces are raw samples without a head
            words, end = transcript or None, expires_at or None
            sound_part = Audio(data=data, media_type=known, file_id=id_, transcript=words, expires_at=end)
            self.out.append(PartAdded(sound_part))
        elif id_ or data or transcript:
            self.out.append(AudioDelta(data, transcript, id_, expires_at or None))

    def tools(self, value: Any, piece: Piece) -> None:
        for call in value:
            if call is not None:
                self._calls.add(call, self.out)

    def function_call(self, value: Any, piece: Piece) -> None:
        sent = object_of(value)
        call = self._native.get("function_call", {"name": "", "arguments": ""})
        joined = {name: text_of(call[name]) + text_of(sent.get(name)) for name in ("name", "arguments")}
        if joined["name"] or joined["arguments"]:
            self._native["function_call"] = joined

    def executed(self, value: Any, piece: Piece) -> None:
        self.extra({"executed_tools": value})

    def extra_content(self, value: Any, piece: Piece) -> None:
        self._native["extra_content"] = value

    def signature(self, value: Any, piece: Piece) -> None:
        self._native["thought_signature"] = value

    def extra(self, data: dict[str, Any]) -> None:
        self.out.append(ProviderEvent(NAME, data))

    # --- text ---------------------------------------------------------------------------------------------------------

    def _block(self, block: Block) -> None:
        if block.thinking:
            thought = block.thinking
            pieces = [text_of(object_of(inner).get("text")) for inner in list_of(thought)]
            self.out.append(ReasoningDelta(text_of(thought) or "".join(pieces)))
        elif isinstance(block.text, str):
            if block.text:
                self.out.append(TextDelta(block.text))
        elif block.refusal:
            self.out.append(RefusalDelta(text_of(block.refusal)))
        else:
            self.extra({"content": msgspec.to_builtins(block)})

    def _logprobs(self, value: Any) -> tuple[TokenLogprob, ...]:
        listed = object_of(value).get("content")
        if not listed:
            return ()
        try:
            return tuple(item.value() for item in msgspec.convert(listed, list[_Logprob]))
        except msgspec.ValidationError:
            self.extra({"logprobs": value})
            return ()


_Read = Callable[[Reader, Any, Piece], None]

_READ: Final[tuple[tuple[str, _Read], ...]] = (
    ("reasoning_details", Reader.details),
    ("reasoning_content", Reader.reasoning),
    ("reasoning", Reader.same_reasoning),
    ("extra_content", Reader.extra_content),
    ("thought_signature", Reader.signature),
)
_READ_AFTER: Final[tuple[tuple[str, _Read], ...]] = (
    ("refusal", Reader.refusal),
    ("annotations", Reader.annotations),
    ("images", Reader.images),
    ("audio", Reader.audio),
    ("tool_calls", Reader.tools),
    ("function_call", Reader.function_call),
    ("executed_tools", Reader.executed),
)


def _continues(last: dict[str, Any], detail: dict[str, Any]) -> bool:
    ids = {last.get("id"), detail.get("id")} - {None}
    return len(ids) < 2 and (last.get("type"), last.get("index")) == (detail.get("type"), detail.get("index"))


def _citation(source: dict[str, Any]) -> Citation:
    start, end = whole(source.get("start_index")), whole(source.get("end_index"))
    placed = bool(start or end)  # vendors that do not know write 0 and 0
    return Citation(
        url=text_of(source.get("url")) or None,
        title=text_of(source.get("title")) or None,
        text=text_of(source.get("content")) or None,
        start=start if placed else None,
        end=end if placed else None,
    )


def plain_text(piece: Piece) -> bool:
    """Whether a delta holds nothing but text: nearly every chunk of a stream."""
    return not (
        piece.reasoning_content
        or piece.reasoning
        or piece.tool_calls
        or piece.refusal
        or piece.reasoning_details
        or piece.annotations
        or piece.images
        or piece.audio
        or piece.function_call
        or piece.executed_tools
        or piece.extra_content
        or piece.thought_signature
    )
