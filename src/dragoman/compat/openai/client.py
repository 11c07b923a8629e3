"""
`OpenAI` and `AsyncOpenAI`, over any provider.

Rule: a model that names its provider goes there; any other goes to OpenAI, or to `base_url`, where every name belongs
to the server that was named.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from dragoman.bridge.rows import Rows
from dragoman.client import AsyncClient, Client
from dragoman.compat.openai.asking import NOT_GIVEN, Options, headers_of, is_given
from dragoman.compat.openai.core import Core
from dragoman.compat.openai.listing import AsyncModels, Models
from dragoman.compat.openai.resources import (
    AsyncBeta,
    AsyncChat,
    AsyncEmbeddings,
    AsyncResponses,
    Beta,
    Chat,
    Embeddings,
    Responses,
)
from dragoman.errors import ConfigError
from dragoman.policy.retry import Retry
from dragoman.routes import Routes
from dragoman.secrets.variables import Veiled

_OPENAI: Final = "openai"
# A server that speaks OpenAI's dialects, and of which nothing else is known.
_OTHER: Final = "openai-compatible"

DEFAULT_MAX_RETRIES: Final = 2


class _Compatible:
    """What both faces share."""

    _core: Core
    _kind: type[Client] | type[AsyncClient]

    def __init__(
        self,
        *,
        api_key: Any = None,
        organization: str | None = None,
        project: str | None = None,
        base_url: str | None = None,
        timeout: Any = NOT_GIVEN,
        max_retries: int = DEFAULT_MAX_RETRIES,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, Any] | None = None,
        http_client: Any = None,
        client: Any = None,
    ) -> None:
        """
        Args:
            api_key: Of the provider of models that name none, or where it is (`env:NAME`, `vault:...`); by default it
                is looked for where Dragoman looks.
            organization: Sent as `OpenAI-Organization`.
            project: Sent as `OpenAI-Project`.
            base_url: A server that every model belongs to.
            timeout: Seconds of silence, or an object with `connect` and `read`.
            max_retries: How often a request is sent again.
            default_headers: Sent with every request.
            default_query: Not taken: it goes to the provider's row.
            http_client: Not taken: proxies and TLS belong to the Dragoman client.
            client: A Dragoman client to ask with, instead of one of its own; then keys, addresses and retries are
                that client's.

        Raises:
            ConfigError: An argument that cannot work; `.field` names it.
        """
        given = {
            # Veiled, because tracebacks may be shown with variables.
            "api_key": api_key if api_key is None or isinstance(api_key, Veiled) else Veiled(api_key),
            "base_url": base_url,
            "max_retries": max_retries,
            "organization": organization,
            "project": project,
        }
        _check(http_client, default_query, client, self._kind, given)
        headers = {"openai-organization": organization, "openai-project": project, **(default_headers or {})}
        usual = Options(headers_of({n: v for n, v in headers.items() if v is not None}, "default_headers"), {}, timeout)
        self._given: dict[str, Any] = given | {"timeout": timeout, "default_headers": default_headers, "client": client}
        self._own = client is None
        row = _row(base_url)
        self._core = Core(self._made(row) if client is None else client, row, alone=base_url is not None, usual=usual)

    def _made(self, row: str) -> Client | AsyncClient:
        """A client of one's own."""
        given = self._given
        fields = {name: given[name] for name in ("api_key", "base_url") if given[name] is not None}
        if row == _OTHER:
            fields |= {"key_env": "OPENAI_API_KEY", "also": ("openai-responses",)}
        providers = {row: fields} if fields else None
        return self._kind(providers=providers, retry=Retry(attempts=given["max_retries"] + 1))

    def with_options(self, **changes: Any) -> Self:
        """Return the same client with other options; `timeout=` and `default_headers=` share its connections."""
        known = {"api_key", "base_url", "max_retries", "organization", "project", "timeout", "default_headers"}
        for name in changes:
            if name not in known:
                raise ConfigError(f"with_options has no argument {name!r}", field=name)
        if not changes.keys() & {"api_key", "base_url", "max_retries"}:
            other = type(self)(**{**self._shared(), **changes})
            other._core.row, other._core.alone = self._core.row, self._core.alone
            return other
        return type(self)(**{**self._given, **changes})

    copy = with_options

    def _shared(self) -> dict[str, Any]:
        own = {name: self._given[name] for name in ("timeout", "default_headers", "organization", "project")}
        return {**own, "client": self._core.client}

    @property
    def max_retries(self) -> int:
        """How often a request is sent again."""
        return int(self._given["max_retries"])

    @property
    def timeout(self) -> Any:
        """As it was given."""
        return self._given["timeout"] if is_given(self._given["timeout"]) else None

    @property
    def base_url(self) -> str:
        """Address of the provider of models that name none."""
        return self._core.client.providers[self._core.row].base_url

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise AttributeError(
            f"dragoman.compat.openai has no {name!r}: it has chat, responses, embeddings and models; for the rest use "
            "the openai library itself, over dragoman.bridge.httpx2_client(client)"
        )


def _check(http_client: Any, default_query: Any, client: Any, kind: type, given: Mapping[str, Any]) -> None:
    if http_client is not None:
        raise ConfigError(
            "http_client is not taken here: give client=dragoman.Client(proxy=..., ...)", field="http_client"
        )
    if default_query:
        raise ConfigError("default_query is not taken: give it in the provider's row", field="default_query")
    retries: object = given["max_retries"]
    if not isinstance(retries, int) or isinstance(retries, bool) or retries < 0:
        raise ConfigError(f"max_retries is {retries!r}: give a whole number, 0 or more", field="max_retries")
    if client is None:
        return
    if not isinstance(client, kind):
        raise ConfigError(f"client is {type(client).__name__}: give a dragoman.{kind.__name__}", field="client")
    for name in ("api_key", "base_url"):
        if given[name] is not None:
            raise ConfigError(f"client and {name} are both given: set {name} in the client", field=name)


def _row(base_url: str | None) -> str:
    """Name of the row for an address: that of a provider that is known there, or one of its own."""
    if base_url is None:
        return _OPENAI
    if not isinstance(base_url, str):
        raise ConfigError(f"base_url is {type(base_url).__name__}: give a text", field="base_url")
    known = Rows(Routes()).at(f"{base_url.rstrip('/')}/chat/completions", "openai-chat", ("authorization",))
    return known.name if known is not None and known.wire == "openai-chat" else _OTHER


class OpenAI(_Compatible):
    """
    The blocking client.

    >>> from dragoman.compat.openai import OpenAI
    >>> client = OpenAI()
    >>> ask = [{"role": "user", "content": "Hello"}]
    >>> client.chat.completions.create(model="sim/echo", messages=ask).choices[0].message.content
    'Hello'
    """

    _kind = Client

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.chat = Chat(self._core)
        self.beta = Beta(self.chat)
        self.responses = Responses(self._core)
        self.embeddings = Embeddings(self._core)
        self.models = Models(self._core)

    def close(self) -> None:
        """Close the connections; those of a client that was given stay open."""
        if self._own:
            self._core.client.close()  # type: ignore[union-attr]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncOpenAI(_Compatible):
    """The asynchronous client."""

    _kind = AsyncClient

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.chat = AsyncChat(self._core)
        self.beta = AsyncBeta(self.chat)
        self.responses = AsyncResponses(self._core)
        self.embeddings = AsyncEmbeddings(self._core)
        self.models = AsyncModels(self._core)

    async def close(self) -> None:
        """Close the connections; those of a client that was given stay open."""
        if self._own:
            await self._core.client.aclose()  # type: ignore[union-attr]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
