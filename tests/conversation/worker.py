"""
A process that talks: `python worker.py STORE BASE_URL NAME FIRST LAST LEASE [stream|aloud]`.

It says the turns FIRST to LAST, each under its number as id, and prints the id of each that is done; aloud,
also each piece of text with the moment when it came.
"""

from __future__ import annotations

import json
import sys
import time

from dragoman import Client


def main(store: str, url: str, name: str, first: str, last: str, lease: str, how: str = "say") -> None:
    """Talk."""
    with Client(providers={"openai": {"base_url": url, "api_key": "test-key-0001"}}) as client:
        talk = client.conversation(name, model="openai/any", store=store, lease=float(lease))
        print("ready", flush=True)
        for number in range(int(first), int(last)):
            if how == "aloud":
                with talk.stream(f"turn {number}", f"t{number}") as stream:
                    for text in stream.text:
                        print(json.dumps([time.monotonic(), text]), flush=True)
            elif how == "stream":
                with talk.stream(f"turn {number}", f"t{number}") as stream:
                    stream.drain()
            else:
                talk.say(f"turn {number}", f"t{number}")
            print(f"t{number}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
