"""
How a base asks models, on either face.

The base's coroutines await these; on the blocking face nothing suspends, because the client blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from dragoman.client import AsyncClient, Client
from dragoman.errors import ConfigError
from dragoman.types.embeddings import EmbedResponse, InputKind
from dragoman.types.messages import Message
from dragoman.types.requests import Settings
from dragoman.types.responses import ChatResponse


class Models(Protocol):
    """What is asked of a client."""

    async def embed(self, model: str, texts: Sequence[str], kind: InputKind) -> EmbedResponse:
        """Vectors of some texts."""
        ...

    async def chat(self, model: str, messages: Sequence[Message], settings: Settings | None) -> ChatResponse:
        """An answer."""
        ...

    async def parse(
        self, model: str, messages: Sequence[Message], settings: Settings | None, output: type[Any]
    ) -> ChatResponse:
        """An answer by a value."""
        ...


class BlockingModels:
    """Those of a `Client`."""

    def __init__(self, client: Client | None) -> None:
        """
        Raises:
            ConfigError: It is something else.
        """
        if client is not None and not isinstance(client, Client):
            raise ConfigError(f"client is {type(client).__name__}: give a Client", field="client")
        self._given = client
        self._own: Client | None = None

    @property
    def client(self) -> Client:
        """The one that was given, or one of its own, made when it is first needed."""
        if self._given is not None:
            return self._given
        if self._own is None:
            self._own = Client()
        return self._own

    async def embed(self, model: str, texts: Sequence[str], kind: InputKind) -> EmbedResponse:
        return self.client.embed(model, texts, kind=kind)

    async def chat(self, model: str, messages: Sequence[Message], settings: Settings | None) -> ChatResponse:
        return self.client.chat(model, list(messages), settings=settings)

    async def parse(
        self, model: str, messages: Sequence[Message], settings: Settings | None, output: type[Any]
    ) -> ChatResponse:
        return self.client.parse(model, list(messages), settings=settings, output=output)

    def close(self) -> None:
        """Close the client of its own."""
        if self._own is not None:
            self._own.close()
            self._own = None


class AsyncModels:
    """Those of an `AsyncClient`."""

    def __init__(self, client: AsyncClient | None) -> None:
        """
        Raises:
            ConfigError: It is something else.
        """
        if client is not None and not isinstance(client, AsyncClient):
            raise ConfigError(f"client is {type(client).__name__}: give an AsyncClient", field="client")
        self._given = client
        self._own: AsyncClient | None = None

    @property
    def client(self) -> AsyncClient:
        """The one that was given, or one of its own, made when it is first needed."""
        if self._given is not None:
            return self._given
        if self._own is None:
            self._own = AsyncClient()
        return self._own

    async def embed(self, model: str, texts: Sequence[str], kind: InputKind) -> EmbedResponse:
        return await self.client.embed(model, texts, kind=kind)

    async def chat(self, model: str, messages: Sequence[Message], settings: Settings | None) -> ChatResponse:
        return await self.client.chat(model, list(messages), settings=settings)

    async def parse(
        self, model: str, messages: Sequence[Message], settings: Settings | None, output: type[Any]
    ) -> ChatResponse:
        return await self.client.parse(model, list(messages), settings=settings, output=output)

    async def aclose(self) -> None:
        """Close the client of its own."""
        if self._own is not None:
            await self._own.aclose()
            self._own = None
