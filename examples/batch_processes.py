"""
Ask a file of rows by several processes of this machine, for providers that answer faster than one process asks.

    python examples/batch_processes.py            against a server in this program: no key, no network
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from dragoman import Client
from dragoman.testing import Server, echo


def main() -> None:
    """Run it; workers import nothing of this file, so no `if __name__` is needed for them."""
    with tempfile.TemporaryDirectory() as folder, Server(default=echo()) as server:
        source, sink = Path(folder, "in.jsonl"), Path(folder, "out.jsonl")
        source.write_text("".join(json.dumps({"id": f"n{number}", "number": number}) + "\n" for number in range(500)))
        fake = {"base_url": server.base_url(), "api_key": "k", "wire": "openai-chat"}
        with Client(providers={"fake": fake}) as client:
            template = "What is {number} squared?"
            batch = client.batch(source, sink, model="fake/m", template=template, engine="processes", workers=2)
        print(batch.report)
        print(len(sink.read_text().splitlines()), "lines of output")


if __name__ == "__main__":
    main()
