"""
Recorded exchanges in which a schema was asked for: the answer is read as a value of it, and each prefix is part of it.

The committed ones lie in `recorded/`; DRAGOMAN_CORPUS names a whole corpus, as for `tests/corpus`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dragoman import ChatRequest, ChatResponse, DragomanError
from dragoman import wire as wires
from dragoman.structured.partial import Growing
from dragoman.structured.reading import Reading
from dragoman.types.fold import fold
from dragoman.types.requests import typed_output
from dragoman.types.shapes import shape_of
from tests.corpus.dialects import DIALECTS
from tests.corpus.recording import Recording, load
from tests.structured.test_reader import consistent

RECORDED = Path(__file__).with_name("recorded")
ROOTS = [RECORDED, *(Path(root) for root in [os.environ.get("DRAGOMAN_CORPUS", "")] if root)]


def asked(recording: Recording, wire: str) -> ChatRequest | None:
    """The request, if it asks for a schema."""
    if recording.failed or recording.asked is None:
        return None

    try:
        chat = wires.get(wire).decode_request(json.dumps(recording.asked).encode(), path=recording.asked_path)
    except DragomanError:
        return None
    return chat if chat.output is not None and chat.output.schema else None


def answered(recording: Recording, wire: str) -> ChatResponse:
    codec = wires.get(wire)
    if not recording.streamed:
        return codec.decode_response(recording.status, recording.headers, recording.body)
    decoder = codec.decoder()
    return fold([*decoder.feed(recording.body), *decoder.close()])


CASES = [
    pytest.param(recording, chat, dialect.wire, id=recording.name)
    for root in ROOTS
    for dialect in DIALECTS.values()
    for recording in load(root, dialect.folders)
    if (chat := asked(recording, dialect.wire)) is not None
]


def schema_of(chat: ChatRequest) -> dict[str, Any]:
    assert chat.output is not None
    assert chat.output.schema is not None
    return chat.output.schema


@pytest.mark.parametrize(("recording", "chat", "wire"), CASES)
def test_recorded_answers_are_values(recording, chat, wire):
    """What providers really answered satisfies the schema that was sent, unless they called a tool or refused."""
    answer = answered(recording, wire)
    if answer.tool_calls or answer.refusal or not answer.text or answer.finish_reason not in ("stop", "unknown"):
        return
    value = Reading(typed_output(schema_of(chat))).of(answer)

    growing = Growing(shape_of(schema_of(chat)))
    for character in answer.text:
        if growing.feed(character):
            assert consistent(growing.snapshot(), value)


def test_there_are_recordings():
    """The committed ones are found, of several dialects."""
    assert len({wire for _, _, wire in (case.values for case in CASES)}) >= 4
