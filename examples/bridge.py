"""The openai SDK over a Dragoman client: retries, key and cache are the client's; a local server plays OpenAI."""

from __future__ import annotations

import openai

from dragoman import Cache, Client, Retry
from dragoman.bridge import httpx2_client
from dragoman.testing import Server, says, status

with Server(status(503, "try later"), says("In the south."), says("one two three")) as server:
    providers = {"openai": {"base_url": server.base_url(), "api_key": "the-clients-own-key"}}
    with Client(providers=providers, retry=Retry(base=0.01), cache=Cache()) as client, httpx2_client(client) as http:
        sdk = openai.OpenAI(api_key="dragoman", base_url=server.base_url(), http_client=http, max_retries=0)
        question = [{"role": "user", "content": "Where is it warm?"}]

        answer = sdk.chat.completions.create(model="gpt-x", messages=question)
        print(answer.choices[0].message.content, f"({server.calls} requests)")

        again = sdk.chat.completions.create(model="gpt-x", messages=question)
        print(again.choices[0].message.content, f"({server.calls} requests: the cache had it)")

        for chunk in sdk.chat.completions.create(model="gpt-x", messages=question, stream=True):
            print(chunk.choices[0].delta.content or "", end="")
        print()
        print("keys that were sent:", {request.headers["authorization"] for request in server.requests})
