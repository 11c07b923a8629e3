"""The official SDKs over the bridge, and the drop-in for one of them, as users' code types them."""

from __future__ import annotations

from typing import assert_type

import anthropic
import httpx2
import openai

from dragoman import AsyncClient, Client
from dragoman.bridge import httpx2_client
from dragoman.compat.openai import AsyncOpenAI, AsyncStream, OpenAI, Stream
from dragoman.compat.openai.chat_types import ChatCompletion, ChatCompletionChunk, CreateEmbeddingResponse
from dragoman.compat.openai.response_types import Response, ResponseStreamEvent


def bridged(client: Client, other: AsyncClient) -> None:
    http, awaited = httpx2_client(client), httpx2_client(other)
    assert_type(http, httpx2.Client)
    assert_type(awaited, httpx2.AsyncClient)
    openai.OpenAI(api_key="dragoman", http_client=http)
    openai.AsyncOpenAI(api_key="dragoman", http_client=awaited)
    anthropic.Anthropic(api_key="dragoman", http_client=http)
    httpx2_client("client")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


def dropped_in(client: OpenAI) -> None:
    ask = [{"role": "user", "content": "Hi"}]
    assert_type(client.chat.completions.create(model="m", messages=ask), ChatCompletion)
    assert_type(client.chat.completions.create(model="m", messages=ask, stream=True), Stream[ChatCompletionChunk])
    assert_type(client.responses.create(model="m", input="Hi"), Response)
    assert_type(client.responses.create(model="m", input="Hi", stream=True), Stream[ResponseStreamEvent])
    assert_type(client.embeddings.create(model="m", input="Hi"), CreateEmbeddingResponse)


async def awaited(client: AsyncOpenAI) -> None:
    assert_type(await client.chat.completions.create(model="m", messages=[]), ChatCompletion)
    stream = await client.chat.completions.create(model="m", messages=[], stream=True)
    assert_type(stream, AsyncStream[ChatCompletionChunk])
