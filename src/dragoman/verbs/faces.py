"""
The verbs as the two clients have them.

Rule: here stand signatures and words, and nothing else; what a verb does is a coroutine that both share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Unpack

from dragoman.plain import Plain
from dragoman.runtime import drive
from dragoman.types.cards import ModelCard, TokenCount
from dragoman.types.embeddings import EmbedResponse, InputKind
from dragoman.types.requests import Settings, SettingsDict
from dragoman.verbs.count import count
from dragoman.verbs.embed import embed
from dragoman.verbs.listing import models
from dragoman.verbs.raw import AsyncRaw, Raw

if TYPE_CHECKING:
    from dragoman.client import Messages


class BlockingVerbs:
    """What `Client` can do besides chat."""

    _plain: Plain

    def embed(
        self,
        model: str,
        inputs: str | Iterable[str],
        *,
        dimensions: int | None = None,
        kind: InputKind | None = None,
        timeout: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> EmbedResponse:
        """
        Turn texts into vectors.

        A list longer than the provider takes at once is sent as several requests.

        Args:
            model: `provider/model`.
            inputs: One text, or several.
            dimensions: Length of the vectors; the model's own by default.
            kind: What the texts are for: `query`, `document`, `similarity`, `classification` or `clustering`.  Where
                the provider knows no such thing it is left out, with a notice.
            timeout: Seconds for the whole call.
            extra: Fields of the request's body that have no name here.

        Returns:
            One vector for each text, in order; it may be used like a list.

        Raises:
            ConfigError: The call is wrong (`.field` says what), or the provider gives no vectors; nothing was sent.
            DragomanError: As `chat`.  Where there were several requests, `.embedded` has the vectors that came.
        """
        return drive(
            embed(
                self._plain, self._plain.context(timeout), model, inputs, dimensions=dimensions, kind=kind, extra=extra
            )
        )

    def models(self, provider: str, *, timeout: float | None = None) -> tuple[ModelCard, ...]:
        """
        Ask a provider which models it has, now.

        Args:
            provider: Its name, or an alias of it.
            timeout: Seconds for the whole call.

        Returns:
            In the provider's order; what it does not say of a model is filled in from the catalogue.

        Raises:
            ConfigError: The provider is not known or has no list; nothing was sent.
            DragomanError: As `chat`.
        """
        return drive(models(self._plain, self._plain.context(timeout), provider))

    def count(
        self,
        model: str,
        messages: Messages,
        *,
        local: bool = False,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> TokenCount:
        """
        Count the tokens of a prompt, without asking the model.

        OpenAI's encodings are counted here, exactly, if the extra `tokens` is installed; else the provider is asked,
        if it has an address for that; else it is an estimate.

        Args:
            model: `provider/model`.
            messages: As for `chat`.
            local: Ask nobody, and need no key.
            settings: Reusable settings; the keywords win.
            **keywords: As `Settings` describes them; tools and schemas are part of the prompt.

        Raises:
            ConfigError: The call is wrong; nothing was sent.
            DragomanError: As `chat`.
        """
        return drive(count(self._plain, self._plain.chat(model, messages, settings, keywords), local=local))

    def raw(self, provider: str) -> Raw:
        """
        Return what sends any request to a provider, for endpoints that have no verb.

        Args:
            provider: Its name, or an alias of it.

        Raises:
            UnknownProviderError: There is none of that name.
        """
        return Raw(self._plain, self._plain.routes.name_of(provider))


class AsyncVerbs:
    """What `AsyncClient` can do besides chat.  Arguments, results and errors are those of `Client`."""

    _plain: Plain

    async def embed(
        self,
        model: str,
        inputs: str | Iterable[str],
        *,
        dimensions: int | None = None,
        kind: InputKind | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - it sets our clocks
        extra: Mapping[str, Any] | None = None,
    ) -> EmbedResponse:
        """Turn texts into vectors; several requests go out at once.  Arguments and errors as `Client.embed`."""
        return await embed(
            self._plain, self._plain.context(timeout), model, inputs, dimensions=dimensions, kind=kind, extra=extra
        )

    async def models(
        self,
        provider: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - it sets our clocks
    ) -> tuple[ModelCard, ...]:
        """Ask a provider which models it has, now.  Arguments and errors as `Client.models`."""
        return await models(self._plain, self._plain.context(timeout), provider)

    async def count(
        self,
        model: str,
        messages: Messages,
        *,
        local: bool = False,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> TokenCount:
        """Count the tokens of a prompt, without asking the model.  Arguments and errors as `Client.count`."""
        return await count(self._plain, self._plain.chat(model, messages, settings, keywords), local=local)

    def raw(self, provider: str) -> AsyncRaw:
        """Return what sends any request to a provider; it is not awaited, its methods are.  As `Client.raw`."""
        return AsyncRaw(self._plain, self._plain.routes.name_of(provider))
