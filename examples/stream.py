"""Print an answer while it comes, leave a stream early, and use the whole answer afterwards."""

from __future__ import annotations

import os

from dragoman import Client, Finish, TextDelta

MODEL = os.environ.get("MODEL", "sim/lorem")

with Client() as client:
    with client.stream(MODEL, "Tell me a story.", max_tokens=60) as stream:
        for text in stream.text:
            print(text, end="", flush=True)
    print(f"\n- {stream.response.finish_reason}, {stream.response.usage.output_tokens} tokens\n")

    with client.stream(MODEL, "Tell me another.") as stream:
        for event in stream:
            match event:
                case TextDelta(text) if "dolor" in text:
                    break  # the connection is closed when the block is left
                case TextDelta(text):
                    print(text, end="")
                case Finish(reason):
                    print(f"- {reason}")
                case _:
                    pass
    print("\n- left early; what came:", repr(stream.partial.text if stream.partial else ""))
