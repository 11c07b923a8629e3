"""A stream that ends early is never taken for a whole one, wherever it is cut."""

from __future__ import annotations

import pytest

from dragoman import wire as wires
from dragoman.errors import StreamInterrupted, WireError
from tests.corpus.cuts import all_offsets, check_cuts, first_proof, some_offsets
from tests.corpus.dialects import Dialect
from tests.corpus.recording import Recording
from tests.corpus.replies import read_stream
from tests.corpus.sample_cases import KNOWN, cases

# Streams up to this size are cut at every byte here; `./dev soak cut` does it for far longer ones.
_EVERY_CUT = 2 * 1024
_SOME = 40


@pytest.mark.parametrize(("dialect", "recording"), cases(lambda recording: recording.streamed))
def test_a_cut_stream_is_never_a_whole_answer(dialect: Dialect, recording: Recording) -> None:
    """Before the evidence a cut raises with the part that came; its text and calls are those of the whole."""
    body = recording.body
    offsets = all_offsets(body) if len(body) <= _EVERY_CUT else some_offsets(body, dialect.borders(body), _SOME)

    assert [] == check_cuts(recording, dialect, wires.get(dialect.wire), offsets)


_OF_NOTHING = (b"", b"\n\n", b": keep-alive\n\n", b"data: [DONE]\n\n", b'event: ping\ndata: {"type": "ping"}\n\n')


@pytest.mark.parametrize("body", _OF_NOTHING)
@pytest.mark.parametrize("dialect", KNOWN, ids=lambda dialect: dialect.wire)
def test_a_stream_of_nothing_is_no_answer(dialect: Dialect, body: bytes) -> None:
    """Nothing, keep-alives, or an end marker without content is an interrupted stream, or none of the dialect's."""
    outcome = read_stream(wires.get(dialect.wire), [body])

    assert isinstance(outcome.error, StreamInterrupted if not body else StreamInterrupted | WireError)
    assert [] == [event for event in outcome.events if type(event).__name__ in ("TextDelta", "Finish")]


@pytest.mark.parametrize(("dialect", "recording"), cases(lambda one: one.streamed and not one.failed))
def test_the_evidence_is_found_in_every_whole_stream(dialect: Dialect, recording: Recording) -> None:
    """What decides here whether a prefix is complete finds the evidence in each complete recording, near its end."""
    proof = first_proof(recording.body, dialect)

    assert proof <= len(recording.body)
    assert not dialect.evidence(recording.body[: proof - 1])
