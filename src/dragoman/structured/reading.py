"""
The model's text, as the value that was asked for.

Rule: a text is read as it stands.  Only where nobody but the model itself held it to JSON is the JSON looked for within
the text: in a fenced block, or between the first brace and the last.  JSON that is cut is never completed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, cast

import msgspec

from dragoman.structured.nulls import without_nulls
from dragoman.structured.rules import check_of
from dragoman.structured.wrong import errors_of
from dragoman.types.http import Notice
from dragoman.types.messages import Text
from dragoman.types.requests import OutputFormat
from dragoman.types.responses import ChatResponse
from dragoman.types.shapes import VALUE, Shape, read_custom, shape_of

_FENCE: Final = re.compile(r"```[A-Za-z]*[ \t]*\r?\n(.*?)\r?\n?[ \t]*```", re.DOTALL)
_BRACE: Final = re.compile(r"[{\[]")
_FAILURES: Final = (msgspec.ValidationError, ValueError, TypeError, RecursionError)

# The notice of a form that nobody but the model holds to begins so.
IN_WORDS: Final = "asked for in words"


# The tool by whose arguments a value is given where there are no schemas for answers.
ANSWER: Final = "give_the_answer"


def given_by_tool(answer: ChatResponse) -> str | None:
    """The arguments with which the answer's own tool was called, or None."""
    calls = [call for call in answer.tool_calls if call.name == ANSWER]
    return calls[0].arguments_json if calls else None


class Misfit(Exception):
    """
    A text is not the value that was asked for.

    Attributes:
        errors: What is wrong, each with its place.
    """

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(self.errors))


def lenient(notices: Iterable[Notice]) -> bool:
    """Whether nobody but the model held the answer to JSON."""
    return any(notice.field == "output" and notice.text.startswith(IN_WORDS) for notice in notices)


class Reading:
    """
    Reads answers as what one format says.

    Attributes:
        shape: Of the value; None for any JSON object or list.

    Raises:
        ConfigError: The format cannot be held to here.
    """

    def __init__(self, form: OutputFormat) -> None:
        self.shape: Shape | None = shape_of(form.type) if form.kind == "json_schema" else None
        self._read: Callable[[str], Any] = _read_any if self.shape is None else _reader_of(self.shape)

    def of(self, answer: ChatResponse) -> Any:
        """
        Return the value of a whole answer.

        Raises:
            Misfit: It is none.
        """
        first: Misfit | None = None
        for text in _texts(answer):
            try:
                return self._read(text)
            except Misfit as error:
                first = first or error
        raise first or Misfit(("$: the answer has no text",))


def _texts(answer: ChatResponse) -> Iterator[str]:
    """Where the value may be: the whole text, and the last of several (some models speak before they answer)."""
    given = given_by_tool(answer)
    if given is not None:
        yield given
        return
    whole = answer.text
    if not lenient(answer.notices):
        if whole:
            yield whole
        texts = [part.text for part in answer.message.parts if isinstance(part, Text)]
        if len(texts) > 1:
            yield texts[-1]
        return
    found = [whole, *_within(whole)]
    decodable = [text for text in dict.fromkeys(found) if _is_json(text)]
    yield from decodable or ([whole] if whole else [])


def _within(text: str) -> Iterator[str]:
    """Fenced blocks, and what lies between the first brace and the last: never a part of a value that was begun."""
    if not text.lstrip().startswith(("{", "[")):
        yield from (fenced[1] for fenced in _FENCE.finditer(text))
    begins = _BRACE.search(text)
    if begins:
        end = text.rfind("}" if begins[0] == "{" else "]")
        yield text[begins.start() : end + 1]


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except _FAILURES:
        return False
    return True


# --- texts ------------------------------------------------------------------------------------------------------------


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except RecursionError as error:
        raise Misfit(("$: it is nested too deeply",)) from error
    except _FAILURES as error:
        begins = text if len(text) <= 80 else f"{text[:80]}..."
        raise Misfit((f"$: it is not JSON ({error}); it begins {begins!r}",)) from error


def _read_any(text: str) -> Any:
    value = _decoded(text)
    if not isinstance(value, dict | list):
        raise Misfit((f"$: it is {msgspec.json.encode(value).decode()[:80]}, and an object or a list was asked for",))
    return cast("Any", value)


def _reader_of(shape: Shape) -> Callable[[str], Any]:
    if shape.kind is None:
        return _schema_reader(shape)
    return _type_reader(shape.kind, shape.name)


def _unwrapped(value: Any, shape: Shape) -> Any:
    """What stands in the field `value`; a value that stands alone is taken as it is."""
    if shape.wrapped and isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return fields[VALUE] if list(fields) == [VALUE] else fields
    return value


def _schema_reader(shape: Shape) -> Callable[[str], Any]:
    check = check_of(shape.schema)

    def read(text: str) -> Any:
        value = _unwrapped(_decoded(text), shape)
        errors = check(value)
        if errors:
            value = without_nulls(value, shape.schema)
            errors = check(value)
        if errors:
            raise Misfit(errors)
        return value

    return read


@lru_cache(maxsize=512)
def _type_reader(kind: Any, name: str) -> Callable[[str], Any]:
    """One reader for each type: its decoder is made once."""
    shape = shape_of(kind)
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_written(kind, shape), dec_hook=read_custom)

    def read(text: str) -> Any:
        try:
            made = decoder.decode(text)
        except _FAILURES:
            return _second_look(text, shape)
        return made.value if shape.wrapped else made

    return read


def _written(kind: Any, shape: Shape) -> Any:
    """The type of what the model writes."""
    return msgspec.defstruct("Wrapped", [(VALUE, kind)], forbid_unknown_fields=True) if shape.wrapped else kind


def _second_look(text: str, shape: Shape) -> Any:
    """The value without nulls that stand for nothing, or all that is wrong with it."""
    whole = _decoded(text)
    value = without_nulls(_unwrapped(whole, shape), shape.schema)
    try:
        return msgspec.convert(value, shape.kind, dec_hook=read_custom)
    except _FAILURES:
        wraps = value is not whole and shape.wrapped and isinstance(whole, dict)
        raise Misfit(errors_of(value, shape.kind, f"$.{VALUE}" if wraps else "$")) from None
