"""
The official SDKs of openai, anthropic and google-genai, on a client's policies.

    client = dragoman.Client(...)
    sdk = openai.OpenAI(api_key="dragoman", http_client=httpx2_client(client), max_retries=0)

An SDK writes its requests and reads its answers as ever.  What lies between is the client's: pacing, retries, ledger,
budgets, cache, metrics, keys, proxies, clocks.

Rule: an SDK's bytes are not touched.  What a policy must know of a request is read from them, and the provider's bytes
go back as they came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from dragoman.bridge.credentials import PLACEHOLDER
from dragoman.client import AsyncClient, Client
from dragoman.errors import ConfigError

if TYPE_CHECKING:
    import httpx2

__all__ = ["PLACEHOLDER", "httpx2_client"]


@overload
def httpx2_client(client: Client) -> httpx2.Client: ...


@overload
def httpx2_client(client: AsyncClient) -> httpx2.AsyncClient: ...


def httpx2_client(client: Client | AsyncClient) -> httpx2.Client | httpx2.AsyncClient:
    """
    Return an `httpx2` client whose requests go through `client`.

    Give it to an SDK: `OpenAI(http_client=...)`, `Anthropic(http_client=...)`,
    `genai.Client(http_options=HttpOptions(httpx_client=...))`.  As API key give `"dragoman"` (`PLACEHOLDER`), and the
    client's own key for that provider is used; any other key is used as it is.

    It has no timeouts of its own: those of `client` hold, unless the SDK is given others.  Closing it leaves `client`
    open.

    Args:
        client: A `Client` for an SDK's blocking face, an `AsyncClient` for its asynchronous one.

    Raises:
        ConfigError: `client` is no client of ours, or httpx2 is not installed.
    """
    try:
        from dragoman.bridge import faces
    except ImportError as error:
        raise ConfigError(
            f"the bridge needs httpx2 ({error}): pip install 'dragoman[bridge]'", field="bridge"
        ) from error
    if isinstance(client, Client):
        return faces.blocking(client._plain)  # pyright: ignore[reportPrivateUsage]
    if isinstance(client, AsyncClient):
        return faces.asynchronous(client._plain)  # pyright: ignore[reportPrivateUsage]
    raise ConfigError(f"client is {type(client).__name__}: give a dragoman.Client or AsyncClient", field="client")
