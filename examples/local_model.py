"""
Ask a model file on this machine, inside this process: no server, no key, no network.

    pip install "dragoman[local]"
    python examples/local_model.py path/to/model.gguf "Why is the sky blue?"
"""

from __future__ import annotations

import sys

from dragoman import Client

if len(sys.argv) < 2:
    print("Give the path of a .gguf file, such as one of those at https://huggingface.co/models?library=gguf:")
    print('    python examples/local_model.py path/to/model.gguf "Why is the sky blue?"')
    sys.exit()

path, *words = sys.argv[1:]

with Client() as client, client.stream(f"local/{path}", " ".join(words) or "Why is the sky blue?") as stream:
    for text in stream.text:
        print(text, end="", flush=True)

answer = stream.response
print(f"\n- {answer.usage.input_tokens} tokens in, {answer.usage.output_tokens} out, {answer.finish_reason}")
