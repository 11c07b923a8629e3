"""
A process of a crowd: `python -m tests.conversation.member` with its task as JSON on standard input.

It says its turns one after another, some of them twice, and prints before and after each its id and the moment (on the
machine's monotonic clock).  A turn that another process took over it says again, as a caller
does who retries.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

from dragoman import Client, DragomanError, LeaseLostError


def main(task: dict[str, Any]) -> None:
    """Say the turns."""
    chance = random.Random(task["seed"])
    rows = {"openai": {"base_url": task["provider"], "api_key": "test-key-0001"}}
    with Client(providers=rows) as client:
        talk = client.conversation(
            task["name"], model="openai/any", store=task["store"], lease=task["lease"], window=None, timeout=600
        )
        for key in task["turns"]:
            print(json.dumps(["begun", key, time.monotonic()]), flush=True)
            text = _said(talk, key)
            print(json.dumps(["done", key, time.monotonic()]), flush=True)
            if chance.random() < task["again"] and _said(talk, key) != text:
                raise AssertionError(f"{key} was answered otherwise when it was said again")


def _said(talk: Any, key: str) -> str:
    while True:
        try:
            answer: str = talk.say(f"turn {key}", key).text
            return answer
        except LeaseLostError:
            continue
        except DragomanError as error:
            if not error.retryable:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    main(json.loads(sys.stdin.read()))
