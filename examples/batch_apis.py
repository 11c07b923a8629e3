"""A batch at half the price, at the provider's own batch API, and the rest live before a deadline."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dragoman import Client
from dragoman.testing.batches import BatchServer, Course
from dragoman.testing.batches.openai import OpenAI

MODEL = "openai/gpt-5.6-luna"


def main() -> None:
    """Hand rows in at a provider that is fast, and at one that is too slow."""
    rows = [{"id": number, "prompt": f"Classify: text {number}"} for number in range(100)]
    slow = Course(looks=10**6, answer=lambda asked: None)
    # A server on this machine that speaks OpenAI's batch API; for the real one leave `providers` out.
    with BatchServer(OpenAI, Course(), slow) as server, tempfile.TemporaryDirectory() as folder:
        client = Client(providers={"openai": {"base_url": f"{server.url}/v1", "api_key": "any"}})
        batch = client.batch(rows, Path(folder) / "one.jsonl", model=MODEL, mode="provider", poll=0.05)
        print(batch.report)
        batch = client.batch(rows, Path(folder) / "two.jsonl", model=MODEL, mode="auto", deadline=2, poll=0.05)
        print(batch.report)
        print(f"{len(server.house.lived)} rows were asked live")


if __name__ == "__main__":
    main()
