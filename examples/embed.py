"""
Find the text that is nearest to a question.

    python examples/embed.py                                            a local test server: no key, no network
    MODEL=openai/text-embedding-3-small python examples/embed.py        a real model
"""

from __future__ import annotations

import os

from dragoman import Client
from dragoman.testing import Server, embeds

TEXTS = ["Apples are red.", "The train leaves at nine.", "Paris is in France."]
QUESTION = "The train leaves at nine."  # a test server's vectors know nothing of meaning: only equal texts are near


def nearest(client: Client, model: str) -> None:
    """Print the texts, the nearest first."""
    documents = client.embed(model, TEXTS, kind="document")
    [question] = client.embed(model, QUESTION, kind="query")
    likeness = [sum(a * b for a, b in zip(question, vector, strict=True)) for vector in documents]
    for text, like in sorted(zip(TEXTS, likeness, strict=True), key=lambda pair: -pair[1]):
        print(f"{like:6.3f}  {text}")
    print(f"- {documents.provider}/{documents.model}, {documents.dimensions} numbers each")


if "MODEL" in os.environ:
    with Client() as client:
        nearest(client, os.environ["MODEL"])
else:
    with Server(default=embeds(64)) as server:
        row = {"base_url": server.base_url("openai-chat"), "api_key": "any"}
        with Client(providers={"local-test": row}) as client:
            nearest(client, "local-test/any")
