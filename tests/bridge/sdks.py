"""
The official SDKs alone, over the bridge, and what stands in for one of them.

Each maker gives a client and the module it came from.  Nothing is sent again unless a page asks for it, so that a page
sees what the provider said.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any

import anthropic
import httpx2
import openai
from google import genai
from google.genai import types as genai_types

import dragoman.compat.openai
from dragoman import AsyncClient, Client, Retry
from dragoman.bridge import httpx2_client
from dragoman.testing import Server

KEY = "a-secret-of-the-bridge-4711"
WIRES = {"openai": "openai-chat", "anthropic": "anthropic-messages", "gemini": "gemini-generate"}

Made = tuple[Any, Any]
Maker = Callable[[Server, str], AbstractContextManager[Made]]
AsyncMaker = Callable[[Server, str], AbstractAsyncContextManager[Made]]


def providers(server: Server) -> dict[str, Any]:
    """Rows of all three vendors, at the test server."""
    return {name: {"base_url": server.base_url(wire), "api_key": KEY} for name, wire in WIRES.items()}


def retry(page: str) -> Retry:
    """Pages that ask for it have their requests sent again."""
    return Retry(attempts=3 if page == "retried" else 1, base=0.01)


# --- openai -----------------------------------------------------------------------------------------------------------


@contextmanager
def openai_alone(server: Server, page: str) -> Iterator[Made]:
    with openai.OpenAI(api_key=KEY, base_url=server.base_url(), max_retries=0) as sdk:
        yield sdk, openai


@contextmanager
def openai_bridge(server: Server, page: str) -> Iterator[Made]:
    with Client(providers=providers(server), retry=retry(page), limit=None) as client, httpx2_client(client) as http:
        yield openai.OpenAI(api_key="dragoman", base_url=server.base_url(), http_client=http, max_retries=0), openai


@contextmanager
def openai_compat(server: Server, page: str) -> Iterator[Made]:
    with dragoman.compat.openai.OpenAI(api_key=KEY, base_url=server.base_url(), max_retries=0) as sdk:
        yield sdk, dragoman.compat.openai


@asynccontextmanager
async def openai_alone_async(server: Server, page: str) -> AsyncIterator[Made]:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=server.base_url(), max_retries=0) as sdk:
        yield sdk, openai


@asynccontextmanager
async def openai_bridge_async(server: Server, page: str) -> AsyncIterator[Made]:
    async with (
        AsyncClient(providers=providers(server), retry=retry(page), limit=None) as client,
        httpx2_client(client) as http,
    ):
        sdk = openai.AsyncOpenAI(api_key="dragoman", base_url=server.base_url(), http_client=http, max_retries=0)
        yield sdk, openai


@asynccontextmanager
async def openai_compat_async(server: Server, page: str) -> AsyncIterator[Made]:
    async with dragoman.compat.openai.AsyncOpenAI(api_key=KEY, base_url=server.base_url(), max_retries=0) as sdk:
        yield sdk, dragoman.compat.openai


# --- anthropic --------------------------------------------------------------------------------------------------------


@contextmanager
def anthropic_alone(server: Server, page: str) -> Iterator[Made]:
    with anthropic.Anthropic(api_key=KEY, base_url=server.base_url("anthropic-messages"), max_retries=0) as sdk:
        yield sdk, anthropic


@contextmanager
def anthropic_bridge(server: Server, page: str) -> Iterator[Made]:
    base = server.base_url("anthropic-messages")
    with Client(providers=providers(server), retry=retry(page), limit=None) as client, httpx2_client(client) as http:
        yield anthropic.Anthropic(api_key="dragoman", base_url=base, http_client=http, max_retries=0), anthropic


@asynccontextmanager
async def anthropic_alone_async(server: Server, page: str) -> AsyncIterator[Made]:
    base = server.base_url("anthropic-messages")
    async with anthropic.AsyncAnthropic(api_key=KEY, base_url=base, max_retries=0) as sdk:
        yield sdk, anthropic


@asynccontextmanager
async def anthropic_bridge_async(server: Server, page: str) -> AsyncIterator[Made]:
    base = server.base_url("anthropic-messages")
    async with (
        AsyncClient(providers=providers(server), retry=retry(page), limit=None) as client,
        httpx2_client(client) as http,
    ):
        yield anthropic.AsyncAnthropic(api_key="dragoman", base_url=base, http_client=http, max_retries=0), anthropic


# --- google-genai -----------------------------------------------------------------------------------------------------


@contextmanager
def genai_alone(server: Server, page: str) -> Iterator[Made]:
    with genai.Client(api_key=KEY, http_options={"base_url": server.base_url("gemini-generate")}) as sdk:
        yield sdk, genai


@contextmanager
def genai_bridge(server: Server, page: str) -> Iterator[Made]:
    with Client(providers=providers(server), retry=retry(page), limit=None) as client, httpx2_client(client) as http:
        options = genai_types.HttpOptions(base_url=server.base_url("gemini-generate"), httpx_client=http)
        yield genai.Client(api_key="dragoman", http_options=options), genai


@asynccontextmanager
async def genai_alone_async(server: Server, page: str) -> AsyncIterator[Made]:
    # Its own default is aiohttp, of which it inherits what aiohttp warns of.
    async with httpx2.AsyncClient() as http:
        options = genai_types.HttpOptions(base_url=server.base_url("gemini-generate"), httpx_async_client=http)
        with genai.Client(api_key=KEY, http_options=options) as sdk:
            yield sdk, genai


@asynccontextmanager
async def genai_bridge_async(server: Server, page: str) -> AsyncIterator[Made]:
    async with (
        AsyncClient(providers=providers(server), retry=retry(page), limit=None) as client,
        httpx2_client(client) as http,
    ):
        options = genai_types.HttpOptions(base_url=server.base_url("gemini-generate"), httpx_async_client=http)
        with genai.Client(api_key="dragoman", http_options=options) as sdk:
            yield sdk, genai


OPENAI: dict[str, Maker] = {"alone": openai_alone, "bridge": openai_bridge, "compat": openai_compat}
OPENAI_ASYNC: dict[str, AsyncMaker] = {
    "alone": openai_alone_async,
    "bridge": openai_bridge_async,
    "compat": openai_compat_async,
}
ANTHROPIC: dict[str, Maker] = {"alone": anthropic_alone, "bridge": anthropic_bridge}
ANTHROPIC_ASYNC: dict[str, AsyncMaker] = {"alone": anthropic_alone_async, "bridge": anthropic_bridge_async}
GENAI: dict[str, Maker] = {"alone": genai_alone, "bridge": genai_bridge}
GENAI_ASYNC: dict[str, AsyncMaker] = {"alone": genai_alone_async, "bridge": genai_bridge_async}
