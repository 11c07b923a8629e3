"""What is counted on one's own machine is what the providers counted in recorded exchanges."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman import wire as wires
from dragoman.tokens import count_prompt
from tests.corpus.recording import SAMPLE, Recording, load

FOLDERS = {"openai-chat": "openai", "azure-chat": "azure", "openrouter-chat": "openrouter"}


def counted(root: Path) -> Iterator[tuple[Recording, int, int]]:
    """Recording, the provider's count and ours, for each request that we call exact."""
    for folder, provider in FOLDERS.items():
        for recording in load(root, (folder,)):
            tokens = (recording.expected.get("usage_norm") or {}).get("input")
            if recording.asked is None or not recording.asked.get("model") or tokens is None:
                continue
            body = json.dumps(recording.asked).encode()
            request = wires.get("openai-chat").decode_request(body, path=recording.asked_path)
            ours = count_prompt(request, provider, request.model)
            if ours.exact:
                yield recording, tokens, ours.tokens


@pytest.mark.parametrize(
    ("recording", "theirs", "ours"), [pytest.param(*one, id=one[0].name) for one in counted(SAMPLE)]
)
def test_an_exact_count_is_what_the_provider_counted(recording: Recording, theirs: int, ours: int) -> None:
    """A count that is called exact is the number on the provider's bill."""
    assert theirs == ours


def test_there_are_enough_of_them() -> None:
    """Several families of models are among the sample."""
    assert len({str((recording.asked or {}).get("model"))[:6] for recording, _, _ in counted(SAMPLE)}) >= 3
