"""
A marked key of the client, through an SDK over the bridge and through the drop-in: it is seen nowhere.

The answers are those of tests/secrets/test_canary.py: servers that echo what they were sent, or break off.
"""

from __future__ import annotations

import traceback
from typing import Any

import httpx2
import openai
import pytest

import dragoman.compat.openai
from dragoman import Client
from dragoman.bridge import httpx2_client
from dragoman.errors import DragomanError
from dragoman.testing import Server
from tests.secrets.sinks import all_logs, found, shown
from tests.secrets.test_canary import FAULTS, KEY

ASK: list[Any] = [{"role": "user", "content": "Hi"}]


def over_the_bridge(client: Client, base_url: str, stream: bool) -> openai.OpenAIError:
    """Ask, and return how it failed; what knows the key is in no frame from here on."""
    with httpx2_client(client) as http:
        sdk = openai.OpenAI(api_key="dragoman", base_url=base_url, http_client=http, max_retries=0)
        with pytest.raises(openai.OpenAIError) as caught:
            list(sdk.chat.completions.create(model="m", messages=ASK, stream=stream))
        return caught.value


def seen_of(error: BaseException) -> str:
    """Text, traceback with variables, the answer, and Dragoman's own error with all that it shows."""
    told = traceback.TracebackException(type(error), error, error.__traceback__, capture_locals=True)
    parts = [str(error), repr(error), repr(vars(error)), *told.format()]
    response = getattr(error, "response", None)
    if isinstance(response, httpx2.Response):
        parts += [response.text, repr(response.headers.raw), repr(response.extensions)]
        parts += [shown(one) for one in response.extensions.values() if isinstance(one, DragomanError)]
    cause = error.__cause__.__cause__ if error.__cause__ else None
    return "\n".join([*parts, shown(cause)] if isinstance(cause, DragomanError) else parts)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_the_bridge_shows_no_key(fault: str, server: Server, stream: bool) -> None:
    """Not in what the SDK raises, in the answer that it holds, in what caused it, or in any log."""
    server.default = FAULTS[fault]()
    row = {"base_url": server.base_url(), "api_key": KEY}
    with Client(providers={"openai": row}, retry=None) as client, all_logs() as logs:
        del row
        error = over_the_bridge(client, server.base_url(), stream)

    assert f"Bearer {KEY}" == server.all_requests[0].headers["authorization"]
    assert [] == found(KEY, seen_of(error))
    assert [] == found(KEY, logs())


@pytest.mark.parametrize("fault", FAULTS)
def test_the_drop_in_shows_no_key(fault: str, server: Server) -> None:
    """Not in its errors, which are Dragoman's, nor in what is printed of it."""
    server.default = FAULTS[fault]()
    with all_logs() as logs, dragoman.compat.openai.OpenAI(base_url=server.base_url(), api_key=KEY) as sdk:
        with pytest.raises(dragoman.compat.openai.OpenAIError) as caught:
            sdk.chat.completions.create(model="m", messages=ASK)
        printed = repr(sdk) + repr(vars(sdk))

    assert f"Bearer {KEY}" == server.all_requests[0].headers["authorization"]
    assert [] == found(KEY, shown(caught.value) + printed)
    assert [] == found(KEY, logs())
