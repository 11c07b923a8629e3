"""
Record what a program sends and gets, and play it again without a network.

    python examples/cassette.py                                        the simulator: no key, no network
    MODEL=openai/gpt-5.6-luna python examples/cassette.py              a real model, asked once
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from dragoman import Client
from dragoman.testing.cassette import UnmatchedError, cassette

MODEL = os.environ.get("MODEL", "sim/hello")


def program(question: str) -> str:
    """Any program that asks a model; it knows nothing of tapes."""
    with Client() as client, client.stream(MODEL, question) as stream:
        return "".join(stream.text)


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "cassettes" / "sky.json"

    with cassette(path, mode="once"):
        print("recorded:", program("Why is the sky blue?"))

    with cassette(path, speed=1):  # with the pauses that it had
        print("played:  ", program("Why is the sky blue?"))

    print(path.read_text("utf-8")[:700], "...")

    try:
        with cassette(path):
            program("Why is the sky red?")
    except UnmatchedError as error:
        print(error)
