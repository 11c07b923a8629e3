"""Ask a second provider where the first fails; here both are local test servers, so that no network is needed."""

from __future__ import annotations

from dragoman import Balance, Client, Fallback, Retry, Target
from dragoman.testing import Server, echo, status

with Server(default=status(529, "no capacity")) as first, Server(default=echo()) as second:
    providers = {
        "openai": {"base_url": first.base_url("openai-chat"), "api_key": "key-of-the-first"},
        "anthropic": {"base_url": second.base_url("anthropic-messages"), "api_key": "key-of-the-second"},
    }
    routes = {
        "smart": Fallback("openai/gpt-6", "anthropic/claude-haiku-5-5"),
        "cheap": Balance(
            Target("anthropic/claude-haiku-5-5", api_key="key-of-team-one", weight=2),
            Target("anthropic/claude-haiku-5-5", api_key="key-of-team-two"),
        ),
    }
    with Client(providers=providers, routes=routes, retry=Retry(base=0.01)) as client:
        answer = client.chat("smart", "Hello, whoever is there!")
        print(answer.text, f"({answer.provider}/{answer.model})")
        for attempt in answer.attempts:
            print(f"- {attempt.provider}: {attempt.outcome}")
        print("because", answer.notices[0].text)

        for _ in range(6):
            client.chat("cheap", "Hello")
        keys = [request.headers["x-api-key"] for request in second.requests[1:]]
        print("team one was asked", keys.count("key-of-team-one"), "times of", len(keys))
