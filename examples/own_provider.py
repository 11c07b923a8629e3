"""Add a provider of your own in five lines; here it is a local test server, so the example needs no network."""

from __future__ import annotations

from dragoman import Client, Provider
from dragoman.testing import Server, echo

with Server(default=echo()) as server:
    acme = Provider(
        name="acme",
        base_url=server.base_url("openai-chat"),  # "https://llm.acme.example/v1"
        key_env="ACME_KEY",
        auth="none",
    )
    with Client(providers={"acme": acme}) as client:
        print(client.chat("acme/any-model", "Hello, Acme!").text)
        print(f"- {server.calls} request to {server.requests[0].path}")
