"""The committed sample as test parameters, for every wire that exists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dragoman import wire as wires
from tests.corpus.dialects import DIALECTS, Dialect
from tests.corpus.recording import SAMPLE, Recording, load

# Wires of which there are recordings and code.
KNOWN: tuple[Dialect, ...] = tuple(DIALECTS[name] for name in wires.names() if name in DIALECTS)


def cases(wanted: Callable[[Recording], Any] = lambda recording: True) -> list[Any]:
    """(dialect, recording) for each recording that is wanted."""
    return [
        pytest.param(dialect, recording, id=recording.name)
        for dialect in KNOWN
        for recording in load(SAMPLE, dialect.folders)
        if wanted(recording)
    ]


def streams() -> Iterator[tuple[Dialect, Recording]]:
    """Every recorded stream of the sample."""
    for dialect in KNOWN:
        for recording in load(SAMPLE, dialect.folders):
            if recording.streamed:
                yield dialect, recording
