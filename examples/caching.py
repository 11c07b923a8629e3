"""Ask once, and give the answer again: to the same question, to callers at the same time, and as a stream."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dragoman import Cache, Client

MODEL = os.environ.get("MODEL", "sim/echo")
QUESTION = "Name three rivers."

with (
    tempfile.TemporaryDirectory() as folder,
    # `simulated` only because this example asks the simulator where no MODEL is given.
    Cache(f"sqlite:///{Path(folder) / 'answers.db'}", ttl=3600, scope="acme", simulated=True) as cache,
):
    with Client(cache=cache) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.chat(MODEL, QUESTION), range(8)))
        print(f"{len(answers)} calls, {sum(not answer.cached for answer in answers)} request")

        with client.stream(MODEL, QUESTION) as stream:
            print("streamed:", "".join(stream.text))

        print("asked anew:", not client.chat(MODEL, QUESTION, reuse="refresh").cached)

    with Client(cache=cache.scoped("globex")) as other:
        print("another tenant asks for himself:", not other.chat(MODEL, QUESTION).cached)

    print(cache.stats())
