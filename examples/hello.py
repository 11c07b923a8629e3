"""
Ask a model and look at the answer.

    python examples/hello.py                                   the simulator: no key, no network
    MODEL=openai/gpt-5.6-luna python examples/hello.py         a real model
"""

from __future__ import annotations

import os

from dragoman import Client

MODEL = os.environ.get("MODEL", "sim/echo")

with Client() as client:
    answer = client.chat(MODEL, "Hello! What are you?")

print(answer.text)
print(f"- {answer.message.origin}, finish reason {answer.finish_reason}, simulated: {answer.simulated}")
print(f"- {answer.usage.input_tokens} tokens in, {answer.usage.output_tokens} out")
