"""
A process whose disk is full after a while: `python -m tests.conversation.cramped STORE BASE_URL BYTES`.

No file may grow beyond BYTES.  It says turns until three were refused; then it has room again, and says those
three.  What it prints is one JSON object.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from dragoman import Client, StoreError
from dragoman.types.responses import ChatResponse


def main(store: str, url: str, most: str) -> None:
    """Talk."""
    rows = {"openai": {"base_url": url, "api_key": "test-key-0001"}}
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    said: list[str] = []
    refused: list[str] = []
    kinds: set[str] = set()
    partial = 0
    with Client(providers=rows) as client:
        talk = client.conversation("ticket", model="openai/any", store=store, lease=0.3, window=None)
        talk.say("first", "first")
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), hard))
        number = 0
        while len(refused) < 3 and number < 400:
            number += 1
            key = f"t{number}"
            try:
                talk.say(_words(number), key)
                said.append(key)
            except StoreError as error:
                refused.append(key)
                kinds.add(str(error))
                partial += isinstance(error.partial, ChatResponse)
        full = _texts(talk)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        for key in refused:
            talk.say(_words(int(key[1:])), key)
        texts = _texts(talk)
    told = {"said": said, "refused": refused, "kinds": sorted(kinds), "partial": partial}
    print(json.dumps({**told, "full": full, "texts": texts}))


def _words(number: int) -> str:
    return f"t{number} " + " ".join(f"{number * at:x}" for at in range(300))


def _texts(talk: Any) -> list[str]:
    return [message.text.partition(" ")[0] for message in talk.history if message.role == "user"]


if __name__ == "__main__":
    main(*sys.argv[1:])
