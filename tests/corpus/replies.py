"""
The response side: decode a recorded answer and compare it with what it means.

Every mismatch is one line that says which field, what was expected and what came.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from dragoman.errors import DragomanError
from dragoman.redact import redact
from dragoman.types.events import Event
from dragoman.types.fold import fold
from dragoman.types.responses import ChatResponse
from dragoman.wire.base import Wire
from tests.corpus.dialects import Dialect
from tests.corpus.recording import Recording
from tests.corpus.refusals import right_class, said

_REQUEST_IDS = ("x-request-id", "request-id", "apim-request-id")
_USAGE = (
    ("input", "input_tokens"),
    ("output", "output_tokens"),
    ("cached_input", "cache_read_tokens"),
    ("cache_write", "cache_write_tokens"),
    ("reasoning", "reasoning_tokens"),
)
_SMALL = 24 * 1024  # streams up to this size are also fed byte by byte


class Outcome(msgspec.Struct):
    """What was made of an answer: events of a stream or a plain answer, and the error if one was raised."""

    events: list[Event] = []
    answer: ChatResponse | None = None
    error: DragomanError | None = None

    @property
    def response(self) -> ChatResponse:
        """The answer, or the part of it that the error carries."""
        if self.error is not None:
            return self.error.partial or fold([])
        return self.answer or fold(self.events)


def read_stream(wire: Wire, pieces: Iterable[bytes]) -> Outcome:
    """Feed a decoder piece by piece and close it."""
    decoder = wire.decoder()
    events: list[Event] = []
    try:
        for piece in pieces:
            events += decoder.feed(piece)
        events += decoder.feed(b"")
        events += decoder.close()
    except DragomanError as error:
        return Outcome(events, error=error)
    return Outcome(events)


def read_plain(wire: Wire, recording: Recording) -> Outcome:
    """Decode a plain answer."""
    try:
        return Outcome(answer=wire.decode_response(recording.status, recording.headers, recording.body))
    except DragomanError as error:
        return Outcome(error=error)


def splits(body: bytes, seed: int = 0) -> Iterator[tuple[str, list[bytes]]]:
    """Ways to cut a body, with names: whole, at random, byte by byte if it is small."""
    yield "whole", [body]
    rng = random.Random(f"{seed}:{len(body)}")
    for longest in (7, 120, 3000):
        yield f"pieces of up to {longest} bytes", random_pieces(body, rng, longest)
    if len(body) <= _SMALL:
        yield "byte by byte", [body[i : i + 1] for i in range(len(body))]


def random_pieces(body: bytes, rng: random.Random, longest: int) -> list[bytes]:
    """Cut a body into pieces of 1 to `longest` bytes."""
    pieces: list[bytes] = []
    start = 0
    while start < len(body):
        size = rng.randint(1, longest)
        pieces.append(body[start : start + size])
        start += size
    return pieces


def check_reply(recording: Recording, dialect: Dialect, wire: Wire) -> list[str]:
    """Everything in which the decoded answer differs from what it means."""
    if not recording.streamed:
        return _compare(recording, dialect, read_plain(wire, recording))
    whole = read_stream(wire, [recording.body])
    problems = _compare(recording, dialect, whole)
    for how, pieces in splits(recording.body):
        problems += _same(how, whole, read_stream(wire, pieces))
    return problems


def _same(how: str, whole: Outcome, pieces: Outcome) -> list[str]:
    if whole.events != pieces.events:
        first = next(
            (i for i, pair in enumerate(zip(whole.events, pieces.events, strict=False)) if pair[0] != pair[1]),
            min(len(whole.events), len(pieces.events)),
        )
        return [f"events fed {how}: differ from event {first} on ({_at(whole, first)} / {_at(pieces, first)})"]
    if type(whole.error) is not type(pieces.error) or str(whole.error) != str(pieces.error):
        return [f"error fed {how}: expected {whole.error!r}, got {pieces.error!r}"]
    return []


def _at(outcome: Outcome, index: int) -> str:
    return _short(outcome.events[index]) if index < len(outcome.events) else "nothing"


def _compare(recording: Recording, dialect: Dialect, outcome: Outcome) -> list[str]:
    if recording.failed:
        return _compare_error(recording, outcome)
    if outcome.error is not None:
        return [f"raised {type(outcome.error).__name__}: {outcome.error}"]
    return [
        *_compare_answer(recording.expected, outcome.response),
        *_compare_calls(recording, dialect, outcome.response),
        *_compare_usage(recording.expected.get("usage_norm") or {}, outcome.response),
    ]


def _compare_answer(expected: dict[str, Any], response: ChatResponse) -> list[str]:
    pairs = [
        ("text", expected["text"] or "", response.text),
        ("reasoning", expected["reasoning"] or "", response.reasoning),
        ("finish_reason", expected["finish_reason"], response.finish_reason_raw),
    ]
    # Not every dialect names the answer (Ollama) or the model (Cohere).
    pairs += [(name, expected[name], getattr(response, name)) for name in ("id", "model") if name in expected]
    if "refusal" in expected:
        # Some vendors send an empty refusal with every answer; it refuses nothing.
        pairs.append(("refusal", expected["refusal"] or None, response.refusal))
    return [_line(field, wanted, got) for field, wanted, got in pairs if wanted != got]


def _compare_calls(recording: Recording, dialect: Dialect, response: ChatResponse) -> list[str]:
    wanted, got = recording.expected["tool_calls"], response.tool_calls
    if len(wanted) != len(got):
        return [_line("tool_calls", [call["name"] for call in wanted], [call.name for call in got])]
    exact = dialect.arguments_as_text(recording.body)
    problems: list[str] = []
    for i, (call, decoded) in enumerate(zip(wanted, got, strict=True)):
        pairs = [("id", call["id"] or "", decoded.id), ("name", call["name"], decoded.name)]
        if exact:
            pairs.append(("arguments", call["arguments"], decoded.arguments_json))
        else:
            pairs.append(("arguments", json.loads(call["arguments"]), decoded.arguments))
        if "arguments_json" in call:
            pairs.append(("parsed arguments", call["arguments_json"], decoded.arguments))
        problems += [_line(f"tool_calls[{i}].{field}", left, right) for field, left, right in pairs if left != right]
    return problems


def _compare_usage(expected: dict[str, int | None], response: ChatResponse) -> list[str]:
    return [
        _line(f"usage.{field}", expected[name], getattr(response.usage, field))
        for name, field in _USAGE
        if name in expected and expected[name] != getattr(response.usage, field)
    ]


def _compare_error(recording: Recording, outcome: Outcome) -> list[str]:
    expected, error = recording.expected, outcome.error
    words = said(expected, recording.body)
    wanted = right_class(words)
    if error is None:
        return [_line("error", wanted.__name__, "a complete answer")]
    problems = [] if type(error) is wanted else [_line("error class", wanted.__name__, type(error).__name__)]
    pairs: list[tuple[str, object, object]] = [("code", words.code or words.type, error.code)]
    if "status" in expected:
        pairs.append(("status", expected["status"], error.status))
    problems += [_line(field, left, right) for field, left, right in pairs if left != right]
    if redact(words.message) not in error.message:
        problems.append(_line("message", words.message, error.message))
    ids = [recording.headers[name] for name in _REQUEST_IDS if name in recording.headers]
    ids += [expected["body_request_id"]] if expected.get("body_request_id") else []
    if ids and error.request_id not in ids:
        problems.append(_line("request_id", ids, error.request_id))
    return problems + _compare_partial(expected, error)


def _compare_partial(expected: dict[str, Any], error: DragomanError) -> list[str]:
    partial = error.partial or fold([])
    pairs = [("text", expected.get("text") or "", partial.text)]
    pairs.append(("reasoning", expected.get("reasoning") or "", partial.reasoning))
    return [_line(f"partial.{field}", left, right) for field, left, right in pairs if left != right]


def _line(field: str, wanted: object, got: object) -> str:
    return f"{field}: expected {_short(wanted)}, got {_short(got)}"


def _short(value: object, limit: int = 160) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit // 2]} ... {text[-limit // 2 :]}"
