"""Code in the manner of the openai library, asking other providers; local servers stand in for them."""

from __future__ import annotations

from dataclasses import dataclass

from dragoman import Client
from dragoman.compat.openai import NotFoundError, OpenAI
from dragoman.testing import Server, says, status


@dataclass
class Invoice:
    vendor: str
    total: float


steps = says("Bonjour."), says("one two three"), says('{"vendor": "ACME", "total": 7.5}'), status(404, "no such model")
with Server(*steps) as server:
    row = {"base_url": server.base_url("anthropic-messages"), "api_key": "a-key"}
    with Client(providers={"anthropic": row}) as own:
        client = OpenAI(client=own)
        model, ask = "anthropic/claude-haiku-5-5", [{"role": "user", "content": "Say hello in French."}]

        completion = client.chat.completions.create(model=model, messages=ask, max_tokens=100)
        print(completion.choices[0].message.content, completion.usage.total_tokens, "tokens")
        print("cost in US dollars:", completion.dragoman.cost)

        for chunk in client.chat.completions.create(model=model, messages=ask, stream=True):
            print(chunk.choices[0].delta.content or "", end="")
        print()

        parsed = client.chat.completions.parse(model=model, messages=ask, response_format=Invoice)
        print(parsed.choices[0].message.parsed)

        try:
            client.responses.create(model="anthropic/claude-unknown", input="Hello")
        except NotFoundError as error:
            print(error.status_code, error.message)
