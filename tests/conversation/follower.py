"""
A process that follows a turn: `python follower.py STORE NAME TURN`; it has the store's address, and no provider.

It prints what it reads as JSON lines: `text` with each piece, `broken` with all that came before the turn broke off,
and `whole` with the answer.  When the turn broke off it waits until somebody goes on with it, and follows that.
"""

from __future__ import annotations

import json
import sys
import time

from dragoman import Client, ConversationError, StreamInterrupted


def main(store: str, name: str, turn: str) -> None:
    """Follow."""
    with Client() as client:
        talk = client.conversation(name, model="sim/echo", store=store)
        while talk.turn(turn) is None:
            time.sleep(0.01)
        while True:
            try:
                with talk.watch(turn, timeout=30) as stream:
                    for text in stream.text:
                        print(json.dumps(["text", text]), flush=True)
                    print(json.dumps(["whole", stream.response.text]), flush=True)
                    return
            except StreamInterrupted as error:
                print(json.dumps(["broken", error.partial.text if error.partial else ""]), flush=True)
                _until_it_goes_on(talk, turn)
            except ConversationError as error:
                raise SystemExit(f"cannot be followed: {error}") from error


def _until_it_goes_on(talk: object, turn: str) -> None:
    while talk.turn(turn).state in ("interrupted", "failed"):  # type: ignore[attr-defined]
        time.sleep(0.02)


if __name__ == "__main__":
    main(*sys.argv[1:])
