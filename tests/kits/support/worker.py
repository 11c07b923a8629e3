"""
A process that answers: `python worker.py STORE BASE_URL LEASE`.

It answers one message of a ticket, with personal data in it, and prints the reply.
"""

from __future__ import annotations

import sys

from dragoman import Client
from dragoman.kits import Support
from tests.kits.support.desks import SHOP

SAID = "I am Ann Lee, ann@acme.example, +49 30 5550123. How long can I send it back?"


def main(store: str, url: str, lease: str) -> None:
    """Answer."""
    with Client(providers={"fake": {"base_url": url, "api_key": "fake-key-0001"}}, retry=None) as client:
        desk = Support(
            model="fake/m", knowledge=SHOP, store=store, lease=float(lease), names=["Ann Lee"], client=client
        )
        print("ready", flush=True)
        print(desk.open("t1").reply(SAID, "m1").text, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
