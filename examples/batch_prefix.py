"""
Many questions about a few documents: those about the same one are asked together, and it is paid in full once.

    python examples/batch_prefix.py                                   the simulator: no key, no network
    MODEL=openai/gpt-5.6-luna python examples/batch_prefix.py         a real model
"""

from __future__ import annotations

import os

from dragoman import Client

MODEL = os.environ.get("MODEL", "sim/lorem")
DOCUMENTS = {name: f"The report of {name}. " + "It went well, all in all. " * 200 for name in ("Oslo", "Rome", "Lima")}
QUESTIONS = ("What went well?", "What did not?", "What comes next?")

rows = [
    {"id": f"{name} {number}", "prompt": f"{text}\n\n{question}"}
    for number, question in enumerate(QUESTIONS)
    for name, text in DOCUMENTS.items()
]

with Client() as client:
    batch = client.batch(rows, model=MODEL, order="prefix", max_tokens=40)
    for row in batch.results():  # in the order of the input all the same
        print(row.id, row.text[:40])
    print(batch.report)
