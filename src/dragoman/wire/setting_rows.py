"""
Settings of a request as a table: one row for each field of the body, both ways.

Rule: what is read is written again exactly.  A field that its setting would write differently (a lone stop text, an
empty format) stays as it came in `native`, and goes out as it came as long as it still means what the setting says; a
setting that was changed meanwhile wins.  A setting that no field stands for is left out with a notice.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any, Final

import msgspec

from dragoman.types.http import Notice
from dragoman.types.requests import SETTING_NAMES, ChatRequest
from dragoman.wire.lenient import list_of

Note = Callable[[str], None]
"""Says what a value lost when it was written."""

Json = dict[str, Any]


def same(value: Any) -> Any:
    """The value as it is, for a field that means what its setting does."""
    return value


def texts(value: Any) -> Any:
    """One text or several, as the tuple that a setting holds."""
    return (value,) if isinstance(value, str) else tuple(list_of(value)) if isinstance(value, list) else value


def _write(value: Any, note: Note) -> Any:
    return value


def as_list(value: Any, note: Note) -> Any:
    """Write a tuple."""
    return list(value)


class Row(msgspec.Struct, frozen=True):
    """
    A field of the body.

    Attributes:
        setting: The setting that it stands for.
        decode: JSON to setting; None says that no setting can hold it.
        encode: Setting to JSON; None says that the field is not sent.  What the field cannot say goes to the note.
    """

    setting: str
    decode: Callable[[Any], Any] = same
    encode: Callable[[Any, Note], Any] = _write


def encode_rows(rows: Mapping[str, Row], request: ChatRequest, native: Json, notices: list[Notice]) -> Json:
    """
    Write every setting that is set and has a row.

    Args:
        rows: Field of the body to row.
        request: Whose settings are written.
        native: The fields as they came, where they came in this dialect.
        notices: Where what was lost is said.
    """
    body: Json = {}
    for name, row in rows.items():
        value = getattr(request, row.setting)
        if value is None:
            continue
        if name in native and row.decode(native[name]) == value:
            body[name] = native[name]
        elif (written := row.encode(value, _noting(notices, row.setting))) is not None:
            body[name] = written
    return body


def _noting(notices: list[Notice], setting: str) -> Note:
    def note(text: str) -> None:
        notices.append(Notice(setting, text))

    return note


def decode_rows(rows: Mapping[str, Row], body: Json) -> tuple[Json, Json]:
    """Split the fields of a body (or of an object in it) into settings and what stays as it came; nulls say nothing."""
    settings: Json = {}
    rest: Json = {}
    for name, value in body.items():
        row = rows.get(name)
        decoded = row.decode(value) if row is not None and value is not None else None
        if row is None or decoded is None:
            if value is not None:
                rest[name] = value
            continue
        settings[row.setting] = decoded
        if not _written_again(row, decoded, value):
            rest[name] = value
    return settings, rest


def _written_again(row: Row, decoded: Any, value: Any) -> bool:
    """Whether the setting says it all, without a note; a value of a wrong type is found when the request is built."""
    notes: list[str] = []
    try:
        return bool(row.encode(decoded, notes.append) == value) and not notes
    except (TypeError, ValueError, AttributeError):
        return True


# Settings that are no fields of a body, and values that ask for nothing that a dialect without the field does not do.
_NO_FIELDS: Final = ("timeout", "priority", "reuse", "extra", "native")
_ASKS_NOTHING: Final[dict[str, Container[Any]]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "parallel_tool_calls": (True,),
    "tool_choice": ("auto",),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "metadata": ({},),
}


def note_unsaid(request: ChatRequest, carried: Container[str], notices: list[Notice]) -> None:
    """Say which settings are set and are not in the dialect."""
    for name in SETTING_NAMES:
        value = getattr(request, name)
        if value is None or name in carried or name in _NO_FIELDS or value in _ASKS_NOTHING.get(name, ()):
            continue
        notices.append(Notice(name, "this dialect has no such setting; left out"))
