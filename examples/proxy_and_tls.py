"""
A server on a unix socket, and what a wrong certificate file or a missing proxy say.  Nothing here needs a network.

In real life it is one line each:

    Client(proxy="http://user:password@proxy.corp.example:3128")
    Client(tls=TLS(ca="/etc/corp/ca.pem", minimum="1.3"))
    Client(tls=TLS(cert="me.pem", key="me.key"))                            mTLS
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from dragoman import TLS, Client, ConfigError, ConnectError
from dragoman.testing import Server, echo

with tempfile.TemporaryDirectory() as folder, Server(default=echo(), unix=str(Path(folder) / "llm.sock")) as server:
    row = {"base_url": server.base_url("openai-chat"), "auth": "none"}
    with Client(providers={"runner": row}, proxy="http://proxy.corp.example:3128") as client:
        print(client.chat("runner/any", "Hello over a socket file!").text)  # a unix socket needs no proxy

    row = {"base_url": "https://llm.corp.example/v1", "auth": "none"}
    with Client(providers={"corp": row}, tls=TLS(ca=Path(folder) / "ca.pem"), proxy="") as client:
        try:
            client.chat("corp/any", "Hello")
        except ConfigError as error:
            print(f"- {error.field}: it {error.message.rpartition(', which ')[2]}; nothing was sent")

    with Client(providers={"corp": row}, proxy={"https": "http://127.0.0.1:1"}, retry=None) as client:
        try:
            client.chat("corp/any", "Hello")
        except ConnectError as error:
            print(f"- {error.message}")
