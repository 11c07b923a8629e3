"""
How long a prompt can be, in tokens, at the most.

Rule: nothing here takes longer than the text needs to be looked at once, and nothing is too low for want of a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from dragoman.types.messages import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from dragoman.types.requests import ChatRequest

# Bytes of UTF-8 to a token, at the least.  (Prose takes 4, code 3; only noise in base64 takes fewer than 2.)
BYTES_PER_TOKEN: Final = 2
# What a chat adds: to the whole, and to each message.
_HEAD: Final = 32
EACH: Final = 8

# The largest pictures are charged some 4,800 tokens (Anthropic, November 2026).
_IMAGE: Final = 5_000
# Sound is at most 32 tokens a second (Gemini), in 8 KB or more; and sound that lies elsewhere is taken for a minute.
_SOUND_BYTES, _SOUND = 250, 2_000
# A page of a PDF is up to 3,000 tokens; compressed text has 2 bytes to a token, as text itself.  A file that lies
# elsewhere is taken for ten pages.
_FILE_BYTES, _FILE = 2, 30_000
# Lifetimes of a cache mark that are not the longer one, which costs more.
_SHORT: Final = (None, "5m")


def size(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def measure(request: ChatRequest) -> tuple[int, int, bool]:
    """Tokens of a prompt, those of them that are sound, and whether it asks for a cache of the longer lifetime."""
    written, tokens, sound = 0, _HEAD, 0
    longer = request.cache is not None and request.cache.ttl not in _SHORT
    for message in request.messages:
        tokens += EACH
        for part in message.parts:
            if type(part) is Text:
                written += size(part.text)
            else:
                text, fixed, heard = _SIZES[type(part)](part)
                written, tokens, sound = written + text, tokens + fixed, sound + heard
            if part.cache is not None and part.cache.ttl not in _SHORT:
                longer = True
    if request.tools or request.output or request.extra or request.native:
        written += _besides(request)
    return tokens + sound + written // BYTES_PER_TOKEN, sound, longer


def _besides(request: ChatRequest) -> int:
    """Bytes of what is not a message and may be written into the prompt."""
    written = sum(_json(tool) for tool in request.tools or ())
    if request.output is not None and request.output.schema is not None:
        written += _json(request.output.schema)
    return written + sum(_json(fields) for fields in (request.extra, request.native) if fields)


def _json(value: object) -> int:
    return len(msgspec.json.encode(value))


# By part: bytes of text, tokens of another kind, tokens of sound.
_Size = tuple[int, int, int]


def _words(part: Reasoning | Refusal) -> _Size:
    return size(part.text) + (_json(part.native) if part.native else 0), 0, 0


def _call(part: ToolCall) -> _Size:
    return len(part.name) + size(part.arguments_json), 0, 0


def _result(part: ToolResult) -> _Size:
    text = tokens = sound = 0
    for inner in part.parts:
        more, fixed, heard = _SIZES[type(inner)](inner)
        text, tokens, sound = text + more, tokens + fixed, sound + heard
    return text, tokens, sound


def _sound(part: Audio) -> _Size:
    return 0, 0, _SOUND if part.data is None else max(_SOUND, len(part.data) // _SOUND_BYTES)


def _file(part: File) -> _Size:
    return 0, _FILE if part.data is None else max(_IMAGE, len(part.data) // _FILE_BYTES), 0


def _text(part: Text) -> _Size:
    return size(part.text), 0, 0


def _picture(part: Image) -> _Size:
    return 0, _IMAGE, 0


def _opaque(part: Opaque) -> _Size:
    return _json(part.data), 0, 0


_SIZES: Final[Mapping[type[Part], Callable[[Any], _Size]]] = {
    Text: _text,
    Reasoning: _words,
    Refusal: _words,
    ToolCall: _call,
    ToolResult: _result,
    Opaque: _opaque,
    Image: _picture,
    Audio: _sound,
    File: _file,
}
