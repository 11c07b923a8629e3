"""
What stands for a part in a dialect that has no form of its own for it: its words, if it has any.

Rule: words are never lost where they can be sent, and that they were adapted is said.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dragoman.types.messages import Audio, File, Opaque, Part, Refusal, ToolCall
from dragoman.wire.place import Place

_Form = tuple[str | None, str]

FREE_TEXT: Final = "input"
"""Under this name the text for a `custom` tool travels where a dialect knows only tools with JSON arguments."""


def as_text(part: Part, place: Place) -> str | None:
    """The text that goes in place of a part, or None if it is left out; a notice says which."""
    text, why = _FORMS.get(type(part), _nothing)(part)
    place.note(why)
    return text


def _refusal(part: Refusal) -> _Form:
    return part.text, "a refusal is sent as a text"


def _audio(part: Audio) -> _Form:
    if not part.transcript:
        return _nothing(part)
    return part.transcript, "this dialect takes no sound; its transcript was sent"


def _file(part: File) -> _Form:
    if part.url is not None:
        address = f"{part.name}: {part.url}" if part.name else part.url
        return address, "this dialect takes no files; its address was sent as a text"
    text = _decoded(part)
    return _nothing(part) if text is None else (text, "this dialect takes no files; its text was sent")


def _decoded(part: File) -> str | None:
    if part.data is None or not (part.media_type or "").startswith("text/"):
        return None
    try:
        return part.data.decode()
    except UnicodeDecodeError:
        return None


def _nothing(part: Part) -> _Form:
    what = f"a block of {part.wire}" if isinstance(part, Opaque) else type(part).__name__
    return None, f"{what} has no place here in this dialect; left out"


_FORMS: Final[dict[type[Any], Callable[[Any], _Form]]] = {Refusal: _refusal, Audio: _audio, File: _file}


def free_text(call: ToolCall) -> dict[str, Any]:
    """The arguments of a call whose arguments are a text and no JSON object, as an object."""
    return {FREE_TEXT: call.arguments_json}
