"""
`conversation` as the two clients have it.

What a conversation does is a capability and lives above the clients (`dragoman.conversation`), so it is loaded by its
name, when a client first has one.

Rule: here stand signatures and words, and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol, Unpack, cast

import msgspec

from dragoman.errors import ConfigError
from dragoman.plain import Plain
from dragoman.policy.base import Opened
from dragoman.secrets.secret import Secret
from dragoman.types.messages import Message
from dragoman.types.requests import ChatRequest, Settings, SettingsDict, settings_from, settings_of
from dragoman.types.responses import ChatResponse
from dragoman.verbs.run import Rounds

if TYPE_CHECKING:
    from dragoman.client import Messages
    from dragoman.policy.route.plans import Plan
    from dragoman.policy.route.way import Way

from dragoman.verbs.conversations.aio import AsyncConversation
from dragoman.verbs.conversations.blocking import Conversation
from dragoman.verbs.conversations.capability import OnBusy, Talk, Windows
from dragoman.verbs.parts import Parts


class Voice(msgspec.Struct, frozen=True):
    """
    What a conversation has of its client.

    Attributes:
        plain: Runtime, routes and clocks.
        asked: Makes a request of a verb's arguments.
        send: Asks for a whole answer.
        open: Asks for an answer whose first content has arrived.
        rounds: Makes a run of a verb's arguments.
        parsed: Asks for a value of a type.
    """

    plain: Plain
    asked: Callable[..., tuple[ChatRequest, Way | None]]
    send: Callable[..., Awaitable[ChatResponse]]
    open: Callable[..., Awaitable[Opened]]
    rounds: Callable[..., Rounds]
    parsed: Callable[..., Awaitable[ChatResponse]]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversation was made with; see `Client.conversation`."""

    conversation: str
    model: str | Plan
    store: Any
    tenant: str
    branch: str
    system: str | Message | None
    settings: Settings
    window: Windows
    on_busy: OnBusy
    lease: float
    owner: str = ""
    ttl: float | None = None
    encryption: Any = None
    cache_marks: bool | str = True


class _Capability(Protocol):
    def talk(self, voice: Voice, options: Options) -> Talk: ...


MAIN: Final = "main"


# --- the verb ---------------------------------------------------------------------------------------------------------


class _Talking(Parts):
    """What both faces have for it."""

    if TYPE_CHECKING:  # of other verbs

        def _rounds(
            self, model: str | Plan, messages: Messages, settings: Settings | None, keywords: Mapping[str, Any]
        ) -> Rounds: ...

        async def _parsed(self, asked: tuple[ChatRequest, Way | None], attempts: int | None) -> ChatResponse: ...

    def _talk(self, options: Options) -> Talk:
        voice = Voice(self._plain, self._asked, self._send, self._open, self._rounds, self._parsed)
        capability = cast("_Capability", import_module("dragoman.conversation.talk"))
        options = msgspec.structs.replace(options, store=self._store(options.store, options.encryption))
        return capability.talk(voice, options)

    def _store(self, store: Any, encryption: Any) -> Any:
        """The store of a URL, one for each client."""
        if not isinstance(store, str):
            return store if encryption is None else _sealed(store, encryption)
        given = tuple(cast("Sequence[Any]", encryption)) if isinstance(encryption, list | tuple) else (encryption,)
        if not all(one is None or isinstance(one, str | Secret) for one in given):
            raise ConfigError("encryption is no key: give a text, a Secret, or a list of them", field="encryption")
        # setdefault is atomic: of two threads that both made one, both use the first.
        stores: dict[Any, Any] = self.__dict__.setdefault("_stores", {})
        opened = stores.get(store)
        if opened is None:
            opened = stores.setdefault(store, import_module("dragoman.conversation.store").open_store(store))
        if encryption is None:
            return opened
        named = (store, given)
        return stores.get(named) or stores.setdefault(named, _sealed(opened, encryption))

    def _close_stores(self) -> None:
        for store in self.__dict__.get("_stores", {}).values():
            store.close()

    async def _aclose_stores(self) -> None:
        for store in self.__dict__.get("_stores", {}).values():
            await store.aclose()


def _sealed(store: Any, encryption: Any) -> Any:
    keys = import_module("dragoman.conversation.sealing").Keys(encryption)
    return import_module("dragoman.conversation.sealed").SealedStore(store, keys)


class BlockingTalks(_Talking):
    """Conversations of `Client`."""

    def conversation(
        self,
        conversation: str,
        *,
        model: str | Plan,
        store: Any = "memory://",
        system: str | Message | None = None,
        window: Windows = "default",
        cache_marks: bool | str = True,
        on_busy: OnBusy = "wait",
        tenant: str = "default",
        owner: str = "",
        ttl: float | None = None,
        encryption: str | Secret | Sequence[str | Secret] | None = None,
        branch: str = MAIN,
        lease: float = 30.0,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> Conversation:
        """
        Return a conversation that is kept in a store.  Does no I/O by itself; it begins with its first turn.

        Args:
            conversation: Its name, yours; the same name in the same store is the same conversation, in any process.
            model: `provider/model`, or a plan; each turn may have another.
            store: `sqlite:///path.db`, `memory://` (gone with this client), or a store of your own.
            system: The instructions, which hold from the next turn on; None for those that the conversation has.
            window: How much is sent: `TokenBudget()` by default, `LastTurns(20)`, your own, a list of several, of which
                each sees what those before it left, or None for everything.
            cache_marks: Whether the prompt is marked for providers that cache only what is marked (Anthropic, Bedrock);
                a text is the lifetime, such as `"1h"`.
            on_busy: What a turn does while another runs: `"wait"` in line until its deadline, `"reject"` with a
                `BusyError`, `"fork"` (go on beside it, on a branch that is called as the turn's id), or `"interrupt"`
                it.
            tenant: Whose it is: part of every key of the store.
            owner: Whose within the tenant: each owner has names of its own, which are listed and erased together.
            ttl: Seconds after its last change that the conversation is kept; 0 for ever, None for what holds now.
            encryption: Key that what is said is encrypted with (the base64 of 32 bytes), or a reference to it, such as
                `awskms:...`; several to open what was sealed with an older one, too.  Extra `encryption`.
            branch: The branch to go on with.
            lease: Seconds after which a turn whose process stopped may be taken over; it is renewed while one runs.
            settings: For every turn; the keywords win.
            **keywords: As `Settings` describes them.

        Raises:
            ConfigError: A value that cannot be; `.field` names it.
        """
        values = settings_of(settings).override(settings_from(keywords))
        return Conversation(
            self._talk(
                Options(
                    conversation=conversation,
                    model=model,
                    store=store,
                    tenant=tenant,
                    branch=branch,
                    system=system,
                    settings=values,
                    window=window,
                    cache_marks=cache_marks,
                    on_busy=on_busy,
                    lease=lease,
                    owner=owner,
                    ttl=ttl,
                    encryption=encryption,
                )
            )
        )


class AsyncTalks(_Talking):
    """Conversations of `AsyncClient`."""

    def conversation(
        self,
        conversation: str,
        *,
        model: str | Plan,
        store: Any = "memory://",
        system: str | Message | None = None,
        window: Windows = "default",
        cache_marks: bool | str = True,
        on_busy: OnBusy = "wait",
        tenant: str = "default",
        owner: str = "",
        ttl: float | None = None,
        encryption: str | Secret | Sequence[str | Secret] | None = None,
        branch: str = MAIN,
        lease: float = 30.0,
        settings: Settings | None = None,
        **keywords: Unpack[SettingsDict],
    ) -> AsyncConversation:
        """Return a conversation that is kept in a store; it is not awaited.  As `Client.conversation`."""
        values = settings_of(settings).override(settings_from(keywords))
        return AsyncConversation(
            self._talk(
                Options(
                    conversation=conversation,
                    model=model,
                    store=store,
                    tenant=tenant,
                    branch=branch,
                    system=system,
                    settings=values,
                    window=window,
                    cache_marks=cache_marks,
                    on_busy=on_busy,
                    lease=lease,
                    owner=owner,
                    ttl=ttl,
                    encryption=encryption,
                )
            )
        )
