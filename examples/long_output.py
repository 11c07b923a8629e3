"""Write a text that is longer than one reply, as a stream, with a file that lets a killed run go on."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from dragoman import Client, ProviderEvent, TextDelta, TruncatedError

MODEL = os.environ.get("MODEL", "sim/lorem")
CHECKPOINT = Path(os.environ.get("CHECKPOINT") or Path(tempfile.mkdtemp()) / "story.jsonl")

with Client() as client:
    try:
        with client.write_stream(MODEL, "Write a very long story.", max_rounds=30, checkpoint=CHECKPOINT) as stream:
            for event in stream:
                if isinstance(event, TextDelta):
                    print(event.text, end="", flush=True)
                elif isinstance(event, ProviderEvent):
                    print("|", end="")  # a seam
        answer = stream.response
        print(f"\n- finished after {len(answer.attempts)} request(s), {answer.usage.output_tokens} tokens")
    except TruncatedError as error:
        written = error.partial.text if error.partial else ""
        print(f"\n- {error.message}; {len(written)} characters are kept in {CHECKPOINT.name}, and may be gone on with")
